"""Make what results/ holds: the study's tables, the report, and the runs that lessons open.

    python results/make.py [--jobs 2] [--runs build/study] [--finished]

Makes those runs of results/study.toml that results/study lacks, and the few that lessons open whole
(all in all hours; about a minute of one core each), goes on where it was stopped, and then keeps

    results/study     a few small files with the results of all runs
    results/laptop    the runs of a few seeds whole but for their weights, and a map, for the
                      lessons and the explorer
    results/tiny      one run of seconds, which the tests make again and compare

With --finished nothing is trained: what is finished in --runs is kept, beside what was before.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import sys
from pathlib import Path

from activecl_nb import experiment, imbalance, runs
from activecl_nb.evidence import study
from activecl_nb.pictures import maps
from activecl_nb.protocol import BENCHMARK, Protocol

HERE = Path(__file__).parent
LESSONS = {"paper", "formula"}  # the grids whose runs the lessons open
SEEDS = 3  # of these


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("--runs", type=Path, default=HERE.parent / "build" / "study")
    parser.add_argument("--finished", action="store_true", help="train no more")
    options = parser.parse_args()
    evidence = study.read(HERE / "study.toml")
    if not options.finished:
        made = study.run(lacking(evidence), options.runs, jobs=options.jobs, keep_weights=True)
        failed = study.failures(evidence, made)
        if failed:
            print(failed, file=sys.stderr)
            return 1
    kept = study.store(evidence, options.runs, HERE / "study")
    print(f"{int(kept.planned['finished'].sum())} of {len(kept.planned)} entries are finished")
    keep_lessons(evidence, options.runs, HERE / "laptop")
    keep_check(HERE / "tiny" / "entropy-0")
    return 0


def lacking(evidence: study.Study) -> study.Study:
    """The part of the study that is not stored yet, or is wanted whole."""
    there = study.kept(HERE / "study")
    wanted = [e for e in evidence.entries if for_lessons(e) or e.job.address() not in there]
    return dataclasses.replace(evidence, entries=tuple(wanted))


def for_lessons(entry: study.Entry) -> bool:
    return entry.grid in LESSONS and entry.job.seed < SEEDS


def keep_lessons(evidence: study.Study, runs: Path, folder: Path) -> None:
    """Put the lessons' runs together beside the old ones, then take their place."""
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    for entry in evidence.entries:
        job = entry.job
        if for_lessons(entry):
            keep_run(runs / job.address(), new / f"{job.strategy}-{job.seed}")
    save_map(evidence, runs, new / "random-0")
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def keep_run(source: Path, folder: Path) -> None:
    """Copy a run without its weights, which are most of the bytes."""
    if not (source / "rounds.csv").exists():
        raise FileNotFoundError(f"{source} is not finished; run without --finished")
    shutil.copytree(source, folder, dirs_exist_ok=True)
    runs.drop_weights(folder)


def keep_check(folder: Path) -> None:
    """A run of seconds, which the tests make again and compare.

    At the paper's rate: at the tiny profile's, differences of rounding between processors grow
    within three rounds until they change picks.
    """
    protocol = Protocol.of("tiny", learning_rate=1e-4, standardise=False)
    shutil.rmtree(folder, ignore_errors=True)
    experiment.run(protocol, imbalance.load("phantom", protocol), "entropy", 0, folder)
    runs.drop_weights(folder)


def save_map(evidence: study.Study, runs: Path, home: Path) -> None:
    """The explorer's map, from the features of the benchmark: an encoder that favours no strategy.

    It needs the weights of the benchmark of seed 0, which are in ``runs`` alone.
    """
    first = next(j for j in evidence.jobs if (j.strategy, j.seed) == (BENCHMARK, 0))
    benchmark = runs.load(runs / first.address())
    maps.save(home, maps.of_run(benchmark, first.load().train))


if __name__ == "__main__":
    sys.exit(main())
