"""Is this machine ready for the lessons? What is missing, and how to mend it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activecl_nb.profiles import Profile

NEEDED = {  # distribution -> what stops working without it
    "torch": "everything",
    "torchvision": "lesson 02",
    "scikit-learn": "the scores",
    "pandas": "tables",
    "matplotlib": "figures",
    "seaborn": "figures",
    "umap-learn": "the maps",
    "ipywidgets": "the sliders",
    "anywidget": "the explorer",
    "safetensors": "saved runs",
    "tqdm": "progress bars",
    "pooch": "downloads",
    "psutil": "this check",
    "jupyterlab": "the lessons",
}
WIDTH = 58  # letters a line, as a page of 600 pixels has room for
DISK_NEEDED = 2e9  # bytes, for drawn tissue and runs
MEMORY_NEEDED = 3e9  # bytes
MINUTES_ENOUGH = 45  # of computing in all lessons; beyond it a class waits more than it learns
BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "chrome", "firefox", "msedge", "safari"),
    *("microsoft-edge", "brave-browser", "opera"),
)

# How long a notebook computes from top to bottom, in seconds, and the speed of that machine in
# images per second (see ``speed``). ``make notebooks`` prints both lines anew.
LESSON_SECONDS = {
    "tiny": {
        "00": 13, "01": 20, "02": 55, "03": 39, "04": 41, "05": 54, "06": 94, "07": 20, "08": 30,
        "09": 40,
    },
    "laptop": {
        "00": 12, "01": 14, "02": 74, "03": 39, "04": 21, "05": 21, "06": 72, "07": 17, "08": 40,
        "09": 46,
    },
}  # fmt: skip
REFERENCE_SPEED = {"tiny": 119, "laptop": 784}


@dataclass(frozen=True)
class Finding:
    """One line of the environment check: what was looked at, what was found, and the mend."""

    what: str
    found: str
    mend: str = ""  # empty: nothing is wrong

    def __str__(self) -> str:
        mark = "->" if self.mend else "ok"
        said = [_wrapped(f"{mark}  {self.what:<12} {self.found}", 17)]
        if self.mend:
            said.append(_wrapped(f"     to do: {self.mend}", 12))
        return "\n".join(said)


@dataclass(frozen=True)
class Findings:
    """The environment check as a whole."""

    lines: tuple[Finding, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether nothing is wrong."""
        return not any(line.mend for line in self.lines)

    def __str__(self) -> str:
        end = "ready" if self.ready else "not ready: see the lines marked ->"
        return "\n".join([*map(str, self.lines), end])

    __repr__ = __str__


def _wrapped(line: str, indent: int) -> str:
    """In lines that fit beside the lab's file browser, broken between words alone."""
    return textwrap.fill(
        line,
        WIDTH,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def environment() -> Findings:
    """Look at packages, device, memory, disk, data and speed; say what is wrong and the mend.

    It takes some ten seconds, most of them for libraries to load. Without all packages, the rest
    is not looked at, since it needs them.
    """
    packages = _packages()
    if any(line.mend for line in packages):
        return Findings((*packages, _browser()))
    disk = _disk()
    data = (_tissue(), _runs()) if not disk.mend else ()  # what is drawn is kept on the disk
    return Findings((*packages, _device(), _memory(), disk, *data, _browser(), *_speed()))


def _packages() -> list[Finding]:
    missing = []
    for name, purpose in NEEDED.items():
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            mend = f"run `make lab`, or `pip install {name}`"
            missing.append(Finding(name, f"missing: it is for {purpose}", mend))
    if missing:
        return missing
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("torch", "umap-learn")]
    return [
        Finding("Python", platform.python_version()),
        Finding("packages", f"all {len(NEEDED)} there, {', '.join(versions)}"),
    ]


def _device() -> Finding:
    import torch

    from activecl_nb import profiles

    wait = os.environ.get("OMP_WAIT_POLICY", "not set")
    try:
        device = profiles.device()
    except ValueError as error:
        return Finding("device", str(error), "unset ACTIVECL_DEVICE, or choose one of these")
    threads = torch.get_num_threads()
    return Finding(
        "device",
        f"{device}, {threads} thread{'s' * (threads > 1)} of {os.cpu_count()} cores, "
        f"OMP_WAIT_POLICY {wait}",
    )


def _memory() -> Finding:
    import psutil

    total = psutil.virtual_memory().total
    mend = "" if total >= MEMORY_NEEDED else "close other programs, or use ACTIVECL_PROFILE=tiny"
    return Finding("memory", f"{total / 1e9:.1f} GB", mend)


def _disk() -> Finding:
    from activecl_nb import files

    folder = files.cache_dir()
    shown = _short(folder)
    try:
        with files.replacing(folder / "check.txt") as temporary:  # only writing tells
            temporary.write_text("the environment check wrote this; it may be deleted\n")
        (folder / "check.txt").unlink()
    except OSError as error:
        return Finding(
            "disk",
            f"{shown} cannot be written: {error.strerror or error}",
            "set ACTIVECL_HOME to a folder of yours",
        )
    free = shutil.disk_usage(folder).free
    mend = "" if free >= DISK_NEEDED else "free some space, or set ACTIVECL_HOME to a larger disk"
    return Finding("disk", f"{free / 1e9:.1f} GB free for {shown}", mend)


def _short(path: Path) -> str:
    """The path, from the home folder on if it is in there: no machine's name in a notebook."""
    try:
        return f"~/{path.relative_to(os.path.expanduser('~')).as_posix()}"
    except ValueError:
        return str(path)


def _tissue() -> Finding:
    from activecl_nb import tissue
    from activecl_nb.sources import download

    try:
        drawn = tissue.load("phantom", "train", size=32, count=9)
    except Exception as error:  # whatever stops the data is what this check is for
        return Finding("data", f"the phantom cannot be drawn: {error}", "see the error; run again")
    real = [
        name
        for name, one in download.SETS.items()
        if all((download.home() / file.name).is_file() for file in one.files)
    ]
    return Finding("data", f"{drawn.source} can be drawn; real sets fetched: {len(real)}")


def _runs() -> Finding:
    """Whether the stored runs picked from the very patches that this machine draws."""
    from activecl_nb import runs
    from activecl_nb.lessons import shelf

    instead = "lessons 05 to 07 make short ones instead, and 06 a map of its own"
    try:
        n_runs = len(runs.stored("laptop"))
    except FileNotFoundError:
        return Finding("stored runs", f"none: {instead}")
    except ValueError as error:
        return Finding("stored runs", f"cannot be read: {error}", "get results/ of the kit anew")
    try:
        shelf.usable(mapped=True)
    except ValueError as error:  # lessons go on without them, so the machine is ready
        return Finding(
            "stored runs", f"set aside: {error}. {instead}; the report's tables stay as they are"
        )
    return Finding(
        "stored runs", f"{n_runs}, for lessons 05 to 07, from the tissue that this machine draws"
    )


def _browser() -> Finding:
    """For information only: a browser may be on another machine than the kernel."""
    named = os.environ.get("BROWSER", "")
    browser = next((name for name in (named, *BROWSERS) if name and shutil.which(name)), "")
    if not browser and platform.system() in ("Darwin", "Windows"):
        browser = "the system's own"
    return Finding(
        "browser", browser or "none found here: open JupyterLab's address in one elsewhere"
    )


def _speed() -> tuple[Finding, ...]:
    """Training speed at the profile's size, and from it how long each lesson will take."""
    from activecl_nb import profiles

    try:
        profile, _ = profiles.current(), profiles.device()
    except ValueError as error:
        return (Finding("speed", str(error), "set ACTIVECL_PROFILE and ACTIVECL_DEVICE rightly"),)
    measured = speed(profile)
    pace = f"{measured:.0f} images/s in SimCLR, profile {profile.name}"
    if profile.name not in LESSON_SECONDS:
        return (
            Finding("speed", pace),
            Finding("lessons", f"no times are known for the profile {profile.name}"),
        )
    factor = REFERENCE_SPEED[profile.name] / measured
    minutes = {n: s * factor / 60 for n, s in LESSON_SECONDS[profile.name].items()}
    total = sum(minutes.values())
    by_lesson = ", ".join(f"{n}: {m:.0f}" if m >= 1 else f"{n}: <1" for n, m in minutes.items())
    mend = ""
    if total > MINUTES_ENOUGH:
        slower = "ACTIVECL_PROFILE=tiny, or cut as teaching/ says"
        other = slower if profile.name != "tiny" else "another machine"
        mend = f"close other programs and look again; else {other}"
    return (
        Finding("speed", pace),
        Finding("lessons", f"compute about {max(total, 1):.0f} minutes in all ({by_lesson})", mend),
    )


def speed(profile: Profile, seconds: float = 2.0) -> float:
    """Images per second of SimCLR training at the profile's size, on the profile's device.

    Measured for about ``seconds`` after a first batch, which loads and compiles. It trains a
    throw-away encoder on noise: what is in a picture makes no difference to the time.
    """
    import torch

    from activecl_nb import profiles, seeds, simclr

    device = profiles.device()
    batch = profile.batch_size
    if device.type == "cpu" and profile.image_size > 64:
        batch = min(batch, 8)  # a large batch of large images takes a processor half a minute
    shape = (batch, 3, profile.image_size, profile.image_size)
    noise = torch.randint(
        0, 256, shape, dtype=torch.uint8, generator=seeds.generator(0, "speed")
    ).to(device)
    model = simclr.build(profile).to(device)

    def train(epochs: int) -> float:
        since = time.perf_counter()
        simclr.train(model, noise, epochs=epochs, batch_size=batch)
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - since

    train(1)
    once = train(1)
    epochs = max(1, round(seconds / once))
    return epochs * batch / train(epochs)
