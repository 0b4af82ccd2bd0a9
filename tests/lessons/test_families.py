"""Families of views beside one another, and the table that lesson 02 shows of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from activecl_nb.imbalance import Data
from activecl_nb.lessons import families, shelf, start
from activecl_nb.profiles import PROFILES

TINY = PROFILES["tiny"]
KINDS = {"untrained": None, **families.FAMILIES}


def test_one_encoder_of_each_kind_and_seed(tiny_data: Data) -> None:
    done: list[int] = []
    of_each = {"epochs": 2, "on_encoder": lambda: done.append(1)}
    table = families.compare(KINDS, TINY, tiny_data, of_seeds=(0, 1), **of_each)
    assert [*zip(table["family"], table["seed"], strict=True)] == [
        (name, seed) for seed in (0, 1) for name in KINDS
    ]
    assert len(done) == len(table)
    assert table["loss"].isna().tolist() == (table["family"] == "untrained").tolist()
    assert table[families.TUMOUR].between(0, 1).all() and (table[families.MOVED] > 0).all()
    again = families.compare(KINDS, TINY, tiny_data, of_seeds=(1,), **of_each)
    pd.testing.assert_frame_equal(again, table[table["seed"] == 1].reset_index(drop=True))


class Colour(torch.nn.Module):
    """Features that are the mean of each channel."""

    def __init__(self) -> None:
        super().__init__()
        self.device = torch.nn.Parameter(torch.zeros(()))  # by which an encoder says where it is

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))


class NoColour(Colour):
    """Where the darkest pixel lies, which no change of brightness or contrast moves."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        dark = x.mean(1).flatten(1).argmin(1)
        return torch.stack([dark // x.shape[3], dark % x.shape[3]], dim=1).float()


def test_jitter_moves_features_of_colour_farther_than_those_of_place(tiny_data: Data) -> None:
    moved = [
        families.judge(see(), TINY, tiny_data, 0)[families.MOVED] for see in (Colour, NoColour)
    ]
    assert moved[0] > 3 * moved[1]


@pytest.mark.filterwarnings("error")
def test_the_stored_table_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    table, profile = shelf.stored_table("families"), PROFILES["laptop"]
    assert "drawn tissue" in capsys.readouterr().out
    lengths = (families.short(profile), start.epochs(profile))
    expected = {("untrained", 0)}
    expected |= {(name, n) for name in (*families.FAMILIES, families.WHOLE) for n in lengths}
    groups = table.groupby(["family", "epochs"])
    assert {*groups.groups} == expected
    assert all(sorted(seeds) == [*range(8)] for _, seeds in groups["seed"])
    assert np.isfinite(table[[families.TUMOUR, families.MOVED]]).all(axis=None)
