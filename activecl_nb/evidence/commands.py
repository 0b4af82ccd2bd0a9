"""The commands ``study`` and ``report``."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from activecl_nb.runs import Run


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both to the command line."""
    summary = "many runs side by side, described in a TOML file"
    command = commands.add_parser("study", help=summary, description=summary)
    command.add_argument("file", type=Path, help="the study: see results/study.toml")
    command.add_argument("--out", required=True, type=Path, help="folder for the runs")
    command.add_argument("--jobs", type=int, default=1, help="runs at a time (default: 1)")
    command.add_argument("--only", default="1/1", metavar="K/N", help="the K-th of N shares")
    command.add_argument("--device", help="cpu, cuda or mps (default: the fastest)")
    command.add_argument("--keep-weights", action="store_true", help="of finished runs too")
    command.set_defaults(do=_study)
    summary = "what finished runs say: a study's page with the claims it can answer"
    command = commands.add_parser("report", help=summary, description=summary)
    command.add_argument(
        "folders",
        nargs="*",
        type=Path,
        metavar="STUDY",
        help="a stored study, or the folder that study or several runs were made in: the page; "
        "or folders of single runs: table and curve (default: the kit's own study)",
    )
    command.add_argument("--claims", type=Path, help="a list of claims of your own")
    command.add_argument("--out", type=Path, default=Path("report"), help="default: report")
    command.add_argument("--readme", type=Path, help="a file to write the study's findings into")
    command.set_defaults(do=_report)


def _study(options: argparse.Namespace) -> int:
    from activecl_nb.evidence import study

    share, _, of = options.only.partition("/")
    if not (share.isdecimal() and of.isdecimal()):
        raise ValueError(f"--only {options.only}: say K/N, such as 1/4 for the first of four")
    planned = study.read(options.file)
    results = study.run(
        planned,
        options.out,
        jobs=options.jobs,
        only=(int(share), int(of)),
        device=options.device,
        keep_weights=options.keep_weights,
    )
    elsewhere = [address for address, outcome in results.items() if outcome == study.ELSEWHERE]
    if elsewhere:
        print(f"left to another process that is at them: {', '.join(elsewhere)}")
    failed = study.failures(planned, results)
    if failed:
        print(failed, file=sys.stderr)
    return 1 if failed else 0


def _report(options: argparse.Namespace) -> int:
    """The page of a study, or table and curve of single runs."""
    folders = options.folders
    if (options.out / "run.json").exists():
        raise ValueError(
            f"{options.out} is a run's folder, which a report would damage; choose another"
        )
    options.out.mkdir(parents=True, exist_ok=True)  # before a page is made that cannot be kept
    if len(folders) > 1 or any((path / "run.json").exists() for path in folders):
        return _runs_report(options)
    from activecl_nb.evidence import claims, report

    made = report.make(next(iter(folders), None), options.claims)
    written = report.write(made, options.out)
    if options.readme:
        report.put_findings(made, options.readme)
    print("\n".join(report.rows_table(made)))
    print("; ".join(f"{name}: {count}" for name, count in claims.tally(made.lines).items()))
    if made.left_out:
        print(f"left out: {len(made.left_out)} claims that these grids cannot answer")
    print(f"the page is {written[0]}, and as Markdown {written[1]}")
    return 0


def _runs_report(options: argparse.Namespace) -> int:
    if options.claims or options.readme:
        raise ValueError("--claims and --readme go with one study, not with folders of runs")
    from activecl_nb import files, runs
    from activecl_nb.evidence import analysis, claims
    from activecl_nb.evidence.report import grids
    from activecl_nb.pictures import figures

    made = [runs.load(path) for path in options.folders]
    unfinished = [str(run.path) for run in made if not run.rounds]
    if unfinished:
        raise ValueError(f"no round is finished in {', '.join(unfinished)}; run them first")
    table = _rounds(made)
    score = grids.there(table)[0]
    curve = analysis.curve(table, score)
    with files.replacing(options.out / "rounds.csv") as temporary:
        table.to_csv(temporary, index=False)
    picture = figures.learning_curve(curve, score=claims.SCORES[score])
    files.write(options.out / "curve.png", picture.png())
    print(
        f"{claims.SCORES[score]} by strategy and round; the mean over seeds and its 95% interval:"
    )
    print(curve.to_string(index=False, float_format="{:.3f}".format))
    print(f"table and figure are in {options.out}")
    return 0


def _rounds(runs: Sequence[Run]) -> pd.DataFrame:
    """The rounds of all; where settings differ, a strategy's name says in which."""
    import pandas as pd

    from activecl_nb.evidence import analysis, study

    if apart := analysis.made_apart(run.environment for run in runs):
        warnings.warn(apart, stacklevel=2)
    parts = [
        analysis.table([run]).assign(
            strategy=", ".join(filter(None, (run.strategy, place["setting"]))),
            tissue=place["tissue"],
            test_to_train=run.data["test"] / run.data["train"],
        )
        for run, place in zip(runs, study.places(runs), strict=True)
    ]
    return pd.concat(parts, ignore_index=True)
