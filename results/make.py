"""Make the stored runs that the lessons open: every strategy and the benchmark, seed by seed.

    python results/make.py [--seeds 3] [--jobs 2]

Runs the laptop profile on the phantom with ``python -m activecl_nb``, into results/laptop. What is
finished is kept, so the same command goes on after a stop. At the end the weights are left out,
which are most of the bytes, after a map was made from the benchmark's of the first seed: an
encoder that favours no strategy.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
STRATEGIES = ("random", "entropy", "kcenter", "certainty")
PROFILE = "laptop"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    options = parser.parse_args()
    wanted = [(s, seed) for seed in range(options.seeds) for s in (*STRATEGIES, "benchmark")]
    with ThreadPoolExecutor(options.jobs) as pool:
        failed = [name for name, code in pool.map(make, wanted) if code]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    save_map()
    for file in [*folder().glob("*/weights-*.safetensors"), *folder().glob("*/curve.png")]:
        file.unlink()
    return 0


def folder() -> Path:
    return ROOT / "results" / PROFILE


def make(what: tuple[str, int]) -> tuple[str, int]:
    """One run in a process of its own, on one thread; its name and exit status."""
    strategy, seed = what
    out = folder() / f"{strategy}-{seed}"
    command = ["benchmark"] if strategy == "benchmark" else ["run", "--strategy", strategy]
    command += ["--profile", PROFILE, "--seed", str(seed), "--out", str(out)]
    code = "import torch; torch.set_num_threads(1); from activecl_nb.__main__ import main; "
    done = subprocess.run(
        [sys.executable, "-c", f"import activecl_nb; {code} raise SystemExit(main({command!r}))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    last = done.stdout.strip().splitlines()[-2:-1] if done.returncode == 0 else [done.stderr[-500:]]
    print(f"{out.name:<14} {' '.join(last)}", flush=True)
    return out.name, done.returncode


def save_map() -> None:
    from activecl_nb import experiment, imbalance, maps

    home = folder() / "random-0"
    benchmark = experiment.load(folder() / "benchmark-0")
    if maps.stored(home, benchmark.watched) is not None:
        return
    train = imbalance.load("phantom", benchmark.protocol).train
    maps.save(home, maps.of_run(benchmark, train))


if __name__ == "__main__":
    sys.exit(main())
