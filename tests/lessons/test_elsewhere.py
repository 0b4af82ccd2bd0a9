"""The script behind results/elsewhere.csv, on sets of seconds."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image
from small_sets import image_bytes, patch, write_folder

from activecl_nb import experiment
from activecl_nb.evidence.study.plan import Job
from activecl_nb.lessons import shelf
from activecl_nb.protocol import Protocol
from activecl_nb.tissue import Tissue

FILE = Path(__file__).parents[2] / "results" / "elsewhere.py"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("elsewhere", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def biopsies(tmp_path: Path) -> Path:
    """Sixty patches of twenty patients, every third of them positive."""
    rows = [(f"{i}.png", "ADC" if i // 3 % 3 == 0 else "NORM", i // 3) for i in range(60)]
    for i, (file, _, _) in enumerate(rows):
        Image.fromarray(patch(i)).save(tmp_path / file)
    table = pd.DataFrame(rows, columns=["file", "label", "patient"])
    table.to_csv(tmp_path / "patches.csv", index=False)
    return tmp_path / "patches.csv"


class Frozen:
    """Stands for the encoder from elsewhere: the first pixels of each patch, and of 16 tiles."""

    of_tiles = torch.arange(80.0).reshape(16, 5)

    def of(self, patches: Tissue) -> torch.Tensor:
        return patches.images.flatten(1)[:, :5].float()


def test_encoders_are_judged_at_home_as_their_run_was_and_on_all_tiles(
    script, biopsies: Path, tiny_protocol: Protocol, tmp_path: Path
) -> None:
    names = [
        f"{name}/{i}_CRC-Prim-HE-{i:02}.tif" for name in ("01_TUMOR", "02_STROMA") for i in range(8)
    ]
    tiles = write_folder(
        tmp_path / "tiles", {name: image_bytes(patch(99 + i, 20)) for i, name in enumerate(names)}
    )
    protocol = replace(tiny_protocol, labelled=15, candidates=10, rounds=2)
    recipe = (("fold", 1), ("path", biopsies), ("positive", "ADC"), ("source", "table"))
    made = {}
    for strategy in ("random", "kcenter"):
        job = Job(strategy, 0, protocol, recipe)
        run = experiment.run(
            protocol, job.load(), strategy, 0, tmp_path / "runs" / job.address(), progress=False
        )
        made[strategy] = run, [*script.tried(job, tmp_path / "runs", tiles, Frozen())]
    for strategy, (run, rows) in made.items():
        home, away, there = [row for row in rows if row[0] == script.NAMES[strategy]]
        last = run.rounds[-1].scores
        assert home[1:4] == ("fold 1", 0, "home") and away[3] == "elsewhere"
        assert there[3] == "labels from there"
        assert home[4:] == (last["probe_auroc"], last["probe_average_precision"])
    beside = {row[0] for row in made["random"][1]} - {script.NAMES["random"]}
    assert beside == {"frozen encoder", "untrained", "colour moments"}
    floors = made["random"][0].floors
    for name in ("untrained", "colour moments"):
        (home,) = [row for row in made["random"][1] if row[0] == name and row[3] == "home"]
        assert home[4] == floors[name.replace(" ", "_")]["auroc"]


def test_labels_from_there_are_of_other_images_than_the_tiles_that_are_scored(script) -> None:
    """Two features name the image, and an image is of one kind: known images alone would help."""
    cut_from = torch.arange(40) // 4
    targets = cut_from % 2 == 0
    features = torch.nn.functional.one_hot(cut_from, 10).float()
    logits = script.refitted(features, targets, cut_from.numpy(), 0)
    assert len(logits.unique()) < 10 and (logits[targets].mean() - logits[~targets].mean()) < 0.5


def test_the_stored_table_is_whole(capsys):
    """Each of five folds by four seeds, at home and elsewhere, for every kind of features."""
    table = shelf.stored_table("elsewhere")
    assert "CC BY" in capsys.readouterr().out
    assert (table.groupby(["features", "where"]).size() == 20).all()
    assert not table.duplicated(["features", "fold", "seed", "where"]).any()
    assert table[["auroc", "average_precision"]].stack().between(0, 1).all()
