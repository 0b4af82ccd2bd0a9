"""Lessons 00 to 02: their exercises, taken out of the notebooks, and the wrong answers to each."""

from __future__ import annotations

import ast
import dis
import re
import types

import numpy as np
import pytest
from notebook_tools import NOTEBOOKS, cell, examine, exercises, load, solution, verdict

from activecl_nb import simclr
from activecl_nb.lessons import checks
from activecl_nb.pictures import figures

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
LOSS = """
def my_nt_xent(z_i, z_j, temperature):
    n = len(z_i)
    z = F.normalize(torch.cat([z_i, z_j]), dim=1)
    partner = torch.arange(2 * n).roll(n)
    rows = torch.arange(2 * n)
    {}
"""
GIVEN = {"np": np}


def written(form: str, *lines: str) -> str:
    """A function of this form with these lines as the rest of its body."""
    return form.format("\n    ".join(lines))


def test_start_here_has_no_exercises() -> None:
    assert exercises(load("00_start_here")) == []


def test_the_map_of_lessons_is_right() -> None:
    """Lesson 00 links every other lesson and gives the minutes that stand at its head."""
    rows = re.findall(
        r"\]\((\w+)\.ipynb\) \|.*\| (\d+) \+ (\d+) \|", cell(load("00_start_here"), "map-section")
    )
    assert [row[0] for row in rows] == sorted(p.stem for p in NOTEBOOKS.glob("0[1-7]*.ipynb"))
    for name, teaching, doing in rows:
        stated = f"Teaching: {teaching} minutes. Exercises: {doing} minutes."
        assert stated in load(name).cells[0].source, f"{name} does not say {stated!r}"


@pytest.mark.parametrize("name", ["01_imbalanced_tissue", "02_simclr"])
def test_exercises_are_of_all_kinds(name: str) -> None:
    notebook = load(name)
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    for kind in ("predict", "implement", "explain", "extend"):
        assert f"({kind})" in text, f"{name} has no exercise of the kind {kind}"
    numbers = exercises(notebook)
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= 4


# ---- lesson 01 --------------------------------------------------------------------------


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
            "F1 of the other": "my_accuracy = 2 * 1233 / (7180 + 1233)",
            "classes": "my_accuracy = 8 / 9",
            "a count": "my_accuracy = 5947",
        },
    )
    assert checks.baseline_accuracy(0.83).solved, "two digits are enough"


def test_dial() -> None:
    thin = "return np.concatenate([generator.choice(yes, {}, replace=False), no])"
    examine(
        "01_imbalanced_tissue",
        2,
        {
            "of NON-TUM": written(DIAL, thin.format("round(len(no) * share)")),
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
    examine(
        "01_imbalanced_tissue", 3, {letter: f"my_answer = {letter!r}" for letter in ("a", "c", "d")}
    )


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


# ---- lesson 02 --------------------------------------------------------------------------


def test_forced_to_ignore() -> None:
    examine("02_simclr", 1, {letter: f"my_answer = {letter!r}" for letter in ("a", "c", "d")})


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
            "mean twice": "my_chance = np.log(7) / 8",
            "sure": "my_chance = 0",
            "two": "my_chance = np.log(2)",
            "temperature": "my_chance = np.log(7) / 0.1",
            "another batch": "my_chance = np.log(2 * 64 - 1)",
            "views": "my_chance = 8",
        },
        GIVEN,
    )
    assert checks.chance_loss(1.946).solved


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
            "no temperature": "my_ratio = np.exp(0.8)",
            "times temperature": "my_ratio = np.exp(0.08)",
            "logits": "my_ratio = 8",
            "similarities": "my_ratio = 0.8",
            "upside down": "my_ratio = np.exp(-8)",
            "base 10": "my_ratio = 10 ** 8",
            "base 2": "my_ratio = 2 ** 8",
        },
        GIVEN,
    )
    assert checks.near_negative(2981).solved


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
            "no crop": family + ".without('jitter', 'gray', 'crop')",
            "no direction": family + ".without('jitter', 'gray', 'rotation')",
        },
    )


def test_solutions_stand_alone() -> None:
    """A solution that is pasted into its stub cell needs no more than the cells before it."""
    for name in ("01_imbalanced_tissue", "02_simclr"):
        notebook = load(name)
        for n in exercises(notebook):
            assert verdict(notebook, n, solution(notebook, n), GIVEN).solved, (name, n)


def test_a_letter_that_is_none_does_not_tell_the_right_one() -> None:
    for check in (checks.random_split, checks.forced_to_ignore):
        assert check("e").text.endswith("one of 'a', 'b', 'c', 'd'")


# ---- sliders and cells that are run again -----------------------------------------------


def set_by(source: str) -> set[str]:
    """The names that a cell sets, those of its loops among them; imports are the same anywhere."""
    body = [s for s in ast.parse(source).body if not isinstance(s, ast.Import | ast.ImportFrom)]
    code = compile(ast.Module(body, []), "cell", "exec")
    return {i.argval for i in dis.get_instructions(code) if i.opname == "STORE_NAME"}


def read_by(code: types.CodeType) -> set[str]:
    """The notebook's names that a function reads each time it is called."""
    within = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    own = {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
    return own.union(*map(read_by, within))


@pytest.mark.parametrize("name", ["01_imbalanced_tissue", "02_simclr"])
def test_no_other_cell_changes_what_a_slider_draws(name: str) -> None:
    """A picture is drawn anew long after its cell: what it reads must still be the same then."""
    cells = {c.id: c.source for c in load(name).cells if c.cell_type == "code"}
    shown = [
        (i, match[1]) for i, s in cells.items() if (match := re.search(r"^live\(\s*(\w+)", s, re.M))
    ]
    assert shown, "the lesson has no sliders"
    for shower, draw in shown:
        home = next(i for i, s in cells.items() if f"def {draw}(" in s)
        made = compile(cells[home], home, "exec").co_consts
        reads = read_by(next(c for c in made if getattr(c, "co_name", "") == draw))
        for other in cells.keys() - {"set-up", home, shower}:
            changed = set_by(cells[other]) & reads
            assert not changed, f"{other} sets {sorted(changed)}, which {draw} reads"


def test_the_measurement_can_be_run_again() -> None:
    """Exercise 4 of lesson 01 asks for it, after all later cells have run."""
    notebook = load("01_imbalanced_tissue")
    reads = ("patches", "copy_of", "patient", "elsewhere")
    for identity in ("leak-stain", "leak-centre", "exercise-4-stub"):
        assert not set_by(cell(notebook, identity)) & set(reads), identity


# ---- what the lessons say ---------------------------------------------------------------


def test_dial_figure_tells_its_scores() -> None:
    told = figures.dial({"NORM": 60, "TUM": 40}).alt
    assert "accuracy 0.60, F1 0.00" in told  # never
    assert "accuracy 0.40, F1 0.57" in told  # always: 2 x 0.4 / 1.4


def test_partners_figure_agrees_with_the_loss() -> None:
    import torch

    angles = torch.tensor([0.1, 1.9, 0.4, 2.5])
    z = torch.stack([angles.cos(), angles.sin()], dim=1)
    loss = simclr.nt_xent(z[:2], z[2:], 0.3).item()
    assert f"the loss is {loss:.2f}" in figures.partners(z, 0.3, ["A", "B", "A'", "B'"]).alt


def test_pixels_of_a_view_are_the_patch() -> None:
    import torch

    from activecl_nb import augment

    images = torch.randint(256, (2, 3, 16, 16), dtype=torch.uint8)
    assert torch.equal(figures.as_pixels(augment.normalise(images)), images)
