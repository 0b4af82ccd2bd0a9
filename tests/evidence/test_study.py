"""Studies: their grids by counting, their runs against runs made one by one, kills at random."""

import contextlib
import dataclasses
import io
import itertools
import json
import math
import os
import pickle
import random
import runpy
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import filelock
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy import special, stats

from activecl_nb import experiment, files, imbalance, runs, sampling
from activecl_nb.evidence import analysis, study
from activecl_nb.evidence.study import plan, workers
from activecl_nb.protocol import BENCHMARK, Protocol, image_epochs

ROOT = Path(__file__).parents[2]
# Two rounds of one batch: the smallest runs that still choose something.
SMALL = (
    "train_images = 160, labelled = 40, test_images = 60, candidates = 60, rounds = 2, epochs = 1"
)


def written(folder, text):
    file = folder / "study.toml"
    file.write_text(textwrap.dedent(text))
    return file


@pytest.fixture
def file(tmp_path):
    return written(
        tmp_path,
        f"""
        title = "Small"
        profile = "tiny"

        [[grid]]
        name = "first"
        question = "Which?"
        strategies = ["random", "entropy"]
        seeds = 2
        protocol = {{ {SMALL} }}

        [[grid]]
        name = "second"
        strategies = ["entropy"]
        seeds = 2
        protocol = {{ {SMALL}, head = ["paper", "simclr"] }}
        """,
    )


# ---- what a file says ---------------------------------------------------------------------


def test_grids_share_the_runs_that_are_the_same(file):
    found = study.read(file)
    assert found.title == "Small"
    assert dict(found.questions) == {"first": "Which?", "second": ""}
    assert len(found.entries) == 2 * 2 + 2 * 2
    assert len(found.jobs) == 2 * 2 + 2  # head="paper" is the profile's own
    assert {entry.label for entry in found.entries} == {"", "head=paper", "head=simclr"}


def grid(folder, body):
    return study.read(
        written(folder, f'profile = "tiny"\n[[grid]]\nname = "g"\nstrategies = ["random"]\n{body}')
    )


def test_settings_are_combined_or_taken_one_at_a_time(tmp_path):
    varied = 'protocol = { head = ["paper", "simclr"], schedule = ["cosine"], width = 4 }\n'
    both = grid(tmp_path, "seeds = 1\n" + varied).entries
    assert [e.label for e in both] == [
        "head=paper, schedule=cosine",
        "head=simclr, schedule=cosine",
    ]
    each = grid(tmp_path, "seeds = 1\none_at_a_time = true\n" + varied).entries
    assert [e.label for e in each] == ["head=paper", "head=simclr", "schedule=cosine"]
    assert {e.job.protocol.width for e in [*both, *each]} == {4}
    assert each[2].job.protocol.head == Protocol().head


def test_seeds_come_one_after_the_other(tmp_path):
    """A study that was stopped early has some seeds of everything."""
    found = grid(tmp_path, 'seeds = 2\nprotocol = { head = ["paper", "simclr"] }')
    assert [e.job.seed for e in found.entries] == [0, 0, 1, 1]


def test_a_dial_at_its_own_value_is_the_phantom_as_it_is(tmp_path):
    found = grid(tmp_path, "seeds = 1\ndata = { redundancy = [0.1, 0.5] }").entries
    assert found[0].job.data == (("source", "phantom"),)
    assert found[1].job.data == (("redundancy", 0.5), ("source", "phantom"))
    assert found[0].label == "redundancy=0.1"


def test_a_path_starts_from_the_studys_folder_and_is_no_part_of_an_address(tmp_path):
    """Who copies data and study to another machine finds the runs again."""
    for folder in ("here", "there"):
        save_noise(tmp_path / folder / "mine")
    own = 'seeds = 1\ndata = { source = "folder", path = "mine" }'
    here, there = (grid(tmp_path / folder, own).jobs[0] for folder in ("here", "there"))
    assert here.data != there.data
    assert dict(here.data)["path"] == str(tmp_path / "here" / "mine")
    assert here.address() == there.address()


def save_noise(folder):
    """Pictures of noise in the folders that the kit reads."""
    for split, count in (("train", 60), ("test", 30)):
        for name in ("STR", "TUM"):
            draw = np.random.default_rng(0)
            for n in range(count):
                file = folder / split / name / f"{n}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                pixels = draw.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(file)


def test_equal_work_is_the_benchmarks(tmp_path):
    (entry,) = grid(tmp_path, 'seeds = 1\nequal_work = "benchmark"').entries
    own = Protocol.of("tiny")
    wanted = sum(image_epochs(own, BENCHMARK))
    once = sum(image_epochs(dataclasses.replace(own, epochs=1), "random"))
    work = sum(image_epochs(entry.job.protocol, entry.job.strategy))
    assert abs(work - wanted) <= once / 2
    assert entry.label == f"epochs={entry.job.protocol.epochs}"


@pytest.mark.parametrize(
    ("added", "line", "strategy"),
    [
        ('STRATEGIES["first"] = first', 'code = "mine.py"', "first"),
        ("", "", "mine.py:first"),
    ],
    ids=["added to the kit's", "named by its file"],
)
def test_strategies_of_ones_own_take_part(tmp_path, monkeypatch, added, line, strategy):
    """They run in the workers too, and a changed file is another strategy."""
    monkeypatch.setattr(sampling, "STRATEGIES", dict(sampling.STRATEGIES))
    (tmp_path / "mine.py").write_text(
        textwrap.dedent(
            f"""
            import torch
            from activecl_nb.sampling import STRATEGIES

            def first(features, logits, chosen_features, budget, generator):
                return torch.arange(budget)

            {added}
            """
        )
    )
    file = written(
        tmp_path,
        f"""
        {line}
        profile = "tiny"
        [[grid]]
        name = "g"
        strategies = ["{strategy}", "random"]
        seeds = 1
        protocol = {{ {SMALL} }}
        """,
    )
    mine, random_picks = study.read(file).jobs
    assert mine.strategy == "first"
    done = command(file, tmp_path / "runs", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    later = runs.load(tmp_path / "runs" / mine.address()).rounds[1]
    np.testing.assert_array_equal(later.picked, later.candidates[: len(later.picked)])
    before = mine.address(), random_picks.address()
    (tmp_path / "mine.py").write_text((tmp_path / "mine.py").read_text() + "# changed\n")
    assert mine.address() != before[0] and random_picks.address() == before[1]
    (tmp_path / "mine.py").unlink()
    with pytest.raises(ValueError, match=r"mine\.py is no file"):
        study.read(file)


def test_a_study_takes_the_sizes_of_a_run(tmp_path):
    shutil.copytree(ROOT / "results" / "tiny" / "entropy-0", tmp_path / "before")
    file = written(
        tmp_path,
        """
        profile = "before"
        [[grid]]
        name = "g"
        strategies = ["random"]
        """,
    )
    assert study.read(file).jobs[0].protocol == runs.load(tmp_path / "before").protocol


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = ", "is no TOML file"),
        ("[[grid]]\nname = 'g'\nstrategies = ['no.py:best']", "no.py is no file"),
        ("[[grid]]\nname = 'g'\nstrategies = ['mine.py:random', 'random']", "are called 'random'"),
        ('title = "x"', "describes no runs"),
        ("[[grid]]\nname = 'g'", "'strategies' is missing"),
        ("[[grid]]\nname = 'g'\nstrategies = ['cleverest']", "unknown strategy 'cleverest'"),
        ("[[grid]]\nname = 'g'\nstrategies = ['random']\ncolour = 1", "colour: unknown"),
        ("[[grid]]\nname = 'g'\nstrategies = ['random']\nprotocol = {heads = 2}", "heads"),
        ("profile = 'huge'\n[[grid]]\nname = 'g'\nstrategies = ['random']", "'huge'"),
        (
            "[[grid]]\nname = 'g'\nstrategies = ['random']\nequal_work = 'best'",
            "equal_work: should be 'benchmark'",
        ),
        (
            "[[grid]]\nname = 'g'\nstrategies = ['random']\n"
            "[[grid]]\nname = 'g'\nstrategies = ['random']",
            "same name",
        ),
    ],
)
def test_a_file_that_makes_no_sense_is_named_and_why(tmp_path, text, says):
    file = written(tmp_path, text)
    with pytest.raises(ValueError, match=says) as error:
        study.read(file)
    assert str(file) in str(error.value) or "huge" in says


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    file = written(
        tmp_path,
        """
        title = 5
        colour = "red"
        [[grid]]
        name = "a"
        strategies = []
        seeds = 0
        [[grid]]
        name = "b"
        strategies = ["random", "magic"]
        protocol = { heads = 2, width = "wide" }
        data = { tumour_share = "half", stain = 1 }
        one_at_a_time = true
        [[contrast]]
        id = "c"
        grid = "nowhere"
        a = "random"
        """,
    )
    with pytest.raises(ValueError) as error:
        study.read(file)
    told = str(error.value)
    assert told.startswith(f"{file}: ")
    for said in ("colour: unknown", "title: should be text, not 5"):
        assert said in told, said
    file.write_text(file.read_text().replace('title = 5\ncolour = "red"\n', ""))
    with pytest.raises(ValueError) as error:
        study.read(file)
    told = str(error.value)
    for said in (
        "grid 'a': strategies: should hold at least 1, not []",
        "grid 'a': seeds: should be at least 1, not 0",
        "grid 'b': unknown strategy 'magic'",
        "grid 'b': the protocol has no field 'heads'",
        "width: should be a whole number, not 'wide'",
        "grid 'b': stain: unknown; there are",
        "grid 'b': tumour_share: should be a number, not 'half'",
        "grid 'b': one_at_a_time has nothing to vary",
        "contrast 'c': 'b' is missing",
    ):
        assert said in told, said


ODD = [
    "grid = 5",
    '[grid]\nname = "a"',
    'profile = ["tiny"]',
    "code = 5",
    'code = "."',
    'code = "fails.py"',
    "[[grid]]\nname = [1]",
    '[[grid]]\nname = ""\nstrategies = ["random"]',
    '[[grid]]\nname = "g"\nstrategies = "random"',
    '[[grid]]\nname = "g"\nstrategies = [["random"]]',
    '[[grid]]\nname = "g"\nstrategies = ["random", "random"]',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\nprotocol = { rounds = [2, 3, 2] }',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\ndata = { fold = [0, 0] }',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\nseeds = true',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\nseeds = 1.5',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\nseeds = -1',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\nseeds = 99999999999999999999',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\nprotocol = 5',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\ndata = [1]',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\ndata = { source = 5 }',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\ndata = { redundancy = nan }',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\ndata = { seed = [0, -1] }',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\ndata = { redundancy = [] }',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\nprotocol = { head = [] }',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\nprotocol = { width = true }',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\nprotocol = { width = 0 }',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\nprotocol = { temperature = -1.0 }',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\nprotocol = { temperature = inf }',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\none_at_a_time = 1',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\nquestion = 1979-05-27',
    '[[grid]]\nname = "g"\nstrategies = ["random"]\n[[contrast]]\nid = "c"\ngrid = "g"\n'
    'a = "random"\nb = "random"',
    'contrast = 5\n[[grid]]\nname = "g"\nstrategies = ["random"]',
]


@pytest.mark.parametrize("text", ODD)
def test_an_odd_file_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "fails.py").write_text("1 / 0")
    with pytest.raises(ValueError) as error:
        study.read(written(tmp_path, text))
    assert "study.toml: " in str(error.value) and "\n" not in str(error.value)


def test_a_value_that_no_run_can_have_spoils_its_own_setting_alone(tmp_path):
    found = grid(tmp_path, "seeds = 1\nprotocol = { width = [0, 8], rounds = 1 }")
    assert [entry.label for entry in found.entries] == ["width=8"]
    ((name, setting, why),) = found.refused
    assert (name, setting) == ("g", "width=0") and "width" in why


def test_data_may_hold_a_table(tmp_path):
    """Columns and rows of a table of one's own, as everywhere else."""
    text = 'source = "table", path = "t.csv", columns = { file = "at" }, rows = { of = ["a", "b"] }'
    (job,) = grid(tmp_path, f"seeds = 1\ndata = {{ {text} }}").jobs
    assert dict(job.data)["columns"] == {"file": "at"}
    assert json.loads(json.dumps(dict(job.data)))["rows"] == {"of": ["a", "b"]}
    assert pickle.loads(pickle.dumps(job)) == job  # as a worker is handed it


def test_tissues_are_replicates_and_no_settings(tmp_path):
    found = grid(tmp_path, "seeds = 2\ndata = { seed = [0, 1, 2], redundancy = [0.0, 0.5] }")
    assert {entry.label for entry in found.entries} == {"redundancy=0.0", "redundancy=0.5"}
    assert [e.job.tissue for e in found.entries[:6:2]] == ["phantom 0", "phantom 1", "phantom 2"]
    assert len(found.jobs) == 2 * 3 * 2
    own = grid(tmp_path, 'seeds = 1\ndata = { source = "folder", path = "x", fold = [0, 1] }')
    assert [entry.job.tissue for entry in own.entries] == ["fold 0", "fold 1"]
    assert {entry.label for entry in own.entries} == {""}


GRID_AND_CONTRAST = """
profile = "tiny"
[[contrast]]
id = "first"
grid = "g"
a = "entropy"
b = "random"
[[grid]]
name = "g"
strategies = ["random", "entropy"]
seeds = 1
"""


def test_contrasts_are_read_in_their_order_and_must_fit(tmp_path):
    text = GRID_AND_CONTRAST.replace('b = "random"', 'b = "random"\nprimary = true')
    (one,) = study.read(written(tmp_path, text)).contrasts
    assert one == study.Contrast("first", "g", "entropy", "random", primary=True)
    assert (one.metric, one.score) == ("chosen", "probe_average_precision")
    for old, new, said in (
        ('b = "random"', 'b = "kcenter"', "'g' has no strategy 'kcenter'"),
        ('grid = "g"', 'grid = "h"', "no grid is called 'h'"),
        ("primary = true", 'score = "luck"', "no score is called 'luck'; there are f1, auroc"),
        ("primary = true", 'setting = "x=1"', "'g' has no setting 'x=1'"),
        ("primary = true", "bound = 0", "bound: should be above 0"),
        (
            "primary = true",
            'metric = "luck"',
            "metric: should be 'chosen', 'area',",
        ),
    ):
        with pytest.raises(ValueError, match=said):
            study.read(written(tmp_path, text.replace(old, new)))


def test_a_grid_that_is_not_right_is_not_said_to_be_missing(tmp_path):
    text = GRID_AND_CONTRAST.replace("seeds = 1", "seeds = 0")
    with pytest.raises(ValueError, match="seeds: should be at least 1") as told:
        study.read(written(tmp_path, text))
    assert "no grid is called" not in str(told.value)


def test_more_runs_than_anybody_waits_for_are_refused_before_they_are_laid_out(tmp_path):
    varied = {name: [*range(1, 101)] for name in ("rounds", "epochs", "labelled")}
    protocol = ", ".join(f"{name} = {values}" for name, values in varied.items())
    text = GRID_AND_CONTRAST.replace("seeds = 1", f"seeds = 1\nprotocol = {{ {protocol} }}")
    with pytest.raises(ValueError, match="grid 'g': 2,000,000 runs are asked for, and 100,000"):
        study.read(written(tmp_path, text))


def test_the_kits_own_study_is_sound():
    own = study.read(ROOT / "results" / "study.toml")
    assert {e.job.protocol.name for e in own.entries} == {"study"}
    for name in own.questions:
        tissues = {e.job.tissue for e in own.entries if e.grid == name}
        assert len(tissues) >= 5, f"{name} has fewer than five tissues"
        assert own.questions[name].endswith("?")
    assert [(one.grid, one.a, one.b) for one in own.contrasts if one.primary] == [
        ("real", "entropy", "random"),
        ("real", "kcenter", "random"),
    ]


def test_a_grid_may_take_a_frozen_encoder_and_a_contrast_another_grid(tmp_path):
    save_noise(tmp_path / "mine")
    text = f"""
        profile = "tiny"
        [[contrast]]
        id = "rival"
        grid = "frozen"
        a = "random"
        against = "trained"
        b = "benchmark"
        names = ["a frozen encoder", "SimCLR"]
        metric = "last"
        [[grid]]
        name = "trained"
        strategies = ["benchmark"]
        seeds = 1
        data = {{ source = "folder", path = "mine" }}
        protocol = {{ {SMALL} }}
        [[grid]]
        name = "frozen"
        strategies = ["random"]
        seeds = 1
        data = {{ source = "folder", path = "mine", encoder = "{tmp_path}/f.csv" }}
        protocol = {{ {SMALL}, encoder = "frozen" }}
        """
    wanted = study.read(written(tmp_path, text))
    (rival,) = wanted.contrasts
    assert [side["grid"] for side in rival.sides] == ["frozen", "trained"]
    job = wanted.jobs[1]
    images = dataclasses.replace(job, data=tuple(p for p in job.data if p[0] != "encoder")).load()
    assert images.features is None
    names = [*images.train.facts["file"], *images.test.facts["file"]]
    table = pd.DataFrame({"file": names, "a": 0.0, "b": np.arange(len(names))})
    table.to_csv(tmp_path / "f.csv", index=False)
    assert [tuple(part.shape) for part in job.load().features] == [
        (len(images.train), 2),
        (len(images.test), 2),
    ]
    results = study.run(wanted, tmp_path / "runs", stream=io.StringIO())
    assert set(results.values()) == {study.DONE}
    for old, new, said in (
        ('against = "trained"', 'against = "other"', "no grid is called 'other'"),
        ('b = "benchmark"', 'b = "entropy"', "'trained' has no strategy 'entropy'"),
        ('"a frozen encoder", ', "", "names: should hold at least 2"),
    ):
        with pytest.raises(ValueError, match=said):
            study.read(written(tmp_path, text.replace(old, new)))


# ---- addresses ----------------------------------------------------------------------------


def test_an_address_changes_with_whatever_decides_the_result(file, monkeypatch):
    job = study.read(file).jobs[0]
    others = [
        dataclasses.replace(job, strategy="entropy"),
        dataclasses.replace(job, seed=7),
        dataclasses.replace(job, protocol=dataclasses.replace(job.protocol, temperature=0.2)),
        dataclasses.replace(job, data=(("redundancy", 0.5), ("source", "phantom"))),
    ]
    addresses = {job.address(), *(other.address() for other in others)}
    assert job.address() == dataclasses.replace(job).address()
    monkeypatch.setattr(runs, "RESULTS_VERSION", runs.RESULTS_VERSION + 1)
    assert len({*addresses, job.address()}) == 6
    monkeypatch.undo()
    monkeypatch.setattr(plan, "fingerprint", lambda *_: {"sha256": "other patches"})
    assert job.address() not in addresses


def test_an_address_stays_when_the_protocol_gains_a_field_at_its_default(file, monkeypatch):
    """What is as in the paper is not part of it; nor is the kit's version, or a profile's name."""
    job = study.read(file).jobs[0]
    before = job.address()

    @dataclasses.dataclass(frozen=True)
    class Later(Protocol):
        flavour: str = "plain"

    monkeypatch.setattr("activecl_nb.protocol.Protocol", Later)
    later = dataclasses.replace(job, protocol=Later(**dataclasses.asdict(job.protocol)))
    assert later.address() == before
    named = dataclasses.replace(later, protocol=dataclasses.replace(later.protocol, name="mine"))
    assert named.address() == before
    monkeypatch.setattr("activecl_nb.__version__", "99.0.0")
    assert later.address() == before


# ---- running ------------------------------------------------------------------------------


def same_runs(a, b):
    """The same picks, losses, logits and scores, bit for bit."""
    assert len(a.rounds) == len(b.rounds)
    for one, other in zip(a.rounds, b.rounds, strict=True):
        for name in runs.ARRAYS:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert one.scores == other.scores


def test_a_study_makes_the_runs_that_one_would_make_by_hand(file, tmp_path):
    wanted = study.read(file)
    out = tmp_path / "runs"
    results = study.run(wanted, out, stream=io.StringIO())
    assert set(results.values()) == {study.DONE}
    job = wanted.jobs[1]
    by_hand = experiment.run(
        job.protocol, imbalance.load("phantom", job.protocol), "entropy", job.seed, progress=False
    )
    same_runs(runs.load(out / job.address()), by_hand)
    assert not list(out.glob("*/*.safetensors"))

    before = {p: p.stat().st_mtime_ns for p in out.glob("*/*.npz")}
    study.run(wanted, out, stream=io.StringIO())
    assert {p: p.stat().st_mtime_ns for p in out.glob("*/*.npz")} == before


def test_weights_are_kept_if_so_wished_and_then_left_alone(file, tmp_path):
    wanted, out = study.read(file), tmp_path / "runs"
    weighty = dataclasses.replace(wanted, entries=wanted.entries[:1])
    study.run(weighty, out, keep_weights=True, stream=io.StringIO())
    study.run(wanted, out, stream=io.StringIO())
    with_weights = {path.parent.name for path in out.glob("*/weights-*.safetensors")}
    assert with_weights == {weighty.jobs[0].address()}


def test_shares_are_disjoint_and_make_the_whole(file, tmp_path):
    wanted = study.read(file)
    parts = [
        study.run(wanted, tmp_path / "runs", only=(k, 4), stream=io.StringIO()) for k in range(1, 5)
    ]
    assert sum(map(len, parts)) == len(wanted.jobs)
    assert {a for part in parts for a in part} == {job.address() for job in wanted.jobs}
    with pytest.raises(ValueError, match="from 1/2 to 2/2"):
        study.run(wanted, tmp_path / "runs", only=(3, 2))


def test_a_run_that_another_process_is_at_is_left_to_it(file, tmp_path):
    wanted = study.read(file)
    busy = wanted.jobs[0].address()
    (tmp_path / "runs").mkdir()
    with filelock.FileLock(tmp_path / "runs" / f"{busy}.lock"):
        results = study.run(wanted, tmp_path / "runs", only=(1, 2), stream=io.StringIO())
    assert results.pop(busy) == study.ELSEWHERE
    assert set(results.values()) == {study.DONE}
    assert not (tmp_path / "runs" / busy).exists()


def broken(folder, how):
    """Damage the folder of a run; the file that the message should name."""
    rounds = folder / "rounds.csv"
    if how == "truncated":
        arrays = folder / "round-01.npz"
        arrays.write_bytes(arrays.read_bytes()[:100])
        return arrays
    if how == "corrupted":
        rounds.write_bytes(b"\xff\xfe nothing")
        return rounds
    identity = json.loads((folder / "run.json").read_text())  # a run of another seed
    (folder / "run.json").write_text(json.dumps({**identity, "seed": 99}))
    return folder


@pytest.mark.parametrize("how", ["truncated", "corrupted", "foreign"])
def test_a_damaged_folder_is_named_and_left_alone(file, tmp_path, how):
    wanted, out = study.read(file), tmp_path / "runs"
    study.run(wanted, out, only=(1, 3), stream=io.StringIO())
    victim = out / wanted.jobs[0].address()
    named = broken(victim, how)
    before = {p.name: p.read_bytes() for p in victim.iterdir()}
    results = study.run(wanted, out, only=(1, 3), stream=io.StringIO())
    assert results[victim.name].startswith(study.FAILED)
    assert str(named) in results[victim.name]
    assert {p.name: p.read_bytes() for p in victim.iterdir()} == before
    others = {a: outcome for a, outcome in results.items() if a != victim.name}
    assert set(others.values()) == {study.DONE}


def test_a_file_in_the_place_of_a_run_stops_no_other(file, tmp_path):
    wanted, out = study.read(file), tmp_path / "runs"
    out.mkdir()
    victim = out / wanted.jobs[0].address()
    victim.write_text("mine")
    results = study.run(wanted, out, only=(1, 3), stream=io.StringIO())
    assert results.pop(victim.name).startswith(study.FAILED) and victim.read_text() == "mine"
    assert set(results.values()) == {study.DONE}


def test_a_failed_run_stops_no_other_and_the_command_says_so(tmp_path):
    too_many = SMALL.replace("rounds = 2", "rounds = [2, 90]")
    file = written(
        tmp_path,
        f"""
        profile = "tiny"
        [[grid]]
        name = "g"
        strategies = ["random"]
        seeds = 1
        protocol = {{ {too_many} }}
        """,
    )
    done = command(file, tmp_path / "runs")
    assert done.returncode == 1
    assert "the pool" in done.stderr and "lower rounds or budget" in done.stderr
    assert "Traceback" not in done.stderr
    assert "1/2" in done.stdout.splitlines()[-2]


SHOUTING = """
import os, signal, time
from activecl_nb import sampling
def shout():
    for descriptor in range(3, 64):
        try: os.write(descriptor, b"\\0\\0\\0\\5hello")
        except OSError: pass
"""


def mine(folder, code, strategies, seeds=2):
    """A study with strategies of a student's own."""
    (folder / "mine.py").write_text(SHOUTING + code)
    return written(
        folder,
        f"""
        profile = "tiny"
        code = "mine.py"
        [[grid]]
        name = "g"
        strategies = {strategies}
        seeds = {seeds}
        protocol = {{ {SMALL} }}
        """,
    )


def finished(out):
    return sum(runs.load(path.parent).finished for path in out.glob("*/rounds.csv"))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("raise IndexError('a slip')", "IndexError: a slip (mine.py, line 8)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "its process was killed by SIGKILL"),
        ("os._exit(7)", "its process ended by itself, with status 7"),
        ("raise SystemExit('enough')", "SystemExit: enough (mine.py, line 8)"),
        ("raise type('Own', (BaseException,), {})('x')", "Own: x (mine.py, line 8)"),
        ("raise KeyboardInterrupt", "it was interrupted (KeyboardInterrupt)"),
        (r"raise ValueError('\ud800')", r"\ud800"),
    ],
    ids=["raises", "killed", "leaves", "exits", "of its own", "interrupts", "stutters"],
)
def test_whatever_ends_a_run_stops_no_other(tmp_path, body, says):
    code = f"def odd(f, l, c, b, g): {body}\nsampling.STRATEGIES['odd'] = odd\n"
    file = mine(tmp_path, code, '["odd", "random"]', seeds=1)
    done = command(file, tmp_path / "runs")
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert finished(tmp_path / "runs") == 1
    head, line, *_ = done.stderr.splitlines()  # Python may add what a killed process left open
    assert head == "1 of 2 runs failed:"
    assert "odd, seed 0" in line and says in line


def test_a_child_that_a_run_leaves_behind_holds_nothing_up(tmp_path):
    """It holds the worker's end of the pipe, and lives on when the study is over."""
    pid = tmp_path / "pid"
    code = f"""
def stay():
    open({str(pid)!r}, "w").write(str(os.getpid()))
    time.sleep(3600)

def odd(f, l, c, b, g):
    os.fork() or stay()
    while not os.path.exists({str(pid)!r}) or not os.path.getsize({str(pid)!r}):
        time.sleep(0.01)
    os.kill(os.getpid(), 9)

sampling.STRATEGIES["odd"] = odd
"""
    file = mine(tmp_path, code, '["odd", "random"]', seeds=1)
    with open(tmp_path / "said", "w") as said:  # no pipe, which the child would hold open
        done = command(file, tmp_path / "runs", capture_output=False, stdout=said, stderr=said)
    os.kill(int(pid.read_text()), signal.SIGKILL)  # an error if it were gone
    assert done.returncode == 1 and finished(tmp_path / "runs") == 1
    assert "its process was killed by SIGKILL" in (tmp_path / "said").read_text()


def test_a_copy_that_a_run_forks_has_no_say(tmp_path):
    """It goes on as the worker would, and must neither tell the study nor take the next task."""
    code = """
from activecl_nb.sampling import entropy

def odd(*given):
    if not os.fork():
        raise IndexError("in the copy")
    os.wait()
    return entropy(*given)

sampling.STRATEGIES["odd"] = odd
"""
    done = command(mine(tmp_path, code, '["odd", "random"]', seeds=2), tmp_path / "runs")
    assert (done.returncode, done.stderr) == (0, "")
    assert finished(tmp_path / "runs") == 4


def test_a_run_that_writes_wherever_it_can_spoils_itself_alone(tmp_path):
    """Python's own helpers, into which it wrote too, may say so; the study goes on."""
    code = "def odd(f, l, c, b, g): shout()\nsampling.STRATEGIES['odd'] = odd\n"
    done = command(mine(tmp_path, code, '["random", "odd", "entropy"]', seeds=1), tmp_path / "runs")
    assert done.returncode == 1 and finished(tmp_path / "runs") == 2
    assert "1 of 3 runs failed:" in done.stderr
    assert "it wrote into the pipe between its process and the study" in done.stderr


def test_a_script_that_guards_nothing_makes_its_study_once(tmp_path):
    """Workers begin without the script, which would begin the study again."""
    file = written(
        tmp_path,
        f"""
        profile = "tiny"
        [[grid]]
        name = "2024"
        strategies = ["random"]
        seeds = 1
        protocol = {{ {SMALL} }}
        """,
    )
    script = tmp_path / "script.py"
    script.write_text(
        "import io\n"
        "print('begun')\n"
        "from activecl_nb.evidence import study\n"
        f"planned = study.read({str(file)!r})\n"
        f"made = study.run(planned, {str(tmp_path / 'runs')!r}, stream=io.StringIO())\n"
        "print(*made.values())\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.split() == ["begun", "done"], done.stderr
    assert "leaked" not in done.stderr  # workers end in order


def test_data_that_is_not_there_stops_no_other_grid(tmp_path):
    file = written(
        tmp_path,
        f"""
        profile = "tiny"
        [[grid]]
        name = "here"
        strategies = ["random"]
        seeds = 1
        protocol = {{ {SMALL} }}
        [[grid]]
        name = "gone"
        strategies = ["random"]
        seeds = 1
        data = {{ source = "folder", path = "gone" }}
        protocol = {{ {SMALL} }}
        """,
    )
    results = study.run(study.read(file), tmp_path / "runs", stream=io.StringIO())
    assert finished(tmp_path / "runs") == 1
    assert sorted(outcome.split(":")[0] for outcome in results.values()) == ["done", "failed"]


def test_no_more_workers_than_runs(file, tmp_path, monkeypatch):
    begun = []
    real = workers._Worker
    monkeypatch.setattr(workers, "_Worker", lambda: begun.append(1) or real())
    wanted = study.read(file)
    two = dataclasses.replace(wanted, entries=wanted.entries[:2])
    study.run(two, tmp_path / "runs", jobs=64, stream=io.StringIO())
    assert len(begun) == 2
    with pytest.raises(ValueError, match="--jobs -1"):
        study.run(wanted, tmp_path / "runs", jobs=-1)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads the process table of Linux")
def test_workers_end_with_their_parent(tmp_path):
    """A run is under way, and would be for ever, when the command is killed."""
    code = (
        "def waits(f, l, c, b, g):\n"
        f"    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "    signal.pause()\n"
        "sampling.STRATEGIES['waits'] = waits\n"
    )
    file = mine(tmp_path, code, '["waits"]', seeds=1)
    parent = subprocess.Popen(
        [sys.executable, "-m", "activecl_nb", "study", file, "--out", tmp_path / "runs"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert parent.poll() is None
        time.sleep(0.05)
    worker = int((tmp_path / "pid").read_text())
    parent.kill()
    parent.wait()
    while Path(f"/proc/{worker}").exists() and not gone(worker):  # the test's own limit ends this
        time.sleep(0.05)


def gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def command(file, out, *more, **options):
    return subprocess.run(
        [sys.executable, "-m", "activecl_nb", "study", file, "--out", out, *more],
        cwd=ROOT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        **{"capture_output": True, **options},
    )


# Imports once, then makes a process for every line that it reads: starting Python twenty times
# would take minutes. A line names a folder and a step: a function called or left, Python's own or
# not, counted from the first file that the process puts in its place. At this step it kills itself.
FORKS = """
import os, signal, sys
import filelock, pandas, safetensors.torch, sklearn.metrics, torch, torch._dynamo
from activecl_nb import experiment, imbalance, runs
from activecl_nb.evidence import study

def work(out, last):
    steps = None

    def count(frame, event, called):
        nonlocal steps
        if steps is not None:
            steps += 1
            if steps == last:
                os.kill(os.getpid(), signal.SIGKILL)
        elif called is os.replace:
            steps = 0

    sys.setprofile(count)
    study.run(study.read(sys.argv[1]), out, jobs=0, stream=open(os.devnull, "w"))
    sys.setprofile(None)
    print(steps, flush=True)

for line in sys.stdin:
    out, last = line.split()
    child = os.fork()
    if child == 0:
        work(out, int(last))
        os._exit(0)
    print("ended with", os.waitpid(child, 0)[1], flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes as POSIX systems do")
@pytest.mark.slow
def test_killed_twenty_times_and_resumed_equals_unbroken(file, tmp_path):
    """SIGKILL, each time within a round's work after a new file; counted, so no race is run.

    Nearly half of the kills fall in the first thousandth of that work, where a round's files are
    put in their places one after the other.
    """
    longer(file)
    wanted, out, unbroken = study.read(file), tmp_path / "runs", tmp_path / "unbroken"
    rounds = sum(job.protocol.rounds for job in wanted.jobs)
    moments, left = random.Random(0), []
    with subprocess.Popen(
        [sys.executable, "-c", FORKS, file],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as forks:

        def go(folder, last):
            print(folder, last, file=forks.stdin, flush=True)
            return forks.stdout.readline()

        steps = int(go(unbroken, 0))
        assert forks.stdout.readline() == "ended with 0\n"
        for _ in range(20):
            last = round(math.exp(moments.uniform(0, math.log(steps / rounds))))
            said = go(out, last)
            assert said == f"ended with {int(signal.SIGKILL)}\n", "the study ended before the kill"
            left.append(sum(p.read_bytes().count(b"\n") - 1 for p in out.glob("*/rounds.csv")))
        forks.stdin.close()
    assert left == sorted(left), "a finished round was lost"
    assert 0 < left[-1] < rounds, "nothing was left to do"
    results = study.run(wanted, out, stream=io.StringIO())
    assert set(results.values()) == {study.DONE}
    for job in wanted.jobs:
        killed, whole = (runs.load(folder / job.address()) for folder in (out, unbroken))
        assert killed.finished
        same_runs(killed, whole)


def longer(file):
    """Six rounds a run, which need a larger pool."""
    text = file.read_text().replace("rounds = 2", "rounds = 6")
    file.write_text(text.replace("train_images = 160", "train_images = 300"))


STOPPED = "\nstopped; the finished rounds are kept, and the same command goes on from there\n"


def interruptible(file, out):
    """A study of two workers that is not over soon, in a group of its own as in a terminal."""
    longer(file)
    file.write_text(file.read_text().replace("seeds = 2", "seeds = 99"))
    return subprocess.Popen(
        [sys.executable, "-m", "activecl_nb", "study", file, "--out", out, "--jobs", "2"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a job that a shell started in the background ignores Ctrl-C, and so would this one
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_ctrl_c_keeps_what_is_finished(file, tmp_path):
    out = tmp_path / "runs"
    started = interruptible(file, out)
    while not (sealed := [m for m in out.glob("*/manifest.json") if "rounds" in m.read_text()]):
        assert started.poll() is None, started.communicate()[1]
        time.sleep(0.02)
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does: to all processes of the command
    printed, said = started.communicate()
    assert started.returncode == 130, said
    assert said == STOPPED
    assert printed.splitlines()[0].startswith("grid")
    assert runs.load(sealed[0].parent).rounds


def test_ctrl_c_while_the_server_of_the_workers_loads_torch(file, tmp_path):
    """Which takes it a second or more; only the command itself speaks, and the server ends too."""
    children = Path("/proc/thread-self/children")
    if not children.exists():
        pytest.skip("needs a /proc that tells a process's children")
    started = interruptible(file, tmp_path / "runs")
    while not server_of(started.pid):
        assert started.poll() is None, started.communicate()[1]
    os.killpg(started.pid, signal.SIGINT)
    _, said = started.communicate()  # until the server, which holds the same stream, has ended
    assert (started.returncode, said) == (130, STOPPED)


def server_of(pid):
    """The process that a study's workers are forked from, "" before it is there."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):  # it may have ended just now
            if b"forkserver" in Path(f"/proc/{child}/cmdline").read_bytes():
                return child
    return ""


def test_two_processes_share_a_study(file, tmp_path):
    """Each run is made by one of them; what both report adds up to the study."""
    out = tmp_path / "runs"
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "activecl_nb", "study", file, "--out", out],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for _ in range(2)
    ]
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    for job in study.read(file).jobs:
        assert runs.load(out / job.address()).finished


# ---- the table while it runs --------------------------------------------------------------


def test_the_table_counts_what_is_done_and_names_what_runs(file, tmp_path):
    wanted = study.read(file)
    folders = {job: tmp_path / job.address() for job in wanted.jobs}
    board = study.Board(wanted, folders, {})
    assert "0/4" in board.text() and "not known before" in board.text()
    finished, under_way, *_ = wanted.jobs
    for job, rounds in ((finished, 2), (under_way, 1)):
        folders[job].mkdir()
        (folders[job] / "rounds.csv").write_text("head\n" + "row\n" * rounds)
    lines = board.text().splitlines()
    assert lines[1].split() == ["first", "1/4", "3/8"]
    assert lines[3].split()[:6] == ["entropy,", "seed", "0:", "1", "of", "2"]
    assert lines[-1].startswith("time left: about")


# ---- what is kept -------------------------------------------------------------------------


@pytest.fixture
def made(file, tmp_path):
    wanted = study.read(file)
    study.run(wanted, tmp_path / "runs", stream=io.StringIO())
    return wanted, tmp_path / "runs"


def test_kept_tables_say_what_the_runs_say(made, tmp_path):
    wanted, out = made
    kept = study.store(wanted, out, tmp_path / "kept")
    loops = [runs.load(out / j.address()) for j in wanted.jobs[:4]]
    first = kept.grid("first")
    ours = first.rounds.sort_values(["seed", "strategy", "round"], ignore_index=True)
    theirs = analysis.table(loops).sort_values(["seed", "strategy", "round"], ignore_index=True)
    left_out = theirs.columns.difference(ours.columns)
    of_a_clock = {f"seconds_{part}" for part in ("select", "train", "proxy", "watch")}
    assert {*left_out} == of_a_clock | {*analysis.MORE_F1}
    for name in analysis.MORE_F1:  # all proxies were scored once
        assert np.array_equal(theirs[name], theirs["f1"])
    theirs = theirs.drop(columns=left_out)
    pd.testing.assert_frame_equal(
        ours[theirs.columns], theirs, check_dtype=False, check_column_type=False, rtol=1e-5
    )
    data = wanted.jobs[0].load()
    by = ["seed", "strategy", "round", "order"]
    picked = analysis.picks(loops, data.train).sort_values(by, ignore_index=True)
    kept_picks = first.picks.sort_values(by, ignore_index=True)
    pd.testing.assert_frame_equal(
        kept_picks[picked.columns], picked, check_dtype=False, check_categorical=False
    )
    assert set(kept.grid("second").rounds["setting"]) == {"head=paper", "head=simclr"}
    entropy = loops[1].table()["image_epochs"].cumsum().tolist()
    for one in ("first", "second"):  # which share this run
        rows = kept.grid(one).rounds
        rows = rows[rows["run"] == wanted.jobs[1].address()]
        assert rows["image_epochs_so_far"].tolist() == entropy
    assert kept.planned["finished"].all()
    with pytest.raises(ValueError, match="there are first, second"):
        kept.grid("third")


def test_an_unfinished_study_is_kept_as_far_as_it_is(file, tmp_path):
    wanted, out = study.read(file), tmp_path / "runs"
    with pytest.raises(ValueError, match="no finished run"):
        study.store(wanted, out, tmp_path / "kept")
    study.run(wanted, out, only=(1, 3), stream=io.StringIO())
    kept = study.store(wanted, out, tmp_path / "kept")
    assert 0 < kept.planned["finished"].sum() < len(kept.planned)
    assert set(kept.rounds["run"]) == set(kept.planned[kept.planned["finished"]]["run"])


def test_f1_by_other_proxy_epochs_is_kept_where_it_differs():
    from activecl_nb.evidence.study.stored import _telling

    rounds = pd.DataFrame({"f1": [0.5, 0.6], "f1_same_proxy": [np.nan, 0.6], "f1_best": [0.5, 0.7]})
    assert _telling(rounds)["f1_same_proxy"].tolist() == [0.5, 0.6]
    assert _telling(rounds)["f1_best"].tolist() == [0.5, 0.7]
    rounds["f1_best"] = [np.nan, 0.6]
    assert list(_telling(rounds)) == ["f1"]
    rounds = rounds.assign(seconds_processor=[1.0, 2.0], seconds_train=[3.0, 9.0])
    assert list(_telling(rounds)) == ["f1", "seconds_processor"]
    rounds["seconds_processor"] = [1.0, np.nan]  # an older kit took none
    assert list(_telling(rounds)) == ["f1", "seconds_processor", "seconds_train"]


def test_what_was_kept_before_stays(made, tmp_path):
    wanted, out = made
    whole = study.store(wanted, out, tmp_path / "kept")
    files_before = {p.name: p.read_bytes() for p in (tmp_path / "kept").iterdir()}
    gone = wanted.jobs[1].address()  # of entropy: in two grids
    shutil.rmtree(out / gone)
    again = study.store(wanted, out, tmp_path / "kept")
    for name in ("rounds", "picks", "planned"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(whole, name))
    for name in ("index.csv", "rounds.csv"):
        assert (tmp_path / "kept" / name).read_bytes() == files_before[name]
    shutil.rmtree(out)
    assert study.store(wanted, out, tmp_path / "kept").planned["finished"].all()
    fewer = dataclasses.replace(wanted, entries=wanted.entries[:1])
    assert len(study.store(fewer, out, tmp_path / "kept").planned) == 1


def test_only_what_is_not_stored_is_made(made, tmp_path, monkeypatch):
    make = runpy.run_path(str(ROOT / "results" / "make.py"))
    lacking = make["lacking"]
    monkeypatch.setitem(lacking.__globals__, "HERE", tmp_path)
    wanted, out = made
    assert lacking(wanted) == wanted
    study.store(wanted, out, tmp_path / "study")
    assert lacking(wanted).jobs == []


def test_what_a_source_does_not_tell_of_its_patches_stays_unknown(tmp_path):
    """Beside the phantom, which tells of artefacts and repeats, a folder that does not."""
    save_noise(tmp_path / "mine")
    grids = [
        f"""
        [[grid]]
        name = "{name}"
        strategies = ["random"]
        seeds = 1
        data = {{ {data} }}
        protocol = {{ {SMALL} }}
        """
        for name, data in (("drawn", ""), ("own", 'source = "folder", path = "mine"'))
    ]
    wanted = study.read(written(tmp_path, 'profile = "tiny"\n' + "".join(grids)))
    study.run(wanted, tmp_path / "runs", stream=io.StringIO())
    kept = study.store(wanted, tmp_path / "runs", tmp_path / "kept")
    assert kept.grid("drawn").picks["near_duplicate"].isin([False, True]).all()
    assert kept.grid("own").picks["near_duplicate"].isna().all()
    assert set(kept.grid("own").picks["label"]) == {"STR", "TUM"}


def test_kept_tables_open_without_torch_and_name_what_is_damaged(made, tmp_path):
    wanted, out = made
    study.store(wanted, out, tmp_path / "kept")
    code = (
        "import sys; from activecl_nb.evidence import study; study.open_stored(sys.argv[1]);"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "kept"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.strip() == "False", done.stderr
    picks = (tmp_path / "kept" / "picks.npz").read_bytes()
    (tmp_path / "kept" / "picks.npz").write_bytes(picks[:-1] + b"!")
    with pytest.raises(ValueError, match=r"picks\.npz is damaged.*restore its files"):
        study.open_stored(tmp_path / "kept")
    np.savez(tmp_path / "kept" / "picks.npz", classes=np.array(["TUM"]))
    files.seal(tmp_path / "kept", "picks.npz")
    with pytest.raises(ValueError, match=r"kept cannot be read.*restore its files"):
        study.open_stored(tmp_path / "kept")
    for name in ("manifest.json", "rounds.csv"):
        (tmp_path / "kept" / name).unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks rounds\.csv, manifest\.json; restore"):
        study.open_stored(tmp_path / "kept")


def test_a_folder_of_runs_becomes_a_report_as_it_is(made, tmp_path, capsys):
    """Straight from the runs, without storing; with the kit's claims that the grids can answer."""
    from activecl_nb.__main__ import main

    _, out = made
    before = {p: p.read_bytes() for p in out.glob("*/*")}
    assert main(["report", str(out), "--out", str(tmp_path / "page")]) == 0
    printed = capsys.readouterr().out
    assert "left out: " in printed and "remove" not in printed
    text = (tmp_path / "page" / "report.md").read_text()
    assert "# Small" in text and "*Which?*" in text and "Grid “second”" in text
    assert "Entropy picks give a higher F1 than random picks." in text  # on the grid "first"
    # In two rounds of one batch no encoder comes to see, so that grid compares nothing.
    assert "The encoder does not see here" in text
    assert (tmp_path / "page" / "report_figures" / "grid-second-1.webp").exists()
    assert {p: p.read_bytes() for p in out.glob("*/*")} == before
    (out / "study.json").unlink()  # as runs made one by one are
    assert main(["report", str(out), "--out", str(tmp_path / "other")]) == 0
    assert "head=simclr" in (tmp_path / "other" / "report.md").read_text()
    one = next(path.parent for path in sorted(out.glob("*/run.json")))
    shutil.copytree(one, out / "copy")
    assert main(["report", str(out), "--out", str(tmp_path / "other")]) == 2
    shutil.rmtree(out / "copy")
    assert "which would count twice" in capsys.readouterr().err
    files.seal(one, without=["floors.json"])  # as an older kit left it
    (one / "floors.json").unlink()
    assert main(["report", str(out), "--out", str(tmp_path / "other")]) == 2
    assert f"{one} was made by a kit before 0.3.0" in capsys.readouterr().err


def test_what_runs_differ_in_is_their_setting(tmp_path):
    """Runs that sought other classes, or saw other patches, are no repeats of one another."""

    def run(name, seed, path="a.csv", **data):
        nothing = np.empty(0, np.int64)
        data = {"positive": "TUM", "sha256": "1", "train": 9, "test": 3, **data}
        recipe = {"source": "table", "path": path, "fold": 0}
        protocol = Protocol.of("tiny")
        where = tmp_path / name
        return runs.Run(
            protocol, "random", seed, data, nothing, nothing, nothing, recipe=recipe, path=where
        )

    first = run("first", 0)
    both = study.places([first, run("second", 1, path="moved/a.csv")])
    assert [place["setting"] for place in both] == ["", ""]
    both = study.places([first, run("second", 0, positive="STR", sha256="2")])
    assert [place["setting"] for place in both] == ["positive=TUM", "positive=STR"]
    both = study.places([first, run("second", 0, encoder="f.npy")])
    assert [place["setting"] for place in both] == ["encoder=trained", "encoder=f.npy"]
    with pytest.raises(ValueError, match=r"first and .*second were made from other patches"):
        study.places([first, run("second", 1, path="b.csv", sha256="2")])


STORED = ROOT / "results"


def test_stored_results_are_small():
    held = sum(p.stat().st_size for p in STORED.rglob("*") if p.is_file())
    assert held < 6_000_000


def test_a_stored_run_made_again_picks_the_same():
    """Up to what another processor's rounding moves: picks at the margin, never the draws.

    One pick at the margin changes all that follows, so the run is made again on the stored picks,
    and asked in each round what it would have picked itself.
    """
    stored = runs.load(STORED / "tiny" / "entropy-0")
    data = imbalance.load("phantom", stored.protocol)
    agreed, rounds = [], iter(stored.rounds[1:])

    def as_stored(features, logits, chosen_features, budget, generator):
        there = next(rounds)
        own = sampling.pick("entropy", features, logits, chosen_features, budget, generator)
        agreed.append(np.isin(there.candidates[own], there.picked).mean())
        return torch.from_numpy(positions_of(there.picked, there.candidates))

    again = experiment.run(stored.protocol, data, as_stored, stored.seed, progress=False)
    assert runs.same_tissue(stored.data, data) and again.finished
    for name in ("pool", "labelled", "watched"):
        np.testing.assert_array_equal(getattr(stored, name), getattr(again, name))
    for there, here in zip(stored.rounds, again.rounds, strict=True):
        for name in ("picked", "candidates", "images", "image_epochs", "proxy_epochs"):
            np.testing.assert_array_equal(getattr(there, name), getattr(here, name))
        np.testing.assert_allclose(here.losses, there.losses, atol=0.03)
        assert np.corrcoef(here.watched_logits, there.watched_logits)[0, 1] > 0.9
        assert here.scores["auroc"] == pytest.approx(there.scores["auroc"], abs=0.06)
    assert min(agreed) > 0.75, "by chance it would be a quarter"


def test_a_stored_run_picked_what_its_own_logits_say():
    """Recomputed from the stored logits, where no rounding of today's enters."""
    stored = runs.load(STORED / "tiny" / "entropy-0")
    for before, one in itertools.pairwise(stored.rounds):
        logits = before.watched_logits[positions_of(one.candidates, stored.watched)]
        entropy = stats.bernoulli(special.expit(logits.astype(float))).entropy()
        best = one.candidates[np.argsort(-entropy)[: stored.protocol.budget]]
        np.testing.assert_array_equal(one.picked, best)


def positions_of(values, ascending):
    return np.searchsorted(ascending, values)
