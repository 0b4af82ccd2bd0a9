"""What is kept of a study: nothing damaged, no word taken for a number, nothing too small."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sealed import verified

from activecl_nb.evidence import claims, study
from activecl_nb.evidence.report import limits
from activecl_nb.evidence.study import folder, running, stored

ROOT = Path(__file__).parents[2]
PLANNED = """
profile = "tiny"

[[grid]]
name = "first"
strategies = ["random"]
seeds = 2
"""


def test_words_that_look_like_numbers_and_many_classes_come_back(tmp_path):
    """A grid called 2024, an address of digits alone, a strategy called NA, 300 classes."""
    places = pd.DataFrame(
        [["2024", "", "fold 0", "folder", "NA", 0, "0012345678901234", True]],
        columns=stored.INDEX,
    ).assign(train=400, test=100)
    rounds = pd.DataFrame({"run": ["0012345678901234"], "strategy": ["NA"], "round": [0]})
    names = [f"class {k:03d}" for k in range(300)]
    picks = pd.DataFrame({"run": "0012345678901234", "round": 0, "position": range(70_000)})
    picks["label"] = pd.Categorical.from_codes(np.arange(70_000) % 300, names)
    made_on = {"0012345678901234": {"processor": "one", "threads": 1}}
    floors = places[["run"]].assign(floor="NA")
    stored.Tables(places, rounds, picks, floors, made_on).write(tmp_path)
    found = stored.Tables.read(tmp_path)
    assert found.made_on == made_on
    assert found.index[stored.INDEX].values.tolist() == places[stored.INDEX].values.tolist()
    assert found.rounds.iloc[0].tolist() == ["0012345678901234", "NA", 0]
    assert found.floors.iloc[0].tolist() == ["0012345678901234", "NA"]
    assert found.picks["label"].tolist() == picks["label"].tolist()
    assert (found.picks["position"] == np.arange(70_000)).all()


def test_a_plan_whose_digit_changed_is_not_believed(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "_address", lambda job: f"run {job.seed}")  # draws no tissue
    file, out = tmp_path / "study.toml", tmp_path / "runs"
    file.write_text(PLANNED)
    out.mkdir()
    running._write_plan(study.read(file), {}, out)
    text = (out / "study.json").read_text()
    (out / "study.json").write_text(text.replace('"seed": 1', '"seed": 2', 1))
    with pytest.raises(ValueError, match=r"study\.json is damaged.*give the study's command again"):
        folder._read_plan(out)
    running._write_plan(study.read(file), {}, out)
    assert folder._read_plan(out) == json.loads(text)


def test_what_was_declared_after_the_tables_were_stored_waits(tmp_path):
    """A plan is written down before its runs: until they are stored, the page is as it was."""
    kept, plan = ROOT / "results" / "study", ROOT / "results" / "study.toml"
    text = plan.read_text()
    later = '\n[[grid]]\nname = "later"\nstrategies = ["random", "oracle"]\nseeds = 1\n'
    for grid, against in (("later", ""), ("phantoms", "later")):
        later += (
            f'\n[[contrast]]\nid = "{grid}{against}"\ngrid = "{grid}"\na = "oracle"\nb = "random"\n'
        )
        later += f'against = "{against}"\n'
    (tmp_path / "later.toml").write_text(text + later)
    now, then = (study.open_any(kept, path) for path in (plan, tmp_path / "later.toml"))
    assert then.contrasts == now.contrasts and "entropy-phantoms" in {c.id for c in now.contrasts}
    assert then.tissues == now.tissues and "later" not in then.questions


def test_a_tilde_is_the_users_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    shutil.copytree(ROOT / "results" / "study", tmp_path / "kept")
    shutil.copy(ROOT / "results" / "claims.toml", tmp_path)
    (tmp_path / "mine.py").write_text("from activecl_nb import sampling\n")
    (tmp_path / "study.toml").write_text(f'code = "~/mine.py"\n{PLANNED}')
    assert len(study.open_stored("~/kept").rounds) == len(
        stored.open_stored(tmp_path / "kept").rounds
    )
    assert study.open_any("~/kept").title == "kept" and study.kept("~/kept")
    assert claims.read("~/claims.toml") == claims.read(tmp_path / "claims.toml")
    assert study.read("~/study.toml").title == "study"


def test_the_page_says_where_runs_were_made():
    """One machine in a line; several each with its runs; nothing where none is known."""
    here, there = {"processor": "one", "threads": 1}, {"processor": "another", "threads": 1}
    planned = pd.DataFrame({"run": ["a", "b", "b", "c", "d"]})
    nothing = pd.DataFrame()

    def told(**made_on):
        stored = study.Stored(nothing, nothing, planned, nothing, made_on)
        return limits.machines(claims.Grids.of(stored))  # as the page holds them

    assert told() == []
    assert told(a=here, b=here) == ["processor one, threads 1"]
    both = ["processor one, threads 1: 2 runs", "processor another, threads 1: 1 run"]
    assert told(a=here, b=here, c=there) == both


@pytest.mark.parametrize("name", ["study", "laptop/random-0", "tiny/entropy-0"])
def test_the_kits_results_are_what_was_stored(name):
    assert verified(ROOT / "results" / name)
