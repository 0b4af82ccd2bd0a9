"""An offline stick: all that a room of machines without a network needs.

    DIR/README.html    how to use it, system by system
    DIR/wheels/        the kit, and what it needs, for each system asked for
    DIR/activecl/      the lessons, the teacher's side and the stored results
    DIR/cache/         the tissue that lessons draw, so that no machine draws it again
    DIR/site/          the lessons as pages, for machines on which nothing can be installed

It is made with a network, once, by pip and uv (the extra [teach]). PyPI has torch for Linux with
CUDA alone, gigabytes of it; for Windows and macOS it has the processor's.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from activecl_nb import __version__, files
from activecl_nb.lessons import takeaway
from activecl_nb.pictures.templates import templates

HERE = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class System:
    """One kind of machine: its name, what uv calls it, and the tags of wheels that it takes.

    tags: pip adds older macOS to these by itself, older glibc not. macos: the oldest that will do.
    pinned: whether the tested set of versions has wheels for it; else the newest of each package
    that has.
    """

    title: str
    uv: str
    tags: tuple[str, ...]
    macos: str = ""
    pinned: bool = True


def _glibc(newest: int) -> tuple[str, ...]:
    old = ("manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64", "linux_x86_64")
    return tuple(f"manylinux_2_{n}_x86_64" for n in range(newest, 4, -1)) + old


SYSTEMS = {
    "linux": System("Linux", "x86_64-manylinux_2_28", _glibc(28)),
    "windows": System("Windows", "x86_64-pc-windows-msvc", ("win_amd64",)),
    "macos": System(
        "macOS 14 or newer, Apple processor", "aarch64-apple-darwin", ("macosx_14_0_arm64",), "14.0"
    ),
    "macos-intel": System(
        "macOS 13 or newer, Intel processor, Python 3.10 to 3.12",
        "x86_64-apple-darwin",
        ("macosx_13_0_x86_64",),
        "13.0",
        pinned=False,
    ),
}


def make(
    folder: str | os.PathLike[str],
    systems: Sequence[str],
    python: str = "3.12",
    *,
    without: Sequence[str] = (),
) -> Path:
    """Fill ``folder`` for machines of these ``systems`` with this ``python``; returns its page.

    systems: names in ``SYSTEMS``. without: packages that the machines have already. It may be
    called again: what is there is not fetched twice, and worked-in lessons stay.

    FileNotFoundError: this is no copy of the repository, whose pyproject.toml is needed, or there
    is no uv or pip. ValueError: an unknown system, or something cannot be fetched.
    """
    folder = files.expanded(folder)
    unknown = [name for name in systems if name not in SYSTEMS]
    if unknown:
        raise ValueError(f"no system is called {unknown[0]!r}; there are {', '.join(SYSTEMS)}")
    repository = Path(__file__).resolve().parents[2]
    if not (repository / "pyproject.toml").is_file():
        raise FileNotFoundError(
            f"{repository} has no pyproject.toml; make the stick from a copy of the repository"
        )
    _needs_tools()
    wheels = folder / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    _run("pip", "wheel", "--no-deps", "--wheel-dir", str(wheels), str(repository))
    for name in systems:
        _fetch(SYSTEMS[name], python, repository, wheels, without)
    takeaway.copy_lessons(folder / "activecl")
    _run("activecl_nb", "prepare", ACTIVECL_HOME=str(folder / "cache"))
    from activecl_nb.lessons import site

    site.build(folder / "site")
    return _page(folder, systems, python)


def _needs_tools() -> None:
    for name in ("uv", "pip"):
        if importlib.util.find_spec(name) is None:
            raise FileNotFoundError(
                f'{name} is not in this environment; install the kit\'s extra: -e ".[teach]"'
            )


def _fetch(
    system: System, python: str, repository: Path, wheels: Path, without: Sequence[str]
) -> None:
    """The wheels of one system. uv decides which, since pip reads markers as of this machine."""
    pins = ("--constraint", str(repository / "constraints.txt")) if system.pinned else ()
    tags = [word for tag in (*system.tags, "any") for word in ("--platform", tag)]
    with tempfile.TemporaryDirectory(prefix="activecl-") as place:  # of this call alone
        wanted = Path(place) / f"{system.uv}-{python}.txt"
        _run(
            *("uv", "pip", "compile", str(repository / "pyproject.toml"), "--quiet"),
            *("--only-binary", ":all:", *pins, "--no-annotate", "--no-header"),
            *("--python-platform", system.uv, "--python-version", python),
            *("--output-file", str(wanted)),
            MACOSX_DEPLOYMENT_TARGET=system.macos,
        )
        lines = wanted.read_text(encoding="utf-8").splitlines()
        wanted.write_text("\n".join(kept(lines, without)) + "\n", encoding="utf-8")
        _run(
            *("pip", "download", "--no-deps", "--only-binary=:all:", "--dest", str(wheels)),
            *("--python-version", python, "--implementation", "cp", *tags),
            *("--requirement", str(wanted)),
        )


def kept(lines: Sequence[str], without: Sequence[str]) -> list[str]:
    """The lines NAME==VERSION but for the packages named, and for what only torch needs of them."""
    left_out = {name.lower() for name in without}
    prefixes = ("nvidia-", "cuda-", "triton") if "torch" in left_out else ()
    return [
        line
        for line in lines
        if line.partition("==")[0].lower() not in left_out and not line.startswith(prefixes or "#")
    ]


def _run(*words: str, **surroundings: str) -> None:
    """python -m WORDS, with these in its environment unless empty. ValueError: it failed."""
    set_too = {name: value for name, value in surroundings.items() if value}
    done = subprocess.run([sys.executable, "-m", *words], env=os.environ | set_too)
    if done.returncode:
        raise ValueError(f"`python -m {' '.join(words[:3])}` failed; what it printed says why")


def _page(folder: Path, systems: Sequence[str], python: str) -> Path:
    """How the stick is used, with the bytes that are on it."""
    megabytes = {
        part.name: round(sum(f.stat().st_size for f in part.rglob("*") if f.is_file()) / 1e6)
        for part in sorted(folder.iterdir())
        if part.is_dir()
    }
    page = folder / "README.html"
    titles = [(name, SYSTEMS[name].title) for name in systems]
    facts = {"python": python, "version": __version__, "megabytes": megabytes}
    files.write(page, templates(HERE).get_template("stick.html").render(systems=titles, **facts))
    shutil.copyfile(HERE / "install_offline.py", folder / "install.py")
    return page
