"""The road of one's own patches, each step a command, up to the page in a browser."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from conftest import watched_page
from small_sets import write_own

from activecl_nb import __main__ as terminal

MINE = """
import torch

def closest(features, logits, chosen_features, budget, generator):
    return torch.argsort(logits.abs())[:budget]
"""
STUDY = """
profile = "random"
[[grid]]
name = "own"
strategies = ["mine.py:closest"]
seeds = 1
data = { source = "table", path = "set/patches.csv", fold = 1 }
"""
COMMAND = ["run", "--data", "table", "--set", "width=4"]


def test_from_an_empty_folder_to_the_explorer_in_a_browser(browser, tmp_path):
    table = write_own(tmp_path / "set", patients=20)
    look, page = tmp_path / "look.html", tmp_path / "page.html"
    folders = [str(tmp_path / name) for name in ("random", "kcenter")]
    assert terminal.main(["look", str(table), "--page", str(look)]) == 0
    for folder in folders:
        strategy = ["--strategy", Path(folder).name, "--out", folder]
        fitted = ["auto", "--minutes", "0.05"] if folder == folders[0] else [folders[0]]
        strategy += ["--profile", *fitted]
        assert terminal.main([*COMMAND, "--path", str(table), *strategy]) == 0
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "mine.toml").write_text(STUDY)
    study, report, picks = (tmp_path / name for name in ("study", "report", "picks.csv"))
    assert terminal.main(["study", str(tmp_path / "mine.toml"), "--out", str(study)]) == 0
    assert terminal.main(["report", str(study), "--out", str(report)]) == 0
    assert "closest" in (report / "report.html").read_text(encoding="utf-8")
    again = ["pick", str(table), "--budget", "4", "--encoder", "train", "--minutes", "0.01"]
    assert terminal.main([*again, "--out", str(picks)]) == 0
    assert len(pd.read_csv(picks)) == 4
    assert terminal.main(["explore", *folders, "--out", str(page)]) == 0

    shown, watch = watched_page(browser)
    shown.goto(page.as_uri())
    shown.wait_for_selector("canvas")
    text = shown.evaluate("document.body.innerText")
    assert "random" in text and "kcenter" in text
    shown.goto(look.as_uri())
    assert "What colours give away" in shown.evaluate("document.body.innerText")
    watch.clean()
    assert watch.foreign == []
    shown.context.close()
