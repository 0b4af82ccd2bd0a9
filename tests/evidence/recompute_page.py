"""Ten lines of a report, recomputed from the stored tables with pandas and scipy alone.

    python tests/evidence/recompute_page.py results/study results/report_appendix.md

takes ten rows of the appendix's table of settings, spread over it, works out each by its own
means, and compares. Nothing of the kit is used, so an error in its analysis would show here.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import integrate, stats

SCORES = {"F1": "f1", "average precision": "average_precision", "AUROC": "auroc"}


def tables(folder: Path) -> pd.DataFrame:
    """The rounds of all finished runs, with their places in the grids."""
    index = pd.read_csv(folder / "index.csv", keep_default_na=False)
    index = index[index["finished"].astype(str) == "True"]
    for name in ("tissue", "train", "test"):
        index[name] = index.get(name, "")
    return index.merge(pd.read_csv(folder / "rounds.csv"), on="run")


def rows_of(page: Path) -> list[dict[str, str]]:
    """The table of settings, as the page has it."""
    lines = page.read_text(encoding="utf-8").splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("| Grid |"))
    heads, rows = cells(lines[start]), []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(dict(zip(heads, cells(line), strict=True)))
    return rows


def cells(line: str) -> list[str]:
    parts = re.split(r"(?<!\\)\|", line)[1:-1]
    return [re.sub(r"\\(.)", r"\1", part).strip() for part in parts]


def height(run: pd.DataFrame, score: str) -> float:
    """Mean of a score along the learning curve, by the trapezoid rule."""
    run = run.sort_values("round")
    images = run["images"].to_numpy(float)
    return integrate.trapezoid(run[score], images) / (images[-1] - images[0])


def recomputed(rounds: pd.DataFrame, row: dict[str, str], score: str) -> tuple[float, ...]:
    """Mean difference to random and the ends of its 95% interval."""
    column = f"probe_{score}" if rounds.get(f"probe_{score}", pd.Series()).notna().any() else score
    setting = "" if row["Setting"] == "–" else row["Setting"]
    here = rounds[(rounds["grid"] == row["Grid"]) & (rounds["setting"] == setting)]
    heights = {
        key: height(run, column) for key, run in here.groupby(["strategy", "tissue", "seed"])
    }
    strategy = row["Compared"].split(" − ")[0]
    gains = pd.Series(
        {
            (tissue, seed): value - heights["random", tissue, seed]
            for (name, tissue, seed), value in heights.items()
            if name == strategy and ("random", tissue, seed) in heights
        }
    )
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


def printed(cell: str) -> list[float]:
    return [float(one.replace("−", "-")) for one in re.findall(r"[+−]?\d+\.\d+", cell)]


def main(folder: str, page: str) -> int:
    rounds, rows = tables(Path(folder)), rows_of(Path(page))
    mine = [row for row in rows if row["Grid"] in set(rounds["grid"])]
    wrong = 0
    places = np.unique(np.linspace(0, len(mine) - 1, min(10, len(mine))).astype(int))
    for row in (mine[n] for n in places):
        for name, score in SCORES.items():
            there, ours = printed(row[name]), recomputed(rounds, row, score)
            same = np.allclose(there, ours[: len(there)], atol=0.00051, rtol=0)
            wrong += not same
            told = ", ".join(f"{one:+.3f}" for one in ours)
            print(f"{'ok' if same else 'WRONG':<6}{row['Grid']}, {row['Setting']}, {name}: {told}")
    print(f"{len(places)} lines, {3 * len(places)} numbers with intervals, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
