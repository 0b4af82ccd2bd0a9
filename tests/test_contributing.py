"""CONTRIBUTING.md says how to add things; here each of its recipes is carried out as it stands."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import test_sampling
from notebook_tools import NOTEBOOKS
from PIL import Image

from activecl_nb import imbalance, profiles, sampling, tissue
from activecl_nb.evidence import claims, study
from activecl_nb.lessons.checks.verdict import check, compare, plain_answer
from activecl_nb.sources.archive import ImageFiles, digest
from activecl_nb.sources.folders import class_numbers, state
from activecl_nb.sources.own import OWN

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ADDING = TEXT.partition("## How to add")[2].partition("\n## ")[0]
LESSON = "A lesson, or a change to one"


def blocks(heading: str, language: str) -> list[str]:
    """The code of a recipe: its blocks of this language, in order."""
    recipe = re.search(rf"^### {re.escape(heading)}\n(.*?)(?=^### |\Z)", ADDING, re.M | re.S)
    assert recipe, f"CONTRIBUTING.md has no recipe for {heading!r}"
    return re.findall(rf"^```{language}\n(.*?)^```", recipe[1], re.M | re.S)


def test_every_recipe_is_carried_out():
    recipes = re.findall(r"^### (.+)$", ADDING, re.M)
    assert recipes == [
        "A strategy",
        "A source",
        "A claim",
        "A check",
        "A lesson, or a change to one",
    ]


def test_the_files_that_it_names_are_there():
    named = re.findall(r"`([\w./]+/(?:\w+\.(?:py|toml|md))?)`", TEXT)
    assert len(named) > 20
    for name in [name.replace("_NN", "_01") for name in named]:
        places = (ROOT / name, ROOT / "activecl_nb" / name)
        assert any(place.exists() for place in places), name


inputs = test_sampling.inputs


def test_a_strategy(inputs, monkeypatch):
    monkeypatch.setattr(sampling, "STRATEGIES", dict(sampling.STRATEGIES))
    (code,) = blocks("A strategy", "python")
    exec(code, {"sampling": sampling})
    (name,) = [n for n in sampling.STRATEGIES if f'["{n}"]' in code]
    test_sampling.test_contract(name, inputs)
    test_sampling.test_ties_are_the_generators(name)


def test_a_source(tmp_path):
    for k in range(12):
        pixels = np.full((32, 32, 3), 20 * k, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{('TUM', 'ADI')[k % 2]}-{k:04d}.png")
    (code,) = blocks("A source", "python")
    given = {"ImageFiles": ImageFiles, "OWN": OWN, "Path": Path, "np": np}
    exec(code, given | {"class_numbers": class_numbers, "digest": digest, "state": state})
    try:
        patches = tissue.load("flat", "all", path=tmp_path)
        assert patches.counts() == {**dict.fromkeys(patches.class_names, 0), "ADI": 6, "TUM": 6}
        assert sorted(patches.images[:, 0, 0, 0].tolist()) == [20 * k for k in range(12)]
        with pytest.warns(UserWarning, match="no patients are known"):
            data = imbalance.load("flat", profiles.PROFILES["tiny"], path=tmp_path, folds=2)
        assert len(data.train) == len(data.test) == 6
    finally:
        del OWN["flat"]


def test_a_claim(tmp_path):
    claim, contrast = blocks("A claim", "toml")
    listed = (ROOT / "results" / "claims.toml").read_text(encoding="utf-8")
    (tmp_path / "claims.toml").write_text(f"{listed}\n{claim}", encoding="utf-8")
    known, _ = claims.read(ROOT / "results" / "claims.toml")
    every, _ = claims.read(tmp_path / "claims.toml")
    (added,) = every[len(known) :]
    (line,) = claims.ledger([added], study.open_stored(ROOT / "results" / "study"))
    assert line.measured is not None and line.verdict in claims.VERDICTS
    planned = (ROOT / "results" / "study.toml").read_text(encoding="utf-8")
    (tmp_path / "study.toml").write_text(f"{planned}\n{contrast}", encoding="utf-8")
    before, after = (study.read(p / "study.toml") for p in (ROOT / "results", tmp_path))
    assert len(after.contrasts) == len(before.contrasts) + 1


def test_a_check():
    (code,) = blocks("A check", "python")
    names = {"check": check, "compare": compare, "plain_answer": plain_answer}
    exec(code, names)
    asked = names[re.search(r"^def (\w+)", code, re.M)[1]]
    assert asked(0.25).solved
    hints = {asked(wrong).text for wrong in (6 / 8, 2 / 6, 2, 8 / 2, 0.9)}
    assert len(hints) == 5 and not any(text.startswith("solved") for text in hints)


def lesson() -> nbformat.NotebookNode:
    """The cells of the recipe, as its steps say they are tagged."""
    guess, answer = blocks(LESSON, "python")
    folded = {"answers": "rarest-guess", "tags": ["hide-output"], "collapsed": True}
    new = nbformat.v4
    return new.new_notebook(
        cells=[
            new.new_markdown_cell("**Predict first**: which is rarer?", id="rarest"),
            new.new_code_cell(guess, id="rarest-guess", metadata={"tags": ["prediction"]}),
            new.new_code_cell(
                answer,
                id="rarest-told",
                metadata={**folded, "jupyter": {"outputs_hidden": True}},
            ),
        ]
    )


@pytest.mark.slow
def test_a_lesson(tmp_path, monkeypatch):
    """Its command, in a copy; the notebook it stores then passes the tests of predictions."""
    monkeypatch.syspath_prepend(Path(__file__).with_name("notebooks"))
    import test_predicting

    (command,) = blocks(LESSON, "bash")
    python, script, *options = shlex.split(command)
    assert (python, script) == (".venv/bin/python", "notebooks/run.py")
    (tmp_path / "notebooks").mkdir()
    shutil.copy(NOTEBOOKS / "run.py", tmp_path / "notebooks")
    stored = tmp_path / "notebooks" / f"{options[-1]}_mine.ipynb"
    nbformat.write(lesson(), stored)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "ACTIVECL_PROFILE": "tiny"}
    subprocess.run(
        [sys.executable, script, *options],
        check=True,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
    )
    cells = nbformat.read(stored, as_version=4).cells
    assert cells[2].outputs[0].text.startswith("rarest: ")
    test_predicting.test_every_call_to_predict_is_followed_by_a_cell_to_type_in(cells)
    test_predicting.test_every_prediction_is_answered_by_name(cells)
    test_predicting.test_what_answers_is_folded_in_every_front_end_that_can(cells)
