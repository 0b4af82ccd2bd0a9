"""CONTRIBUTING.md says how to add things; here each of its recipes is carried out as it stands."""

from __future__ import annotations

import importlib
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
from notebook_tools import LESSONS, NOTEBOOKS, SHORT, lessons
from PIL import Image

from activecl_nb import __main__, curation, imbalance, profiles, sampling, tissue
from activecl_nb.evidence import claims, study
from activecl_nb.lessons import machine
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


def room(name: str) -> str:
    """A folder of tests to import from: what they ask of all is asked of what is added."""
    return str(Path(__file__).with_name(name))


inputs = test_sampling.inputs


def test_a_strategy(inputs, monkeypatch, tmp_path):
    (code,) = blocks("A strategy", "python")
    pasted = dict(vars(importlib.import_module("activecl_nb.sampling.diversity")))
    exec(code, pasted)
    name = defined_in(code)
    monkeypatch.setitem(sampling.STRATEGIES, name, pasted[name])
    test_sampling.test_contract(name, inputs)
    test_sampling.test_ties_are_the_generators(name)
    test_sampling.test_what_reads_the_logits_says_so(name, inputs)
    test_sampling.test_an_unknown_name_lists_the_known(inputs)
    monkeypatch.syspath_prepend(room("pictures"))
    importlib.import_module("test_figures").test_strategies_differ_in_colour_marker_and_line()
    for k in range(6):
        Image.new("RGB", (16, 16), (40 * k, 0, 0)).save(tmp_path / f"{k}.png")
    np.save(tmp_path / "features.npy", np.arange(6.0)[:, None])
    found = curation.pick(tmp_path, budget=2, strategy=name, encoder=tmp_path / "features.npy")
    assert set(found.table["file"]) == {"2.png", "3.png"}


def defined_in(code: str) -> str:
    """The name of the function that a recipe writes."""
    return re.search(r"^def (\w+)", code, re.M)[1]


def test_a_source(tmp_path, monkeypatch):
    for k in range(12):
        pixels = np.full((32, 32, 3), 20 * k, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{('TUM', 'ADI')[k % 2]}-{k:04d}.png")
    (code,) = blocks("A source", "python")
    written: dict[str, object] = {}
    exec(code, written)
    monkeypatch.setitem(OWN, "flat", written["from_flat"])
    patches = tissue.load("flat", "all", path=tmp_path)
    assert patches.counts() == {**dict.fromkeys(patches.class_names, 0), "ADI": 6, "TUM": 6}
    assert sorted(patches.images[:, 0, 0, 0].tolist()) == [20 * k for k in range(12)]
    with pytest.warns(UserWarning, match="no patients are known"):
        data = imbalance.load("flat", profiles.PROFILES["tiny"], path=tmp_path, folds=2)
    assert len(data.train) == len(data.test) == 6


def test_a_claim(tmp_path, monkeypatch):
    """It passes what every claim of the kit does, and the study's file takes the contrast."""
    monkeypatch.syspath_prepend(room("evidence"))
    asked = importlib.import_module("test_claims")
    claim, contrast = blocks("A claim", "toml")
    results = ROOT / "results"
    before, _ = claims.read(results / "claims.toml")
    with_it = add(results / "claims.toml", claim, tmp_path)
    every, headlines = claims.read(with_it)
    assert len(every) == len(before) + 1
    asked.test_every_claim_has_a_place_in_the_paper((every, headlines))
    asked.test_the_kits_own_claims_fit_the_kits_own_study((every, headlines))
    planned = study.read(add(results / "study.toml", contrast, tmp_path))
    assert len(planned.contrasts) == len(study.read(results / "study.toml").contrasts) + 1


def add(listed: Path, block: str, folder: Path) -> Path:
    """A copy of the file, in another folder, with a recipe's block at its end."""
    copy = folder / listed.name
    copy.write_text(f"{listed.read_text(encoding='utf-8')}\n{block}", encoding="utf-8")
    return copy


def test_a_claim_is_measured_and_written_to_the_page(tmp_path, monkeypatch):
    """On stored runs, by the recipe's command."""
    claim, _ = blocks("A claim", "toml")
    every, _ = claims.read(add(ROOT / "results" / "claims.toml", claim, tmp_path))
    (line,) = claims.ledger(every[-1:], study.open_stored(ROOT / "results" / "study"))
    assert line.measured is not None and line.verdict in claims.VERDICTS
    (command,) = blocks("A claim", "bash")
    python, *words = shlex.split(command)
    assert python == ".venv/bin/python" and words[:2] == ["-m", "activecl_nb"]
    shutil.copy(ROOT / "README.md", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert __main__.main(words[2:]) == 0
    assert (tmp_path / "results" / "report.html").is_file()


def test_a_check():
    (code,) = blocks("A check", "python")
    names: dict[str, object] = {}
    exec(code, names)
    asked = names[defined_in(code)]
    assert asked(0.25).solved
    hints = {asked(wrong).text for wrong in (6 / 8, 2 / 6, 2, 8 / 2, 0.9)}
    assert len(hints) == 5 and not any(text.startswith("solved") for text in hints)


def test_the_cells_of_an_exercise_are_those_of_the_lessons():
    """Those that the recipe of a check names are those that tests look for."""
    recipe = ADDING.partition("### A check\n")[2].partition("\n### ")[0]
    named = set(re.findall(r"`(exercise-N[\w-]*)`", recipe))
    there = {c.id for path in LESSONS for c in nbformat.read(path, as_version=4).cells}
    of_exercises = {re.sub(r"\d+", "N", i) for i in there if re.match(r"exercise-\d", i)}
    assert named <= of_exercises and len(named) == 4
    assert f"checks.{defined_in(blocks('A check', 'python')[0])}(" in recipe


def test_an_eleventh_lesson_is_found_by_its_name(tmp_path, monkeypatch):
    """Lessons are whatever is numbered without a gap; the recipe names all that one needs."""
    monkeypatch.syspath_prepend(room("notebooks"))
    structure = importlib.import_module("test_structure")
    for path in (*LESSONS, SHORT):
        (tmp_path / path.name).touch()
    (tmp_path / f"{len(LESSONS):02d}_mine.ipynb").touch()
    found = lessons(tmp_path)
    assert len(found) == len(LESSONS) + 1 and found[-1].stem.endswith("_mine")
    assert structure.numbered(found)
    recipe = ADDING.partition(f"### {LESSON}\n")[2]
    for needed in ("map-section", "teaching/README.md", "LESSON_SECONDS", "notebooks/pictures.py"):
        assert f"`{needed}`" in recipe
    assert "map-section" in {c.id for c in nbformat.read(LESSONS[0], as_version=4).cells}
    assert set(machine.LESSON_SECONDS["laptop"]) == {path.name[:2] for path in LESSONS}


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
    monkeypatch.syspath_prepend(room("notebooks"))
    test_predicting = importlib.import_module("test_predicting")

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
    assert cells[2].outputs[1].text.startswith("rarest: ")
    test_predicting.test_every_call_to_predict_is_followed_by_a_cell_to_type_in(cells)
    test_predicting.test_every_prediction_is_answered_by_name(cells)
    test_predicting.test_what_answers_is_folded_in_every_front_end_that_can(cells)
    covered = "test_no_answer_can_be_read_where_jupyterlab_shows_the_first_line_of_what_is_folded"
    getattr(test_predicting, covered)(cells)
