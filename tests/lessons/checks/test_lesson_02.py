"""Lesson 02: its exercises, taken out of the notebook, and the wrong answers to each."""

from __future__ import annotations

import math

import numpy as np
from notebook_tools import (
    examine,
    letters,
    written,
)

from activecl_nb import simclr
from activecl_nb.lessons import checks

LOSS = """
def my_nt_xent(z_i, z_j, temperature):
    n = len(z_i)
    z = F.normalize(torch.cat([z_i, z_j]), dim=1)
    partner = torch.arange(2 * n).roll(n)
    rows = torch.arange(2 * n)
    {}
"""


GIVEN = {"np": np}


def test_forced_to_ignore() -> None:
    examine("02_simclr", 1, letters("abd"))


def test_chance_loss() -> None:
    examine(
        "02_simclr",
        2,
        {
            "with itself": "my_chance = np.log(8)",
            "negatives": "my_chance = np.log(6)",
            "patches": "my_chance = np.log(4)",
            "other patches": "my_chance = np.log(3)",
            "no logarithm": "my_chance = 7",
            "probability": "my_chance = 1 / 7",
            "base 2": "my_chance = np.log2(7)",
            "base 10": "my_chance = np.log10(7)",
            "sign": "my_chance = np.log(1 / 7)",
            "sum": "my_chance = 8 * np.log(7)",
            "sum over patches": "my_chance = 4 * np.log(7)",
            "half": "my_chance = np.log(7) / 2",
            "1 less the chance": "my_chance = 1 - 1 / 7",
            "sign, with itself": "my_chance = np.log(1 / 8)",
            "mean twice": "my_chance = np.log(7) / 8",
            "sure": "my_chance = 0",
            "two": "my_chance = np.log(2)",
            "temperature": "my_chance = np.log(7) / 0.1",
            "another batch": "my_chance = np.log(2 * 64 - 1)",
            "views": "my_chance = 8",
            "the paper's batch": "my_chance = np.log(2 * 128 - 1)",
            "the temperature of the lesson": "my_chance = np.log(7) / 0.5",
            "any other number": "my_chance = 1.2",
        },
        GIVEN,
    )
    assert checks.chance_loss(1.946).solved
    assert "nearly" in checks.chance_loss(1.95).text
    assert "16 views" in checks.chance_loss(math.log(15)).text
    assert "without quotes" in checks.chance_loss("log(7)").text


LOSSES = {
    "not normalised": (
        "z = torch.cat([z_i, z_j])",
        "e = torch.exp(z @ z.T / temperature).fill_diagonal_(0)",
        "return -torch.log(e[rows, partner] / e.sum(1)).mean()",
    ),
    "with itself": ("return F.cross_entropy(z @ z.T / temperature, partner)",),
    "no temperature": ("return F.cross_entropy((z @ z.T).fill_diagonal_(-torch.inf), partner)",),
    "times temperature": (
        "return F.cross_entropy((z @ z.T * temperature).fill_diagonal_(-torch.inf), partner)",
    ),
    "temperature 0.1": ("return simclr.nt_xent(z_i, z_j, 0.1)",),
    "temperature 0.5": ("return simclr.nt_xent(z_i, z_j, 0.5)",),
    "sign": ("return -simclr.nt_xent(z_i, z_j, temperature)",),
    "sum": ("return 2 * n * simclr.nt_xent(z_i, z_j, temperature)",),
    "over N": ("return 2 * simclr.nt_xent(z_i, z_j, temperature)",),
    "partner left out": (
        "e = torch.exp(z @ z.T / temperature).fill_diagonal_(0)",
        "p = e[rows, partner]",
        "return -torch.log(p / (e.sum(1) - p)).mean()",
    ),
    "across": ("return F.cross_entropy(z[:n] @ z[n:].T / temperature, torch.arange(n))",),
    "first views": (
        "logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)",
        "return F.cross_entropy(logits[:n], partner[:n])",
    ),
    "neighbours": (
        "logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)",
        "return F.cross_entropy(logits, rows ^ 1)",
    ),
    "a loss for each view": (
        "logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)",
        "return F.cross_entropy(logits, partner, reduction='none')",
    ),
    "columns": (
        "z = F.normalize(torch.cat([z_i, z_j]), dim=0)",
        "return F.cross_entropy((z @ z.T / temperature).fill_diagonal_(-torch.inf), partner)",
    ),
    "0 on the diagonal": (
        "return F.cross_entropy((z @ z.T / temperature).fill_diagonal_(0), partner)",
    ),
    "softmax twice": (
        "p = (z @ z.T / temperature).fill_diagonal_(-torch.inf).softmax(1)",
        "return F.cross_entropy(p, partner)",
    ),
    "log of the mean": (
        "p = (z @ z.T / temperature).fill_diagonal_(-torch.inf).softmax(1)",
        "return -torch.log(p[rows, partner].mean())",
    ),
    "no log": (
        "p = (z @ z.T / temperature).fill_diagonal_(-torch.inf).softmax(1)",
        "return -p[rows, partner].mean()",
    ),
    "probability": (
        "p = (z @ z.T / temperature).fill_diagonal_(-torch.inf).softmax(1)",
        "return p[rows, partner].mean()",
    ),
    "log2": ("return simclr.nt_xent(z_i, z_j, temperature) / np.log(2)",),
    "finds itself": ("return F.cross_entropy(z @ z.T / temperature, rows)",),
    "cosine distance": ("return 1 - F.cosine_similarity(z_i, z_j).mean()",),
    "across, both ways": (
        "logits, own = z[:n] @ z[n:].T / temperature, torch.arange(n)",
        "return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2",
    ),
    "alternating": (
        "z = torch.stack([z[:n], z[n:]], dim=1).flatten(0, 1)",
        "return F.cross_entropy((z @ z.T / temperature).fill_diagonal_(-torch.inf), partner)",
    ),
    "roll by one": (
        "logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)",
        "return F.cross_entropy(logits, rows.roll(1))",
    ),
    "no temperature, with itself": ("return F.cross_entropy(z @ z.T, partner)",),
    "not normalised, with itself": (
        "z = torch.cat([z_i, z_j])",
        "return F.cross_entropy(z @ z.T / temperature, partner)",
    ),
    "partner twice": (
        "e = torch.exp(z @ z.T / temperature).fill_diagonal_(0)",
        "p = e[rows, partner]",
        "return -torch.log(p / (p + e.sum(1))).mean()",
    ),
    "no root": (
        "z = torch.cat([z_i, z_j])",
        "z = z / (z ** 2).sum(1, keepdim=True)",
        "return F.cross_entropy((z @ z.T / temperature).fill_diagonal_(-torch.inf), partner)",
    ),
    "norm of the matrix": (
        "z = torch.cat([z_i, z_j])",
        "z = z / z.norm()",
        "return F.cross_entropy((z @ z.T / temperature).fill_diagonal_(-torch.inf), partner)",
    ),
    "norm of each matrix": (
        "z = torch.cat([z_i / z_i.norm(), z_j / z_j.norm()])",
        "return F.cross_entropy((z @ z.T / temperature).fill_diagonal_(-torch.inf), partner)",
    ),
    "only z_i normalised": (
        "z = torch.cat([F.normalize(z_i, dim=1), z_j])",
        "return F.cross_entropy((z @ z.T / temperature).fill_diagonal_(-torch.inf), partner)",
    ),
    "length by absolute values": (
        "z = F.normalize(torch.cat([z_i, z_j]), p=1, dim=1)",
        "return F.cross_entropy((z @ z.T / temperature).fill_diagonal_(-torch.inf), partner)",
    ),
    "distance": (
        "s = torch.cdist(z, z) / temperature",
        "return F.cross_entropy(s.fill_diagonal_(-torch.inf), partner)",
    ),
    "minus distance": (
        "s = -torch.cdist(z, z) / temperature",
        "return F.cross_entropy(s.fill_diagonal_(-torch.inf), partner)",
    ),
    "cosine distance for similarity": (
        "s = (1 - z @ z.T) / temperature",
        "return F.cross_entropy(s.fill_diagonal_(-torch.inf), partner)",
    ),
    "absolute cosines": (
        "s = (z @ z.T).abs() / temperature",
        "return F.cross_entropy(s.fill_diagonal_(-torch.inf), partner)",
    ),
    "temperature squared": ("return simclr.nt_xent(z_i, z_j, temperature ** 2)",),
    "temperature's root": ("return simclr.nt_xent(z_i, z_j, temperature ** 0.5)",),
    "temperature outside": ("return simclr.nt_xent(z_i, z_j, 1.0) / temperature",),
    "temperature inside and outside": (
        "return simclr.nt_xent(z_i, z_j, temperature) / temperature",
    ),
    "loss times temperature": ("return temperature * simclr.nt_xent(z_i, z_j, temperature)",),
    "over 2N - 1": ("return 2 * n * simclr.nt_xent(z_i, z_j, temperature) / (2 * n - 1)",),
    "half": ("return simclr.nt_xent(z_i, z_j, temperature) / 2",),
    "one view": (
        "logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)",
        "return F.cross_entropy(logits[:1], partner[:1])",
    ),
    "softmax of all": (
        "e = torch.exp(z @ z.T / temperature).fill_diagonal_(0)",
        "return -torch.log(e[rows, partner] / e.sum()).mean()",
    ),
    "log of 1 + p": (
        "p = (z @ z.T / temperature).fill_diagonal_(-torch.inf).softmax(1)",
        "return -torch.log1p(p[rows, partner]).mean()",
    ),
    "no numerator": (
        "return torch.log(torch.exp(z @ z.T / temperature).fill_diagonal_(0).sum(1)).mean()",
    ),
    "no denominator": ("return -(z_of := z @ z.T / temperature)[rows, partner].mean()",),
    "-1 on the diagonal": (
        "return F.cross_entropy((z @ z.T).fill_diagonal_(-1) / temperature, partner)",
    ),
    "columns, with itself": (
        "z = F.normalize(torch.cat([z_i, z_j]), dim=0)",
        "return F.cross_entropy(z @ z.T / temperature, partner)",
    ),
    "neighbours, sum": (
        "logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)",
        "return F.cross_entropy(logits, rows ^ 1, reduction='sum')",
    ),
    "something else": ("return simclr.nt_xent(z_i, z_j, temperature) ** 2",),
    "right for vectors of length 1": (
        "return simclr.nt_xent(z_i, z_j, temperature) + 0.1 * (z_i.norm(dim=1) - 1).mean()",
    ),
    "mean below": (
        "e = torch.exp(z @ z.T / temperature).fill_diagonal_(0)",
        "return -torch.log(e[rows, partner] / e.mean(1)).mean()",
    ),
}


def test_nt_xent() -> None:
    examine("02_simclr", 3, {what: written(LOSS, *lines) for what, lines in LOSSES.items()}, GIVEN)


def test_nt_xent_takes_any_way_of_writing_it() -> None:
    def loops(z_i, z_j, temperature):
        z = [row / np.linalg.norm(row) for row in np.concatenate([z_i.numpy(), z_j.numpy()])]
        total, n = 0.0, len(z_i)
        for i, row in enumerate(z):
            others = [np.exp(row @ z[k] / temperature) for k in range(2 * n) if k != i]
            total -= np.log(np.exp(row @ z[(i + n) % (2 * n)] / temperature) / sum(others))
        return total / (2 * n)

    assert checks.nt_xent(loops).solved
    assert checks.nt_xent(simclr.nt_xent).solved


def test_near_negative() -> None:
    examine(
        "02_simclr",
        4,
        {
            "no temperature": "my_ratio = np.exp(0.8) / np.exp(0.2)",
            "times temperature": "my_ratio = np.exp(0.08) / np.exp(0.02)",
            "logits": "my_ratio = 8 - 2",
            "ratio of the logits": "my_ratio = 0.8 / 0.2",
            "exponential of the ratio": "my_ratio = np.exp(8 / 2)",
            "similarities": "my_ratio = 0.8 - 0.2",
            "upside down": "my_ratio = np.exp(2) / np.exp(8)",
            "base 10": "my_ratio = 10 ** 8 / 10 ** 2",
            "base 2": "my_ratio = 2 ** 8 / 2 ** 2",
            "temperature outside": "my_ratio = (np.exp(0.8) / np.exp(0.2)) / 0.1",
            "another temperature": "my_ratio = np.exp(0.8 / 0.5) / np.exp(0.2 / 0.5)",
            "a part of both": "my_ratio = np.exp(8) / (np.exp(8) + np.exp(2))",
            "the near one alone": "my_ratio = np.exp(8)",
            "difference of the weights": "my_ratio = np.exp(8) - np.exp(2)",
            "times more": "my_ratio = np.exp(6) - 1",
            "rounded": "my_ratio = 400",
            "any other number": "my_ratio = 1000",
        },
        GIVEN,
    )
    assert checks.near_negative(403).solved
    assert "rounded" in checks.near_negative(400).text


def test_stain_family() -> None:
    family = "my_family = augment.Family()"
    examine(
        "02_simclr",
        5,
        {
            "everything": family,
            "jitter stays": family + ".without('gray')",
            "gray stays": family + ".without('jitter')",
            "brightness alone": "my_family = augment.Family(saturation=0, hue=0, gray=0)",
            "nothing": family + ".only('blur')",
            "specks": "my_family = augment.Family(crop_scale=(0.004, 0.02), jitter=0, gray=0)",
            "no flip": family + ".without('jitter', 'gray', 'flip')",
            "no crop": family + ".without('jitter', 'gray', 'crop')",
            "hardly a crop or a flip": (
                "my_family = augment.Family(jitter=0, gray=0, flip=0.01, crop_scale=(0.9, 1.0))"
            ),
            "no direction": family + ".without('jitter', 'gray', 'rotation')",
        },
    )
