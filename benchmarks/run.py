"""Run every benchmark, print what each prints, and keep it in RESULTS.md with the machine's kind.

python benchmarks/run.py [phantom augment kcenter explorer]
"""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))


def main(wanted: list[str]) -> int:
    from activecl_nb import files

    scripts = sorted(HERE.glob("bench_*.py"))
    chosen = [s for s in scripts if not wanted or s.stem.removeprefix("bench_") in wanted]
    if not chosen:
        known = ", ".join(s.stem.removeprefix("bench_") for s in scripts)
        print(f"no benchmark is called {' '.join(wanted)}; there are {known}", file=sys.stderr)
        return 2
    parts, failed = [machine()], False
    for script in chosen:
        print(f"== {script.name}", flush=True)
        lines = []
        with subprocess.Popen(
            [sys.executable, "-W", "ignore", str(script)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        ) as running:
            for line in running.stdout:
                print(line, end="", flush=True)
                lines.append(line)
        failed |= running.returncode != 0
        end = "" if running.returncode == 0 else f"(stopped with status {running.returncode})\n"
        parts.append(f"## {script.name}\n\n```text\n{''.join(lines)}```\n{end}")
    if not wanted:  # a part alone would replace the whole table
        with files.replacing(HERE / "RESULTS.md") as temporary:
            temporary.write_text("\n".join(parts))
    return int(failed)


def machine() -> str:
    """The page's head: when, on what, with which versions."""
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("torch", "numpy", "numba")
    )
    return (
        "# Benchmarks\n\n"
        f"Made by `make bench` on {datetime.date.today():%d %B %Y}: {os.cpu_count()} cores, "
        f"{_processor()}, {platform.system()}, Python {platform.python_version()}, {versions}.\n"
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
