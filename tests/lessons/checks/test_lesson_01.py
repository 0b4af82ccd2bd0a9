"""Lesson 01: its exercises, taken out of the notebook, and the wrong answers to each."""

from __future__ import annotations

import numpy as np
from notebook_tools import (
    examine,
    letters,
    written,
)

from activecl_nb.lessons import checks

DIAL = """
def my_dial(positive, share, generator):
    yes, no = np.flatnonzero(positive), np.flatnonzero(~positive)
    {}
"""


SPLIT = """
def my_patient_split(patient, share, generator):
    everyone, n = np.unique(patient), len(patient)
    {}
"""


GIVEN = {"np": np}


def test_baseline_accuracy() -> None:
    examine(
        "01_imbalanced_tissue",
        1,
        {
            "share of tumour": "my_accuracy = 1233 / 7180",
            "training set": "my_accuracy = 0.857",
            "odds": "my_accuracy = 1233 / 5947",
            "odds, turned": "my_accuracy = 5947 / 1233",
            "coin": "my_accuracy = 0.5",
            "F1": "my_accuracy = 0",
            "percentage": "my_accuracy = 82.8",
            "rounded percentage": "my_accuracy = 83",
            "F1 of the other": "my_accuracy = 2 * 1233 / (7180 + 1233)",
            "classes": "my_accuracy = 8 / 9",
            "a count": "my_accuracy = 5947",
            "five in six": "my_accuracy = 5 / 6",
            "TUM in training": "my_accuracy = 14317 / 100000",
            "1 less the odds": "my_accuracy = 1 - 1233 / 5947",
            "something else": "my_accuracy = 0.3",
            "copied from the phantom's line above": "my_accuracy = 0.846",
            "never wrong": "my_accuracy = 1",
        },
    )
    assert checks.baseline_accuracy(0.83).solved, "two digits are enough"


def test_dial() -> None:
    right = written(
        DIAL,
        "a = min(len(yes), round(len(no) * share / (1 - share)))",
        "b = min(len(no), round(len(yes) * (1 - share) / share))",
        "return np.concatenate([generator.choice(yes, a, False), generator.choice(no, b, False)])",
    )
    thin = "return np.concatenate([generator.choice(yes, {}, replace=False), no])"
    examine(
        "01_imbalanced_tissue",
        2,
        {
            "of NON-TUM": written(DIAL, thin.format("round(len(no) * share)")),
            "the other side": written(
                DIAL,
                "b = round(len(yes) * (1 - share) / share)",
                "return np.concatenate([yes, generator.choice(no, b, replace=False)])",
            ),
            "of TUM": written(DIAL, thin.format("round(len(yes) * share)")),
            "of all": written(DIAL, thin.format("round(len(positive) * share)")),
            "unchanged": written(DIAL, "return np.arange(len(positive))"),
            "TUM alone": written(DIAL, "return yes"),
            "only down": written(
                DIAL,
                "k = min(len(yes), round(len(no) * share / (1 - share)))",
                thin.format("k"),
            ),
            "the first ones": written(
                DIAL,
                "a = min(len(yes), round(len(no) * share / (1 - share)))",
                "b = min(len(no), round(len(yes) * (1 - share) / share))",
                "return np.concatenate([yes[:a], no[:b]])",
            ),
            "both thinned": written(
                DIAL,
                "a, b = round(50 * share), round(50 * (1 - share))",
                "return np.concatenate([yes[:a], no[:b]])",
            ),
            "with replacement": written(
                DIAL,
                "k = round(len(no) * share / (1 - share))",
                "return np.concatenate([no, generator.choice(yes, k, replace=True)])",
            ),
            "those left out": written(
                DIAL,
                "k = round(len(no) * share / (1 - share))",
                "return generator.choice(yes, max(0, len(yes) - k), replace=False)",
            ),
            "True and False": written(
                DIAL,
                "k = min(len(yes), round(len(no) * share / (1 - share)))",
                "return positive[np.concatenate([yes[:k], no])]",
            ),
            "how many": written(
                DIAL, "return round(len(no) * share / (1 - share)), round(len(yes) / share)"
            ),
            "ratio turned": written(
                DIAL,
                "k = round(len(yes) * share / (1 - share))",
                "return np.concatenate([generator.choice(yes, k, replace=False), no])",
            ),
            "a coin each": written(
                DIAL,
                "p = share / (1 - share) * len(no) / len(yes)",
                "return np.flatnonzero(~positive | (generator.random(len(positive)) < p))",
            ),
            "no minimum": written(DIAL, thin.format("round(len(no) * share / (1 - share))")),
            "both thinned when turned up": written(
                DIAL,
                "k = min(len(yes), len(no), round(len(no) * share / (1 - share)))",
                "k = k if share < 0.5 else 60",
                "m = len(no) if share < 0.5 else round(k * (1 - share) / share)",
                "return np.concatenate([generator.choice(yes, k, False), no[:m]])",
            ),
            "the global generator": right.replace("generator.choice", "np.random.choice"),
            "int for round": right.replace("round(", "int("),
            "int for round, turned up": right.replace("round(len(yes)", "int(len(yes)"),
            "ceil for round": right.replace("round(", "int(1 + "),
            "the other class's share": written(
                DIAL,
                "k = min(len(no), round(len(yes) * share / (1 - share)))",
                "return np.concatenate([yes, generator.choice(no, k, replace=False)])",
            ),
            "joined to an empty list": right.replace("concatenate([", "concatenate([[], "),
            "one class alone comes back": written(DIAL, "return no"),
            "two parts": right.replace("np.concatenate([", "(").replace("])", ")"),
            "the total for the others": right.replace("(1 - share) / share", "1 / share"),
        },
        GIVEN,
    )


def test_dial_tells_a_number_from_positions() -> None:
    """choice(len(yes), ...) draws from 0, 1, ... and so meets NON-TUM patches."""

    def counted(positive, share, generator):
        yes, no = np.flatnonzero(positive), np.flatnonzero(~positive)
        k = min(len(yes), round(len(no) * share / (1 - share)))
        return np.concatenate([generator.choice(len(yes), k, replace=False), no])

    assert "not from their number" in checks.dial(counted).text


def test_splits_and_dials_that_are_right_once() -> None:
    def three(patient, share, generator):
        held = np.isin(patient, generator.choice(np.unique(patient), 3, replace=False))
        return ~held, held

    def by_chance(positive, share, generator):
        wanted = (~positive).sum() * share / (1 - share) / positive.sum()
        return np.flatnonzero(~positive | (generator.random(len(positive)) < wanted))

    assert "take `share`" in checks.patient_split(three).text
    assert "instead of asking chance" in checks.dial(by_chance).text


def test_dial_takes_a_mask() -> None:
    def masked(positive, share, generator):
        from activecl_nb import imbalance  # noqa: F401  a learner may import what they like

        yes, no = np.flatnonzero(positive), np.flatnonzero(~positive)
        a = min(len(yes), round(len(no) * share / (1 - share)))
        b = min(len(no), round(len(yes) * (1 - share) / share))
        stay = [generator.choice(yes, a, replace=False), generator.choice(no, b, replace=False)]
        return np.isin(np.arange(len(positive)), np.concatenate(stay))

    assert checks.dial(masked).solved


def test_random_split() -> None:
    examine("01_imbalanced_tissue", 3, letters("bcd"))


def test_patient_split() -> None:
    examine(
        "01_imbalanced_tissue",
        4,
        {
            "by patch": written(
                SPLIT,
                "o = generator.permutation(n)",
                "return o[int(share * n):], o[:int(share * n)]",
            ),
            "swapped": written(
                SPLIT,
                "h = np.isin(patient, generator.choice(everyone, 3, replace=False))",
                "return np.flatnonzero(h), np.flatnonzero(~h)",
            ),
            "the first patients": written(
                SPLIT,
                "h = np.isin(patient, everyone[:3])",
                "return np.flatnonzero(~h), np.flatnonzero(h)",
            ),
            "one patch a patient": written(
                SPLIT,
                "o = generator.permutation(everyone)",
                "first = [int(np.flatnonzero(patient == p)[0]) for p in o]",
                "return first[3:], first[:3]",
            ),
            "one patient": written(
                SPLIT,
                "h = patient == generator.choice(everyone)",
                "return np.flatnonzero(~h), np.flatnonzero(h)",
            ),
            "all fitted": written(
                SPLIT,
                "h = np.isin(patient, generator.choice(everyone, 3, replace=False))",
                "return np.arange(n), np.flatnonzero(h)",
            ),
            "patients, not patches": written(
                SPLIT, "return np.setdiff1d(everyone, everyone[:3]), everyone[:3]"
            ),
            "the patches' patients": written(
                SPLIT,
                "h = np.isin(patient, generator.choice(everyone, 3, replace=False))",
                "return patient[~h], patient[h]",
            ),
            "a coin each": written(
                SPLIT,
                "h = np.isin(patient, everyone[generator.random(len(everyone)) < share])",
                "return np.flatnonzero(~h), np.flatnonzero(h)",
            ),
            "int for round": written(
                SPLIT,
                "h = np.isin(patient, generator.choice(everyone, int(share * 10), replace=False))",
                "return np.flatnonzero(~h), np.flatnonzero(h)",
            ),
            "a share of the patches": written(
                SPLIT,
                "h = np.isin(patient, generator.choice(everyone, int(share * n), replace=False))",
                "return np.flatnonzero(~h), np.flatnonzero(h)",
            ),
            "a share of the patches, from the front": written(
                SPLIT,
                "h = np.isin(patient, generator.permutation(everyone)[:int(share * n)])",
                "return np.flatnonzero(~h), np.flatnonzero(h)",
            ),
            "numbers that nobody has": written(
                SPLIT,
                "h = np.isin(patient, generator.choice(1, 1, replace=False))",
                "return np.flatnonzero(~h), np.flatnonzero(h)",
            ),
            "the global generator": written(
                SPLIT,
                "h = np.isin(patient, np.random.choice(everyone, 3, replace=False))",
                "return np.flatnonzero(~h), np.flatnonzero(h)",
            ),
            "all but one patient": written(
                SPLIT,
                "h = ~np.isin(patient, generator.choice(everyone, 1))",
                "return np.flatnonzero(~h), np.flatnonzero(h)",
            ),
            "floats": written(
                SPLIT,
                "h = np.isin(patient, generator.choice(everyone, 3, replace=False))",
                "return np.append([], np.flatnonzero(~h)), np.append([], np.flatnonzero(h))",
            ),
            "ceil for round": written(
                SPLIT,
                "k = -int(-share * len(everyone) // 1)",
                "h = np.isin(patient, generator.choice(everyone, k, replace=False))",
                "return np.flatnonzero(~h), np.flatnonzero(h)",
            ),
            "drawn twice": written(
                SPLIT,
                "h = np.isin(patient, generator.choice(everyone, round(share * len(everyone))))",
                "return np.flatnonzero(~h), np.flatnonzero(h)",
            ),
            "a table with one row": written(
                SPLIT,
                "h = np.isin(patient, generator.choice(everyone, 3, replace=False))",
                "return np.nonzero(~h), np.nonzero(h)",
            ),
            "one part": written(
                SPLIT, "return np.isin(patient, generator.choice(everyone, 3, replace=False))"
            ),
        },
        GIVEN,
    )


def test_patient_split_takes_masks_and_lists() -> None:
    def masks(patient, share, generator):
        everyone = np.unique(patient)
        out = generator.choice(everyone, round(share * len(everyone)), replace=False)
        held = np.isin(patient, out)
        return ~held, held

    def lists(patient, share, generator):
        return [np.flatnonzero(mask).tolist() for mask in masks(patient, share, generator)]

    def lists_of_masks(patient, share, generator):
        return [mask.tolist() for mask in masks(patient, share, generator)]

    assert checks.patient_split(masks).solved
    assert checks.patient_split(lists_of_masks).solved
    assert checks.patient_split(lists).solved
