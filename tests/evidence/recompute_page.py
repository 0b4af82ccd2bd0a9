"""Lines of a report, recomputed from the stored tables with pandas and scipy alone.

    python tests/evidence/recompute_page.py results/study results/study.toml results

takes from the pages in the last folder: rows of the appendix's table of settings, spread over it;
the contrasts of the first screen; those claims that compare two strategies along the learning curve
or by what they picked; and what is spared until the benchmark's score is reached, over five folds.
It works each out by its own means, and compares. Nothing of the kit is used, so an error in its
analysis would show here.
"""

from __future__ import annotations

import re
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import integrate, stats

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SCORES = {"F1": "f1", "average precision": "average_precision", "AUROC": "auroc"}
OF_TASKS = {"R²": "r2", "rank correlation": "spearman", "Dice": "dice", "IoU": "iou"}
NAMES = {"k-center": "kcenter"}
MOST_SETTINGS = 10
CLAIM = r"Measured: mean (F1|average precision|AUROC) along the learning curve: (\w+) minus (\w+),"
PICKED = r"Measured: (tumours|near-duplicates|evenness)[\w ()]+: (\w+) minus (\w+),"
SPARED = r"^([\w-]+) .*Measured: ([\w-]+) .*spared until the benchmark's (best|last) F1"
COSTS = {"images": "images", "image-epochs": "image_epochs", "processor": "seconds_processor"}
CONTRAST = r"^([\w-]+) picks against ([\w-]+) picks, by mean ([\w ]+) of the probe over the rounds"

Height = Callable[[pd.DataFrame, str], float]
# What is printed, and the same by other means: mean, and the ends of the 95% interval.
Line = tuple[str, list[str], tuple[float, ...]]


def tables(folder: Path) -> pd.DataFrame:
    """The rounds of all finished runs, with their places in the grids."""
    index = pd.read_csv(folder / "index.csv", keep_default_na=False)
    index = index[index["finished"].astype(str) == "True"]
    for name in ("tissue", "train", "test"):
        index[name] = index.get(name, "")
    return index.merge(pd.read_csv(folder / "rounds.csv"), on="run")


def rows_of(page: Path) -> Iterator[dict[str, str]]:
    """The rows of every table of a page, by the heads of their columns."""
    heads: list[str] = []
    for line in page.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            heads = []
        elif not heads:
            heads = cells(line)
        elif not line.startswith("| ---"):
            yield dict(zip(heads, cells(line), strict=True))


def asked(
    page: Path, grids: dict[str, str], pattern: str, said: str = "Claim", where: str = "On what"
) -> Iterator[tuple[dict[str, str], str, tuple[str, ...]]]:
    """Rows whose words fit the pattern and whose tissue names a grid, with that grid and groups."""
    for row in rows_of(page):
        fits, grid = re.search(pattern, row.get(said, "")), grids.get(row.get(where, ""))
        if fits and grid:
            yield row, grid, fits.groups()


def cells(line: str) -> list[str]:
    parts = re.split(r"(?<!\\)\|", line)[1:-1]
    return [re.sub(r"\\(.)", r"\1", part).strip() for part in parts]


def printed(cell: str) -> list[str]:
    return [one.replace("−", "-") for one in re.findall(r"[+−]?\d+\.\d+", cell)]


def alike(there: str, ours: float) -> bool:
    """Whether ours is printed so."""
    digits = len(there.partition(".")[2])
    return ours == float(there) or abs(float(there) - ours) < 0.51 * 10**-digits


def along_the_curve(run: pd.DataFrame, score: str) -> float:
    """Mean of a score along the learning curve, by the trapezoid rule."""
    images = run["images"].to_numpy(float)
    return integrate.trapezoid(run[score], images) / (images[-1] - images[0])


def over_chosen_rounds(run: pd.DataFrame, score: str) -> float:
    return run[score].iloc[1:].mean()


def difference(here: pd.DataFrame, a: str, b: str, score: str, height: Height) -> tuple[float, ...]:
    """Mean of a less b over tissues and seeds, and the ends of its 95% interval."""
    sides = here[here["strategy"].isin([a, b])].sort_values("round")
    heights = {
        key: height(run, score) for key, run in sides.groupby(["strategy", "tissue", "seed"])
    }
    places = [place[1:] for place in heights if place[0] == a and (b, *place[1:]) in heights]
    gains = pd.Series({place: heights[(a, *place)] - heights[(b, *place)] for place in places})
    if len(gains) < 2:
        return ()
    tissues = gains.index.get_level_values(0)
    spread, n = gains, len(gains)
    share = 0.0
    if tissues.nunique() > 1:
        if str(tissues[0]).startswith("fold"):
            sizes = here.drop_duplicates("run")
            share = pd.to_numeric(sizes["test"]).div(pd.to_numeric(sizes["train"])).mean()
            share = share if np.isfinite(share) else 1 / (tissues.nunique() - 1)
        else:
            spread = gains.groupby(level=0).mean()
            n = len(spread)
    error = np.sqrt(spread.var(ddof=1) * (1 / n + share))
    return (float(spread.mean()), *stats.t.interval(0.95, n - 1, spread.mean(), error))


def settings(rounds: pd.DataFrame, appendix: Path) -> Iterator[Line]:
    """Each strategy less random in a setting, by three scores of the probe where runs have one."""
    every = [row for row in rows_of(appendix) if "Compared" in row]
    mine = [row for row in every if row["Grid"] in set(rounds["grid"])]
    count = min(MOST_SETTINGS, len(mine))
    for row in (mine[n] for n in np.unique(np.linspace(0, len(mine) - 1, count).astype(int))):
        setting = "" if row["Setting"] == "–" else row["Setting"]
        here = rounds[(rounds["grid"] == row["Grid"]) & (rounds["setting"] == setting)]
        strategy = row["Compared"].split(" − ")[0]
        scores = {**SCORES, **OF_TASKS}
        for name, score in ((name, scores[name]) for name in scores if name in row):
            probe = f"probe_{score}"
            column = probe if here.get(probe, pd.Series()).notna().any() else score
            ours = difference(here, strategy, "random", column, along_the_curve)
            yield f"{row['Grid']}, {setting}, {strategy}, {name}", printed(row[name]), ours


def claims(rounds: pd.DataFrame, grids: dict[str, str], page: Path) -> Iterator[Line]:
    """Two strategies along the learning curve, by a score of the paper's own proxy."""
    for row, grid, (score, a, b) in asked(page, grids, CLAIM):
        here = rounds[rounds["grid"] == grid]
        ours = difference(here, a, b, SCORES[score], along_the_curve)
        yield f"{grid}, claim, {a} − {b}, {score}", printed(row["Ours, with interval"]), ours


def picks(folder: Path, rounds: pd.DataFrame) -> pd.DataFrame:
    """What strategies picked after the random first round, with its place in the grids."""
    with np.load(folder / "picks.npz") as arrays:
        names = ("run", "round", "label", "positive", "near_duplicate")
        table = pd.DataFrame({name: arrays[name] for name in names if name in arrays})
        table["run"] = arrays["runs"][table["run"]]
    places = ["grid", "setting", "strategy", "tissue", "seed", "train", "test", "run"]
    return table[table["round"] > 0].merge(rounds[places].drop_duplicates(), on="run")


def picked(picks: pd.DataFrame, grids: dict[str, str], page: Path) -> Iterator[Line]:
    """Two strategies by what they picked: in 100 picks, or how evenly over the classes."""
    for row, grid, (what, a, b) in asked(page, grids, PICKED):
        if printed(row["Ours, with interval"]):
            here = picks[picks["grid"] == grid]
            column = {"tumours": "positive", "near-duplicates": "near_duplicate"}.get(what, "label")
            most = np.log(here["label"].nunique())

            def value(run: pd.DataFrame, column: str, most: float = most) -> float:
                if column == "label":
                    return stats.entropy(run[column].value_counts()) / most
                return 100 * run[column].mean()

            ours = difference(here, a, b, column, value)
            yield f"{grid}, picks, {a} − {b}, {what}", printed(row["Ours, with interval"]), ours


def spared(rounds: pd.DataFrame, grids: dict[str, str], page: Path) -> Iterator[Line]:
    """The median of five folds' medians, and the best and the worst of them."""
    for row, grid, (name, cost, score) in asked(page, grids, SPARED):
        if not row["Replicates"].startswith("5 folds"):
            continue
        strategy, column = NAMES.get(name.lower(), name.lower()), COSTS[cost]
        here = rounds[rounds["grid"] == grid].sort_values("round")
        runs = {key: run for key, run in here.groupby(["strategy", "tissue", "seed"])}
        values: dict[str, list[float]] = {}
        for (which, *place), run in runs.items():
            rival = runs.get(("benchmark", *place))
            if which == strategy and rival is not None:
                part = _spared(run, rival, column, score)
                values.setdefault(place[0], []).append(part)
        medians = sorted(map(statistics.median, values.values()))
        said = re.findall(r"(\d+)% (less|more)|(not reached)", row["Ours, with interval"])
        signs = {"less": "", "more": "-"}
        there = ["-inf" if never else signs[way] + n for n, way, never in said]
        yield f"{grid}, {name}, {cost} to {score}", there, (medians[2], medians[-1], medians[0])


def _spared(run: pd.DataFrame, rival: pd.DataFrame, column: str, score: str) -> float:
    """Per cent less than the rival had spent; -inf where its score is never reached."""
    column_of_score = "f1_best" if score == "best" else "f1_same_proxy"
    targets = rival.get(column_of_score, rival["f1"]).to_numpy()
    at = int(targets.argmax()) if score == "best" else len(targets) - 1
    spent, theirs = (
        one[column].to_numpy() if column == "images" else one[column].cumsum().to_numpy()
        for one in (run, rival)
    )
    reached = np.flatnonzero(run["f1"].to_numpy() >= targets[at])
    return 100 * (1 - spent[reached[0]] / theirs[at]) if len(reached) else -np.inf


def contrasts(rounds: pd.DataFrame, grids: dict[str, str], page: Path) -> Iterator[Line]:
    """The contrasts of the first screen, over the rounds that a strategy chose."""
    for row, grid, (a, b, score) in asked(
        page, grids, CONTRAST, "What was tried", "On which tissue"
    ):
        if printed(row["By how much"]):
            a, b = (NAMES.get(name.lower(), name.lower()) for name in (a, b))
            here = rounds[rounds["grid"] == grid]
            ours = difference(here, a, b, f"probe_{SCORES[score]}", over_chosen_rounds)
            yield f"{grid}, contrast, {a} − {b}, {score}", printed(row["By how much"]), ours


def tissues(study: Path) -> dict[str, str]:
    """What a grid's patches are, in words -> the grid, where the words are of one grid alone."""
    grids = tomllib.loads(study.read_text(encoding="utf-8"))["grid"]
    words = [grid.get("tissue", grid["name"]) for grid in grids]
    return {w: g["name"] for w, g in zip(words, grids, strict=True) if words.count(w) == 1}


def main(folder: str, study: str, pages: str) -> int:
    rounds, grids = tables(Path(folder)), tissues(Path(study))
    page, appendix = Path(pages, "report.md"), Path(pages, "report_appendix.md")
    lines = [
        *settings(rounds, appendix),
        *contrasts(rounds, grids, page),
        *claims(rounds, grids, page),
        *claims(rounds, grids, appendix),
        *picked(picks(Path(folder), rounds), grids, page),
        *spared(rounds, grids, page),
        *spared(rounds, grids, appendix),
    ]
    wrong = 0
    for what, there, ours in lines:
        same = len(there) > 0 and all(map(alike, there, ours))
        wrong += not same
        told = ", ".join(f"{one:+.3f}" for one in ours)
        print(f"{'ok' if same else 'WRONG':<6}{what}: {told}")
    print(f"{len(lines)} numbers with intervals, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
