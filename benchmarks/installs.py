"""From nothing to the first picture: minutes and megabytes of each way to install the kit.

    python benchmarks/installs.py [uv make wheel stick pages]    (Linux; it fetches gigabytes)

Each way is gone in an empty folder with an empty home and empty caches, by the commands that
README or teaching/room.md give; then lesson 00 runs until its first figure stands there. What was
measured is kept in installs.csv, a line a way, and written into README's table. Megabytes fetched
are what came in over the machine's network meanwhile, so that nothing else may fetch anything.
"""

from __future__ import annotations

import csv
import datetime
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from activecl_nb import files  # noqa: E402

TABLE = ROOT / "benchmarks" / "installs.csv"
BEGIN, END = (
    "<!-- installs: written by python benchmarks/installs.py -->",
    "<!-- end of installs -->",
)
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", "*.egg-info")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class Measured:
    """One way. minutes: until the first picture; fetched, disk: bytes."""

    way: str
    minutes: float
    fetched: int
    disk: int
    day: str
    cores: int
    load: float


class Folder:
    """A folder with a copy of the kit, a home and nothing else; and how commands run there."""

    def __init__(self, place: Path) -> None:
        self.home, self.kit = place / "home", place / "kit"
        self.home.mkdir()
        kept = ("PATH", "LANG", "PIP_CERT", "SSL_CERT_FILE", "HTTPS_PROXY")
        self.surroundings = {name: os.environ[name] for name in kept if name in os.environ}
        self.surroundings |= {"HOME": str(self.home), "TMPDIR": str(place)}

    def copy(self) -> Path:
        shutil.copytree(ROOT, self.kit, ignore=NOT_COPIED)
        return self.kit

    def run(self, *command: object, at: Path | None = None) -> str:
        """The command's standard output. ValueError: it failed."""
        words = [str(word) for word in command]
        done = subprocess.run(
            words, cwd=at or self.home, env=self.surroundings, stdout=subprocess.PIPE, text=True
        )
        if done.returncode:
            raise ValueError(f"`{' '.join(words)}` failed; what it printed says why")
        return done.stdout


# ---- the ways: each installs, and returns (its Python, the lessons' folder, what it takes up) ----

Installed = tuple[Path, Path, Path]


def by_uv(folder: Folder) -> Installed:
    kit = folder.copy()
    folder.run("uv", "venv", "--quiet", "--python", PYTHON, at=kit)
    folder.run("uv", "pip", "install", "--quiet", "-c", "constraints.txt", "-e", ".", at=kit)
    return kit / ".venv" / "bin" / "python", kit / "notebooks", kit / ".venv"


def by_make(folder: Folder) -> Installed:
    """All that `make lab` does before it opens JupyterLab."""
    kit = folder.copy()
    folder.run("make", f"PYTHON={sys.executable}", "check", at=kit)
    return kit / ".venv" / "bin" / "python", kit / "notebooks", kit / ".venv"


def by_wheel(folder: Folder) -> Installed:
    """A wheel into a new environment, the lessons copied out of it."""
    dist = folder.home / "dist"
    folder.run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", dist, folder.copy())
    shutil.rmtree(folder.kit)
    folder.run(sys.executable, "-m", "venv", ".venv")
    python = folder.home / ".venv" / "bin" / "python"
    folder.run(python, "-m", "pip", "install", "-q", next(dist.glob("*.whl")))
    folder.run(python, "-m", "activecl_nb", "lessons", "mine")
    return python, folder.home / "mine" / "notebooks", folder.home / ".venv"


def by_stick(folder: Folder) -> Installed:
    """From the stick in $STICK (`python -m activecl_nb stick`), without a network."""
    stick = Path(os.environ["STICK"]).resolve()
    folder.run("unshare", "-n", "-r", shutil.which("python" + PYTHON), stick / "install.py")
    home = folder.home / "activecl"
    return home / ".venv" / "bin" / "python", home / "notebooks", home / ".venv"


WAYS: dict[str, tuple[str, Callable[[Folder], Installed]]] = {
    "uv": ("the two lines with uv", by_uv),
    "make": ("`make lab`, with pip", by_make),
    "wheel": ("pip, from a wheel of the kit", by_wheel),
    "stick": ("an offline stick, no network", by_stick),
}
PAGES = "pages"  # read without an install


# ---- measuring -----------------------------------------------------------------------------------


def measured(way: str) -> Measured:
    load = os.getloadavg()[0]
    before, since = received(), time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="installs-", dir=os.environ.get("TMPDIR")) as place:
        if way == PAGES:
            from activecl_nb.lessons import site

            site.build(place)
            minutes, disk = 0.0, size(Path(place))
        else:
            folder = Folder(Path(place))
            python, notebooks, takes = WAYS[way][1](folder)
            installed = time.perf_counter() - since
            disk = size(takes)
            minutes = (installed + first_picture(folder, python, notebooks)) / 60
    fetched = 0 if way in (PAGES, "stick") else received() - before
    today = datetime.date.today().isoformat()
    return Measured(way, round(minutes, 1), fetched, disk, today, os.cpu_count() or 0, load)


def first_picture(folder: Folder, python: Path, notebooks: Path) -> float:
    """Seconds until lesson 00 shows its first figure, as its runner tells; the rest is not awaited.

    ValueError: it failed before it had one.
    """
    command = [python, notebooks / "run.py", "00", "--out", folder.home / "run"]
    with subprocess.Popen(
        command, cwd=notebooks, env=folder.surroundings, stdout=subprocess.PIPE, text=True
    ) as runner:
        told = runner.stdout.readline()
        runner.terminate()
    seconds = re.search(r"first figure +(\d+) s", told)
    if seconds is None:
        raise ValueError(f"lesson 00 showed no figure: {told}")
    return float(seconds[1])


def received() -> int:
    """Bytes that came in over the network since the machine was started."""
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    named = dict(line.split(":", 1) for line in lines)
    return sum(int(rest.split()[0]) for name, rest in named.items() if name.strip() != "lo")


def size(folder: Path) -> int:
    """Bytes of its files; a file with two names counts once."""
    stats = (p.lstat() for p in folder.rglob("*") if p.is_file())
    return sum({one.st_ino: one.st_size for one in stats}.values())


# ---- the table -----------------------------------------------------------------------------------


def kept() -> dict[str, Measured]:
    if not TABLE.is_file():
        return {}
    kinds = {"minutes": float, "load": float, "fetched": int, "disk": int, "cores": int}
    with TABLE.open(newline="", encoding="utf-8") as file:
        lines = [
            {k: kinds.get(k, str)(v) for k, v in line.items()} for line in csv.DictReader(file)
        ]
    return {line["way"]: Measured(**line) for line in lines}


def save(found: dict[str, Measured]) -> None:
    with files.replacing(TABLE) as temporary, temporary.open("w", newline="") as file:
        lines = csv.DictWriter(file, [one.name for one in fields(Measured)])
        lines.writeheader()
        lines.writerows(asdict(found[way]) for way in [*WAYS, PAGES] if way in found)


def table(found: dict[str, Measured]) -> str:
    """What README shows, as Markdown."""
    rows = [
        "| from nothing to the first picture, on Linux | minutes | MB fetched | MB on the disk |",
        "| --- | --- | --- | --- |",
    ]
    for way, (title, _) in WAYS.items():
        if way in found:
            one = found[way]
            fetched = f"{one.fetched / 1e6:,.0f}"
            rows.append(f"| {title} | {one.minutes:.0f} | {fetched} | {one.disk / 1e6:,.0f} |")
    if PAGES in found:
        rows.append(
            f"| the pages of `make site`, to read | – | 0 | {found[PAGES].disk / 1e6:,.0f} |"
        )
    loads = [one.load for way, one in found.items() if way != PAGES] or [0]
    most = max(one.fetched for one in found.values()) / 1e6
    cores = {one.cores for one in found.values()}
    days = sorted(one.day for one in found.values())
    return "\n".join(
        [
            *rows,
            "",
            f"Measured by `benchmarks/installs.py` on {max(cores)} cores, {days[-1]}, while other "
            f"programs kept them busy (load {min(loads):.0f} to {max(loads):.0f}). Packages came "
            f"fast: at 10 MB a second {most:,.0f} MB take {most / 600:.0f} minutes more.",
        ]
    )


def main(wanted: Sequence[str]) -> int:
    unknown = [way for way in wanted if way not in (*WAYS, PAGES)]
    if unknown:
        print(f"no way is called {unknown[0]}; there are {', '.join([*WAYS, PAGES])}")
        return 2
    found = kept()
    for way in wanted:
        found[way] = measured(way)
        print(found[way], flush=True)
        save(found)
    files.put_between(ROOT / "README.md", BEGIN, END, table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
