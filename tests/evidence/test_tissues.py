"""Replicates are tissues: estimates, what they could have shown, the gate, declared contrasts."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from test_claims import claim

from activecl_nb import files
from activecl_nb.evidence import analysis, claims, report, study
from activecl_nb.evidence.study import Contrast
from activecl_nb.evidence.study import stored as tables

RECOMPUTE = Path(__file__).with_name("recompute_page.py")


def test_over_seeds_of_one_tissue_it_is_students_t():
    values = [0.1, 0.3, 0.2, 0.25]
    one = analysis.estimate(values, ["phantom 0"] * 4)
    expected = stats.ttest_1samp(values, 0)
    ends = expected.confidence_interval(0.95)
    assert (one.low, one.high, one.p) == pytest.approx((ends.low, ends.high, expected.pvalue))
    assert (one.over, one.n, one.runs) == (analysis.SEEDS, 4, 4)


def test_over_phantoms_seeds_are_averaged_first():
    values = [0.0, 0.2, 0.3, 0.5, -0.1, 0.1]
    one = analysis.estimate(values, ["phantom 0"] * 2 + ["phantom 1"] * 2 + ["phantom 2"] * 2)
    ends = stats.ttest_1samp([0.1, 0.4, 0.0], 0).confidence_interval(0.95)
    assert (one.low, one.high) == pytest.approx((ends.low, ends.high))
    assert (one.over, one.n, one.runs) == (analysis.PHANTOMS, 3, 6)
    assert one.values == pytest.approx((0.1, 0.4, 0.0))


def test_over_folds_the_variance_is_nadeau_and_bengios():
    """Their formula (2003, section 4.2): s^2 (1 / J + n_test / n_train), t of J - 1."""
    draw = np.random.default_rng(0)
    values = draw.normal(0.02, 0.05, 20)
    folds = [f"fold {n // 4}" for n in range(20)]
    one = analysis.estimate(values, folds, 400 / 1600)
    error = np.sqrt(values.var(ddof=1) * (1 / 20 + 0.25))
    assert (one.error, one.freedom, one.over, one.n) == (pytest.approx(error), 19, "folds", 5)
    low, high = stats.t.interval(0.95, 19, values.mean(), error)
    assert (one.low, one.high) == pytest.approx((low, high))
    alike = analysis.estimate(values, folds)  # no sizes known: as where folds are equal
    assert alike.error == pytest.approx(error)


def test_one_value_has_no_interval():
    one = analysis.estimate([0.5])
    assert one.mean == 0.5 and np.isnan([one.low, one.high, one.p, one.error]).all()


@pytest.mark.parametrize("n", [3, 5, 12, 20])
def test_the_smallest_effect_is_shown_in_four_of_five_studies(n):
    """By drawing studies whose true difference is that effect."""
    effect = analysis.smallest_effect(1 / np.sqrt(n), n - 1)
    draws = np.random.default_rng(n).normal(effect, 1, (20_000, n))
    shown = stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05
    assert shown.mean() == pytest.approx(0.8, abs=0.01)
    stricter = analysis.smallest_effect(1 / np.sqrt(n), n - 1, level=0.025)
    assert stricter > effect
    assert np.isnan(analysis.smallest_effect(np.nan, 4)) and analysis.smallest_effect(0, 4) == 0


def test_equivalence_is_the_90_percent_interval_within_the_bound():
    for mean in (0.0, 0.01, 0.02, -0.03):
        low, high = stats.t.interval(0.9, 9, mean, 0.01)
        inside = low > -0.03 and high < 0.03
        assert (analysis.equivalence(mean, 0.01, 9, 0.03) < 0.05) == inside
    assert np.isnan(analysis.equivalence(0.0, np.nan, 0, 0.1))


# ---- made-up studies with tissues --------------------------------------------------------------

GAINS = {"entropy": 0.03, "kcenter": 0.0}


def luck_of(seed: int, tissue: int, strategy: str) -> float:
    """What a strategy gains beside its mean gain in one run."""
    return np.random.default_rng([seed, tissue, len(strategy)]).normal(0, 0.004)


def rounds_of(seed: int, tissue: int, strategy: str, level: float = 0.7) -> pd.DataFrame:
    """Two rounds of a run; a tissue and seed have luck of their own, the same for all."""
    luck = np.random.default_rng([seed, tissue]).normal(0, 0.02)
    gain = GAINS[strategy] + luck_of(seed, tissue, strategy) if strategy in GAINS else 0.0
    scores = np.array([level - 0.1, level + gain]) + luck
    table = pd.DataFrame({"round": [0, 1], "images": [100, 200], "image_epochs": [100, 200]})
    for name in ("f1", "average_precision", "auroc"):
        table[name] = table[f"probe_{name}"] = scores
    return table.assign(seconds_select=0.0, seconds_train=1.0, seconds_processor=1.0)


def stored(folder: Path, kinds=("fold", "phantom"), seeds=2, tissues=5, floor=0.5) -> study.Stored:
    """A study of real folds and of phantoms: random, entropy (+0.03), k-center (+0), benchmark."""
    index, rounds, floors = [], [], []
    for kind in kinds:
        for tissue in range(tissues):
            for seed in range(seeds):
                for strategy in ("random", "entropy", "kcenter", "benchmark"):
                    run = f"{kind}-{tissue}-{seed}-{strategy}"
                    source = "phantom" if kind == "phantom" else "table"
                    place = (f"on {kind}s", "", f"{kind} {tissue}", source, strategy, seed, run)
                    index.append((*place, True, 1600, 400))
                    rounds.append(rounds_of(seed, tissue, strategy).assign(run=run))
                    for name in ("colour_moments", "untrained"):
                        floors.append({"run": run, "floor": name, "auroc": floor})
    places = pd.DataFrame(index, columns=[*tables.INDEX, *tables.SIZES])
    loops = places.loc[places["strategy"] != "benchmark", "run"]
    picks = pd.DataFrame({"run": loops.repeat(2), "round": [0, 1] * len(loops)})
    picks = picks.assign(position=range(len(picks)), positive=picks["round"] == 1)
    picks["label"] = pd.Categorical.from_codes(picks["round"], ["NORM", "TUM"])
    folder.mkdir(parents=True)
    tables.Tables(places, pd.concat(rounds), picks, pd.DataFrame(floors)).write(folder)
    return study.open_stored(folder)


def contrast(strategy, grid="on folds", **more):
    return Contrast(f"{strategy} {grid}", grid, strategy, "random", **more)


def test_runs_of_different_tissues_stay_apart(tmp_path):
    one = stored(tmp_path / "s")
    areas = analysis.area(one.grid("on folds").rounds, "probe_auroc")
    assert len(areas) == 4 * 5 * 2
    table = analysis.paired(areas, "random", "area")
    assert set(table["n"]) == {5} and set(table["over"]) == {"folds"}
    curve = analysis.curve(one.grid("on phantoms").rounds, "probe_auroc")
    assert set(curve["seeds"]) == {5}


def test_contrasts_are_judged_over_tissues_and_primary_ones_together(tmp_path):
    one = stored(tmp_path / "s")
    declared = [
        contrast("entropy", primary=True),
        contrast("kcenter", primary=True),
        contrast("kcenter", "on phantoms", bound=0.02),
    ]
    entropy, kcenter, same = claims.judge(declared, one)
    assert entropy.says == "entropy ahead" and entropy.real
    assert entropy.estimate.n == 5 and entropy.estimate.runs == 10
    cells = [(seed, tissue, "entropy") for tissue in range(5) for seed in range(2)]
    gains = [0.03 + luck_of(*cell) for cell in cells]  # of the one round that it chose
    error = np.sqrt(np.var(gains, ddof=1) * (1 / 10 + 0.25))
    assert entropy.estimate.error == pytest.approx(error, rel=1e-3)
    assert kcenter.says == claims.CANNOT_TELL
    assert (entropy.p, kcenter.p) == pytest.approx(
        (min(1, 2 * entropy.estimate.p), max(kcenter.estimate.p, 2 * entropy.estimate.p))
    )
    alone = claims.judge([contrast("kcenter")], one)[0]
    assert kcenter.detectable > alone.detectable  # it is tested at half the level
    assert not same.real and same.estimate.over == analysis.PHANTOMS
    assert same.says == "no difference of 0.02 or more"
    assert entropy.unit == "average precision of the probe"


def test_a_contrast_waits_for_all_its_runs(tmp_path):
    """What was planned before looking is what is judged, and on the way nothing is."""
    one = stored(tmp_path / "s")
    ours = one.planned["strategy"].isin(["entropy", "random"])
    missing = one.planned[ours & (one.planned["grid"] == "on folds")].index[-1]
    one.planned.loc[missing, "finished"] = False
    waiting, other = claims.judge([contrast("entropy"), contrast("kcenter", "on phantoms")], one)
    assert waiting.estimate is None and waiting.begun and np.isnan(waiting.p)
    assert waiting.says == "19 of 20 runs are finished; it is judged when all are"
    assert other.estimate is not None
    row = report.first.contrast_row(waiting, {"on folds": "biopsies"})
    assert (row.much, row.sure) == ("–", waiting.says)


def test_a_contrast_may_stand_against_another_grid_of_the_same_tissues(tmp_path):
    """Paired by tissue and seed, in the words that the study gives both sides."""
    one = stored(tmp_path / "s")
    for table in (one.planned, one.rounds):  # entropy's runs move to a grid of their own
        moved = (table["grid"] == "on folds") & (table["strategy"] == "entropy")
        table.loc[moved, "grid"] = "elsewhere"
    names = ("The rival", "our own picks")
    far = Contrast("far", "elsewhere", "entropy", "random", against="on folds", names=names)
    (judged,) = claims.judge([far], one)
    near = claims.judge([contrast("entropy")], stored(tmp_path / "t"))[0]
    assert judged.estimate == near.estimate and judged.says == "entropy ahead"
    row = report.first.contrast_row(judged, {"elsewhere": "biopsies"})
    ((tried, *_),) = report.cells([row])
    assert tried == f"The rival against our own picks, by {judged.measure}"
    assert row.sure.startswith("The rival ahead")


def test_a_grid_whose_encoder_does_not_see_judges_nothing(tmp_path):
    """The level after the last round is about 0.7: 0.05 above 0.62 on real tissue, not 0.68."""
    kind = {"measure": "difference", "grid": "on folds", "a": "entropy", "b": "random"}
    asked = claim({**kind, "metric": "last", "score": "probe_auroc"})
    for floor, sees in ((0.62, True), (0.68, False)):
        one = stored(tmp_path / str(floor), floor=floor)
        line = claims.ledger([asked], one)[0]
        (judged,) = claims.judge([contrast("entropy")], one)
        section = report.grids.section(one.grid("on folds"), "on folds", "?")
        told = [row for row in report.appendix.settings(one) if row[0] == "on folds"]
        assert all((claims.BLIND in replicates) != sees for _, _, _, replicates, *_ in told)
        if sees:
            assert line.verdict == claims.REPRODUCED and judged.says == "entropy ahead"
            assert "the encoder sees" in section.said[0] and section.pictures
        else:
            assert line.verdict == claims.NOT_TESTABLE
            assert claims.BLIND in claims.wanting(line) and judged.says == claims.BLIND
            assert "does not see here" in section.said[0] and not section.pictures
            assert not any("Beside random" in sentence for sentence in section.said)


@pytest.mark.parametrize(("floor", "round_"), [(0.5, 0), (0.62, 1), (0.68, None)])
def test_the_gate_says_from_which_round_on_the_encoder_sees(tmp_path, floor, round_):
    """Of two rounds the first scores about 0.6 and the last 0.7; 0.05 above the floor is asked."""
    one = stored(tmp_path / "s", floor=floor)
    gate = claims.Grids.of(one).gates["on folds", ""]
    assert (gate.rounds, gate.sees_from) == (2, round_)
    told = " ".join(report.grids.section(one.grid("on folds"), "on folds", "?").said)
    assert ("from its round 2 of 2 on" in told) == (round_ == 1)


def test_a_mean_waits_for_all_runs_of_its_strategy(tmp_path):
    one = stored(tmp_path / "s").grid("on folds")
    told = report.grids.section(one, "on folds", "?").said
    (means,) = [sentence for sentence in told if sentence.startswith("Mean ")]
    assert "random 0." in means and "entropy 0." in means
    last_of_entropy = one.planned[one.planned["strategy"] == "entropy"].index[-1]
    one.planned.loc[last_of_entropy, "finished"] = False
    told = report.grids.section(one, "on folds", "?").said
    (means,) = [sentence for sentence in told if sentence.startswith("Mean ")]
    assert "random 0." in means and "entropy" not in means
    assert any("The means of entropy wait until all their runs are." in one for one in told)


def test_the_phantom_asks_for_less(tmp_path):
    one = claims.Grids.of(stored(tmp_path / "s", floor=0.66))
    on_folds, on_phantoms = (one.gates[grid, ""] for grid in ("on folds", "on phantoms"))
    assert not on_folds.open and on_phantoms.open
    assert (on_folds.needed, on_phantoms.needed) == (0.05, 0.03)
    assert {m.strategy for m in on_folds.margins} == {"benchmark", "random"}
    assert {m.floor for m in on_folds.margins} == {"colour_moments", "untrained"}


def test_grids_of_other_tasks_have_their_gate_and_a_table_of_their_own(tmp_path):
    """The phantoms' runs made ones of regression: R² in place of AUROC, and no classes' scores."""
    folder = tmp_path / "s"
    stored(folder, floor=0.62)
    rounds, floors = (pd.read_csv(folder / f"{name}.csv") for name in ("rounds", "floors"))
    for table in (rounds, floors):
        regress = table["run"].str.startswith("phantom")
        for column in ("probe_auroc", "auroc"):
            if column in table:
                told = column.replace("auroc", "r2")
                table[told] = table[column].where(regress)
                table[told.replace("r2", "mae")] = 1 - table[told]
        of_classes = [c for c in table if c.endswith(("auroc", "average_precision", "f1"))]
        table.loc[regress, of_classes] = np.nan
    for name, table in (("rounds", rounds), ("floors", floors)):
        table.to_csv(folder / f"{name}.csv", index=False)
        files.seal(folder, f"{name}.csv")
    one = study.open_stored(folder)
    gate = claims.Grids.of(one).gates["on phantoms", ""]
    assert gate.open and gate.score == "r2" and gate.tested
    declared = Contrast("r2", "on phantoms", "entropy", "random", score="probe_r2")
    (judged,) = claims.judge([declared], one)
    assert judged.says == "entropy ahead" and judged.unit == "R² of the probe"
    section = report.grids.section(one.grid("on phantoms"), "on phantoms", "?")
    assert "(asked: 0.03 R²)" in section.said[0] and section.pictures
    classes, regression = report.appendix.tables(one)
    assert {row[0] for row in classes.rows} == {"on folds"}
    assert regression.title == "Regression" and {r[0] for r in regression.rows} == {"on phantoms"}
    assert regression.heads[4:] == (
        "R²", "rank correlation", "mean absolute error, where less is better"
    )  # fmt: skip
    (row,) = [row for row in regression.rows if row[2] == "entropy − random"]
    assert row[4].startswith("+0.0") and row[5] == "–" and row[6].startswith("−0.0")
    finished = set(one.planned["run"])
    assert {run for run in finished if run.startswith("phantom")} <= study.kept(folder)
    report.write(page(tmp_path), tmp_path / "out")
    for ending, head in ((".md", "## Regression"), (".html", 'id="settings-regression"')):
        assert head in (tmp_path / "out" / f"report_appendix{ending}").read_text()


def test_cannot_tell_comes_with_what_would_have_shown():
    found = claims.Measured(
        0.0, -0.1, 0.1, "how", unit="F1", values=(0.0,) * 5, needs=3, error=0.03, freedom=4
    )
    one = claim({"measure": "difference"})
    said = claims.wanting(claims.Line(one, found, claims.verdict(one, found)))
    least = analysis.smallest_effect(0.03, 4)
    assert said == f"cannot tell (these runs would have shown {least:.3f} F1 or more)"


STUDY = """
title = "Made up"
profile = "laptop"
[[contrast]]
id = "e"
grid = "on folds"
a = "entropy"
b = "random"
primary = true
[[contrast]]
id = "p"
grid = "on phantoms"
a = "entropy"
b = "random"
[[grid]]
name = "on phantoms"
strategies = ["random"]
[[grid]]
name = "on folds"
tissue = "real tissue, made up"
strategies = ["random"]
"""
CLAIMS = """
headlines = ["p", "e", "later"]
[[claim]]
id = "later"
claim = "Entropy spares 62%."
place = "section I"
source = "later abstract"
value = 62
unit = "%"
kind = { measure = "spared", grid = "on folds", strategy = "entropy", what = "images" }
expect = "more"
contradict = "d"
[[claim]]
id = "elsewhere"
claim = "It wins elsewhere."
place = "section I"
source = "paper"
kind = { measure = "difference", grid = "nowhere", a = "entropy", b = "random", metric = "last" }
expect = "more"
contradict = "d"
"""


def page(folder: Path) -> report.Report:
    (folder / "s.toml").write_text(STUDY)
    (folder / "claims.toml").write_text(CLAIMS)
    return report.make(folder / "s")


def test_the_first_screen_has_real_tissue_first(tmp_path):
    stored(tmp_path / "s")
    made = page(tmp_path)
    assert [row.tissue for row in made.rows] == [
        "real tissue, made up", "real tissue, made up", "drawn tissue (the phantom)",
    ]  # fmt: skip
    assert "entropy ahead (p " in made.rows[0].sure and "5 folds, 10 runs" in made.rows[0].sure
    assert made.rows[0].sure.endswith("; primary)") and made.rows[2].sure.endswith("; secondary)")
    assert made.rows[1].tried == "The authors' later claim: “Entropy spares 62%”"
    assert made.rows[1].much.endswith(", where 62% less is claimed")
    assert made.left_out == ("It wins elsewhere.",)
    assert dict(made.facts)["Left out"] == "1 claims that these grids cannot answer"
    axes = made.gains.figure.axes[0]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == [
        "entropy − random\nreal tissue, made up",
        "entropy − random\ndrawn tissue (the phantom)",
    ]
    points = sum(len(drawn.get_offsets()) for drawn in axes.collections)
    assert points == 5 + 5  # single tissues


def test_lines_of_the_page_come_out_of_the_tables_by_other_means(tmp_path, capsys):
    stored(tmp_path / "s")
    report.write(page(tmp_path), tmp_path / "out")
    recompute = runpy.run_path(str(RECOMPUTE))["main"]
    given = [str(tmp_path / name) for name in ("s", "s.toml", "out")]
    assert recompute(*given) == 0
    said = capsys.readouterr().out
    assert "on folds, contrast, entropy − random, average precision" in said
    # Four settings by three scores, a contrast of the first screen, and what is spared.
    assert "14 numbers with intervals, 0 wrong" in said
    rounds = pd.read_csv(tmp_path / "s" / "rounds.csv")
    rounds.loc[rounds["run"] == "fold-0-0-entropy", "probe_auroc"] += 0.1
    rounds.to_csv(tmp_path / "s" / "rounds.csv", index=False)
    assert recompute(*given) == 1  # it can fail


def test_ten_lines_of_the_kits_own_page_come_out_of_its_tables(capsys):
    results = Path(__file__).parents[2] / "results"
    recompute = runpy.run_path(str(RECOMPUTE))["main"]
    assert recompute(str(results / "study"), str(results / "study.toml"), str(results)) == 0
    said = capsys.readouterr().out
    assert said.count("ok ") >= 10
