"""The commands for one's own patches, from a folder of files to the explorer's page."""

import os

import numpy as np
import pandas as pd
import pytest
from small_sets import write_own

from activecl_nb import __main__ as terminal
from activecl_nb import runs
from activecl_nb.curation import encoders, sizes
from activecl_nb.pictures import maps

MINE = """
import torch

def closest(features, logits, chosen_features, budget, generator):
    return torch.argsort(logits.abs())[:budget]
"""
AUTO = ["--profile", "auto", "--minutes", "0.05"]


def said(capsys, *arguments: object) -> str:
    assert terminal.main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


@pytest.fixture
def table(tmp_path):
    """A table as people have them: other names, other columns, images in another folder."""
    rows = pd.read_csv(write_own(tmp_path / "set", patients=20), dtype=str)
    rows["file"] = rows["file"].str.replace("/", "\\")
    rows = rows.rename(columns={"file": "path", "label": "grade", "patient": "case"})
    more = rows.assign(stain="PAS", path="nowhere.png")
    path = tmp_path / "mine.csv"
    pd.concat([rows.assign(stain="HE"), more]).to_csv(path, index=False)
    return path


def test_the_whole_road(table, tmp_path, capsys, monkeypatch):
    own = ["--columns", "file=path,label=grade,patient=case", "--rows", "stain=HE"]
    own += ["--images", tmp_path / "set"]
    page = tmp_path / "look.html"
    looked = said(capsys, "look", table, *own, "--page", page)
    assert "120 images in 2 classes, of 20 patients" in looked and "the leak" in looked
    assert page.read_text().startswith("<!doctype html>")

    (tmp_path / "mine.py").write_text(MINE)
    mine = f"{tmp_path / 'mine.py'}:closest"
    out = tmp_path / "runs"
    command = ["run", "--data", "table", "--set", "width=4", "--path", table, *own, "--fold", 1]
    command += ["--strategy"]
    ran = said(capsys, *command, "random", *AUTO, "--out", out / "random-0")
    protocol = runs.load(out / "random-0").protocol
    assert str(protocol) in ran and "as asked for" in ran and protocol.width == 4

    monkeypatch.setattr(sizes, "rehearse", None)  # whatever this machine's speed is by now
    again = said(capsys, *command, "random", *AUTO, "--out", out / "random-0")
    assert "fitted before" in again and runs.load(out / "random-0").protocol == protocol
    said(capsys, *command, mine, "--profile", out / "random-0", "--out", out / "mine-0")
    found = runs.load(out / "mine-0")
    assert found.strategy == "closest" and found.code and found.data["fold"] == 1
    assert found.protocol == protocol

    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)  # somebody sits at the terminal
    explorer = tmp_path / "page.html"
    said(capsys, "explore", out / "random-0", out / "mine-0", "--out", explorer)
    assert opened == [explorer.as_uri()] and "closest" in explorer.read_text()


def test_pick_writes_a_list_and_a_contact_sheet(tmp_path, capsys):
    write_own(tmp_path, patients=4)
    np.save(tmp_path / "features.npy", np.random.default_rng(0).normal(size=(24, 3)))
    out = tmp_path / "picks.csv"
    command = ["pick", tmp_path / "image", "--budget", 5, "--features", tmp_path / "features.npy"]
    printed = said(capsys, *command, "--out", out)
    assert len(pd.read_csv(out)) == 5 and out.with_suffix(".png").is_file()
    assert "features: features.npy" in printed and encoders.LITE in printed


def test_a_run_on_features_from_a_table_keeps_a_map_for_the_explorer(tmp_path, capsys):
    table = write_own(tmp_path / "set", patients=20)
    names = pd.read_csv(table, dtype=str)["file"]
    values = np.random.default_rng(0).normal(size=(len(names), 3))
    features = tmp_path / "features.csv"
    pd.DataFrame(values).assign(file=names).to_csv(features, index=False)
    command = ["run", "--data", "table", "--path", table, "--profile", "tiny"]
    command += ["--set", "budget=8", "--set", "labelled=20", "--encoder", features]
    out = tmp_path / "run"
    said(capsys, *command, "--out", out)
    run = runs.load(out)
    assert (
        run.finished and run.protocol.encoder == "frozen" and run.data["encoder"] == "features.csv"
    )
    assert maps.stored(run, run.watched) is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["look", "nowhere"], "nowhere is not there"),
        (["run", "--out", "x", "--columns", "file"], "say NAME=VALUE"),
        (
            ["run", "--out", "x", "--columns", "file=a,label=b", "--columns", "file=c"],
            "given twice",
        ),
        (["run", "--out", "x", "--strategy", "nowhere.py:best"], "nowhere.py is no file"),
        (["run", "--out", "x", "--encoder", "magic"], "no encoder is called 'magic'"),
        (["run", "--out", "x", "--patient", "(a)"], "patient= is for the source 'folder'"),
        (["run", "--out", "x", "--minutes", "5"], "--minutes 5 is for --profile auto"),
        (["run", "--out", "x", "--download"], "--download fetches the weights of --encoder"),
        (["pick", ".", "--budget", "3", "--download"], "--download fetches the weights of --enc"),
        (["explore", "nowhere"], "nowhere"),
        (["explore", "a", "./a"], "a run's folder is named twice"),
        (["pick", "nowhere", "--budget", "3"], "nowhere is not there"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert terminal.main([*arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("out", ["image/p.csv", "image/new/p.csv", "t.csv", "image/../t.csv"])
def test_picks_do_not_lie_among_what_is_read(tmp_path, monkeypatch, capsys, out):
    """The contact sheet would be an image of the next pick; a table would be gone."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "image").mkdir()
    (tmp_path / "t.csv").write_text("file\n")
    data = "image" if "p.csv" in out else "t.csv"
    assert terminal.main(["pick", data, "--budget", "3", "--out", out]) == 2
    assert "would lie among what is read from" in capsys.readouterr().err
    assert (tmp_path / "t.csv").read_text() == "file\n"


def test_a_file_of_strategies_that_fails_or_lacks_the_name(tmp_path, capsys):
    file = tmp_path / "mine.py"
    for text, message in [("1 / 0", "ZeroDivisionError"), (MINE, "it has closest")]:
        file.write_text(text)
        assert terminal.main(["run", "--strategy", f"{file}:best", "--out", str(tmp_path)]) == 2
        assert message in capsys.readouterr().err
