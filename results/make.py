"""Make what results/ holds: the study's tables, the report, and the runs that lessons open.

    python results/make.py [--jobs 2] [--runs build/study] [--finished]

Makes those runs of results/study.toml that results/study lacks (minutes of one core each, days in
all) and those of results/laptop.toml, goes on where it was stopped, and then keeps

    results/study     a few small files with the results of all runs
    results/laptop    the lessons' runs whole but for their weights, and a map for the explorer
    results/tiny      one run of seconds, which the tests make again and compare
    results/report*   the page that the study's tables make; README gets its rows

With --finished nothing is trained: what is finished in --runs is kept, beside what was before.
Real tissue must lie where study.toml says: `python data_download.py ebhi` makes it.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import sys
from pathlib import Path

from activecl_nb import experiment, imbalance, runs
from activecl_nb.evidence import report, study
from activecl_nb.pictures import maps
from activecl_nb.protocol import BENCHMARK, Protocol

HERE = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("--runs", type=Path, default=HERE.parent / "build" / "study")
    parser.add_argument("--finished", action="store_true", help="train no more")
    options = parser.parse_args()
    evidence, lessons = (study.read(HERE / f"{name}.toml") for name in ("study", "laptop"))
    failed = []
    if not options.finished:
        for planned, whole in ((lessons, True), (lacking(evidence), False)):
            made = study.run(planned, options.runs, jobs=options.jobs, keep_weights=whole)
            failed.append(study.failures(planned, made))
    kept = study.store(evidence, options.runs, HERE / "study")
    print(f"{int(kept.planned['finished'].sum())} of {len(kept.planned)} entries are finished")
    if all((options.runs / job.address() / "run.json").exists() for job in lessons.jobs):
        keep_lessons(lessons, options.runs, HERE / "laptop")
    keep_check(HERE / "tiny" / "entropy-0")
    page = report.make(HERE / "study")
    report.write(page, HERE)
    report.put_findings(page, HERE.parent / "README.md")
    print("\n".join(filter(None, failed)), file=sys.stderr)
    return 1 if any(failed) else 0


def lacking(evidence: study.Study) -> study.Study:
    """The part of the study that is not stored yet."""
    there = study.kept(HERE / "study")
    wanted = [e for e in evidence.entries if e.job.address() not in there]
    return dataclasses.replace(evidence, entries=tuple(wanted))


def keep_lessons(lessons: study.Study, made: Path, folder: Path) -> None:
    """Put the lessons' runs together beside the old ones, then take their place."""
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    for job in lessons.jobs:
        if not runs.load(made / job.address()).finished:
            raise FileNotFoundError(f"{made / job.address()} is not finished; drop --finished")
        copy = new / f"{job.strategy}-{job.seed}"
        shutil.copytree(made / job.address(), copy)
        runs.drop_weights(copy)
    save_map(lessons, made, new / "random-0")
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def keep_check(folder: Path) -> None:
    """A run of seconds, which the tests make again and compare.

    At the paper's rate: at the tiny profile's, differences of rounding between processors grow
    within three rounds until they change picks.
    """
    protocol = Protocol.of("tiny", learning_rate=1e-4, standardise=False)
    shutil.rmtree(folder, ignore_errors=True)
    experiment.run(protocol, imbalance.load("phantom", protocol), "entropy", 0, folder)
    runs.drop_weights(folder)


def save_map(lessons: study.Study, made: Path, home: Path) -> None:
    """The explorer's map, from the features of the benchmark: an encoder that favours no strategy.

    It needs the weights of the benchmark of seed 0, which are in ``made`` alone.
    """
    first = next(j for j in lessons.jobs if (j.strategy, j.seed) == (BENCHMARK, 0))
    benchmark = runs.load(made / first.address())
    maps.save(home, maps.of_run(benchmark, first.load().train))


if __name__ == "__main__":
    sys.exit(main())
