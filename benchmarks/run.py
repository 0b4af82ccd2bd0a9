"""Run the benchmarks, print what each prints, and keep it in RESULTS.md with the machine's kind.

    python benchmarks/run.py [attack augment ceilings collect curation drawing encoder explorer
                              gpu kcenter phantom train]

Each script has a section of its own there, which its next run replaces; the others stay.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
HEAD = (
    "# Benchmarks\n\nWhat the scripts of this folder printed when they last ran, each with its "
    "machine. [README.md](README.md) says what is measured, and why.\n"
)
sys.path.insert(0, str(HERE.parent))


def main(wanted: list[str]) -> int:
    scripts = {s.stem.removeprefix("bench_"): s for s in sorted(HERE.glob("bench_*.py"))}
    unknown = [name for name in wanted if name not in scripts]
    if unknown:
        known = ", ".join(scripts)
        print(f"no benchmark is called {', '.join(unknown)}; there are {known}", file=sys.stderr)
        return 2
    failed = [name for name in wanted or scripts if not made(scripts[name])]
    if failed:
        print(f"stopped before their end: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


def made(script: Path) -> bool:
    """Run one script and keep what it printed, if it came to its end."""
    from activecl_nb import files

    print(f"== {script.name}", flush=True)
    head, lines = machine(), []
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
    ) as running:
        for line in running.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if running.returncode:
        return False
    kept = sections()
    kept[script.name] = f"## {script.name}\n\n{head}\n\n```text\n{''.join(lines)}```\n"
    with files.replacing(RESULTS) as temporary:
        text = "\n".join([HEAD, *(kept[name] for name in sorted(kept))])
        temporary.write_text(text, encoding="utf-8")
    return True


def sections() -> dict[str, str]:
    """The parts of RESULTS.md so far, by script; without those whose script is gone."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    parts = re.split(r"^(?=## bench_)", text, flags=re.M)[1:]
    named = {part.split()[1]: part.rstrip() + "\n" for part in parts}
    return {name: part for name, part in named.items() if (HERE / name).exists()}


def machine() -> str:
    """One line: when, on what, how busy that was, with which versions."""
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("torch", "numpy", "numba")
    )
    busy = f" (load {os.getloadavg()[0]:.1f} before it)" if hasattr(os, "getloadavg") else ""
    return (
        f"{datetime.date.today():%d %B %Y}: {os.cpu_count()} cores{busy}, {_processor()}, "
        f"{platform.system()}, Python {platform.python_version()}, {versions}."
    )


def _processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
