"""What was picked: classes and waste."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from activecl_nb.evidence.analysis.tables import RUN, by_columns, checked

if TYPE_CHECKING:
    from activecl_nb.evidence.analysis.tables import Runs
    from activecl_nb.imbalance import Data
    from activecl_nb.runs import Run
    from activecl_nb.tissue import Tissue


def picks(runs: Runs, train: Tissue | Data | None = None) -> pd.DataFrame:
    """A row a pick: strategy, seed, [setting], round, order (in the round), position, and facts.

    train: the patches that the runs picked from; with the test patches (a ``Data``) it is certain
        that they are. What it does not know is left out:
    label: its class as given, a category. positive: whether that is the class sought.
    near_duplicate: whether a patch of the same spot was in the training set before it: the patch
        that it nearly repeats, or another repeat of that one, picked in an earlier round or
        earlier in this one. Only these waste budget; a repeat whose original was never picked
        shows the encoder something new. Left out after ``Tissue.take``, which renumbers.
    artefact: whether it has a fold, a pen mark, or is out of focus.

    The table made is returned as it is. ValueError: ``train`` is not what the runs picked from.
    """
    if isinstance(runs, pd.DataFrame):
        return checked(runs, "strategy", "seed", "round", "order", "position")
    if train is None:
        raise ValueError("give the training patches as well: a run knows positions alone")
    given: Any = train
    patches: Tissue = getattr(given, "train", given)
    data: Data | None = None if given is patches else given
    labels, origin = patches.labels.numpy(), _origins(patches)
    parts = []
    for run in runs:
        _same_patches(run, patches, data)
        positive, chosen = run.data.get("positive", "TUM"), run.chosen()
        sizes = [len(one.picked) for one in run.rounds]
        part = pd.DataFrame(
            {
                "strategy": run.strategy,
                "seed": run.seed,
                "round": np.repeat([one.number for one in run.rounds], sizes),
                "order": np.concatenate([np.arange(size) for size in sizes]),
                "position": chosen,
                "label": pd.Categorical.from_codes(labels[chosen], list(patches.class_names)),
                "positive": labels[chosen] == patches.class_names.index(positive),
            }
        )
        if origin is not None:
            part["near_duplicate"] = pd.Series(origin[chosen]).duplicated()  # in picking order
        if "artefact" in patches.facts:
            part["artefact"] = patches.facts["artefact"][chosen] != "none"
        parts.append(part)
    if not parts:
        raise ValueError("no runs to tabulate; give at least one")
    return pd.concat(parts, ignore_index=True)


def _same_patches(run: Run, train: Tissue, data: Data | None) -> None:
    chosen, positive = run.chosen(), run.data.get("positive", "TUM")
    here = {"source": train.source, "train": len(train)}
    differ = [
        f"{name} {run.data[name]!r} there, {value!r} here"
        for name, value in here.items()
        if run.data.get(name, value) != value
    ]
    if len(chosen) and chosen.max() >= len(train):
        differ.append(f"position {chosen.max()} was picked, there are {len(train)} patches")
    if data is not None and not differ:
        from activecl_nb.runs import same_tissue

        differ += [] if same_tissue(run.data, data) else ["the patches are others"]
    if positive not in train.class_names:
        differ.append(f"the class sought is {positive}, not in {', '.join(train.class_names)}")
    if differ:
        raise ValueError(
            f"{run.strategy}, seed {run.seed}, did not pick from these patches "
            f"({'; '.join(differ)}); give the training patches of that run"
        )


def _origins(train: Tissue) -> np.ndarray | None:
    """The position of the patch whose spot each one shows; None where that is not known.

    ``duplicate_of`` counts as the phantom drew. After patches were taken out it names the wrong
    ones, which shows: a patch and its origin are of one slide and one tissue.
    """
    repeats = train.facts.get("duplicate_of")
    if repeats is None:
        return None
    origin = np.where(repeats >= 0, repeats, np.arange(len(train)))
    if origin.max(initial=-1) >= len(train) or (repeats[origin] >= 0).any():
        return None
    alike = (train.facts[name] for name in ("slide", "true_class") if name in train.facts)
    return origin if all((fact == fact[origin]).all() for fact in alike) else None


def composition(runs: Runs, train: Tissue | None = None) -> pd.DataFrame:
    """Classes of each round's picks as shares, the mean over seeds.

    runs: runs and their training patches, or a table of ``picks``.
    Columns: strategy, [setting], round, and one for each class.
    """
    picked = picks(runs, train)
    by = by_columns(picked, "strategy", "setting", "round")
    each = pd.get_dummies(picked["label"], dtype=float)
    each.columns = list(each.columns)  # plain names, not categories
    run = [*by, *by_columns(picked, "seed", "tissue")]
    shares = each.groupby([picked[name] for name in run], sort=False).mean()
    return shares.groupby(by, sort=False).mean().reset_index()


def makeup(runs: Runs, train: Tissue | None = None) -> pd.DataFrame:
    """What the picks of every round are, run by run.

    runs: runs and their training patches, or a table of ``picks``. The result goes into
    ``curve`` for the spread over seeds: ``curve(makeup(picked), "near_duplicate")``.

    Columns: strategy, seed, [setting], round, images (picked so far), and the shares of the round's
    picks that are positive, near_duplicate and artefact, where ``picks`` knows them.
    """
    picked = picks(runs, train)
    by = by_columns(picked, *RUN)
    groups = picked.groupby([*by, "round"], sort=False)
    sizes = groups.size().rename("images").reset_index()
    sizes["images"] = sizes.groupby(by, sort=False)["images"].cumsum()
    return sizes.join(groups[_kinds(picked)].mean().reset_index(drop=True))


def found(runs: Runs, train: Tissue | None = None) -> pd.DataFrame:
    """What each run's own picks are; a row a run.

    The first round is the same random draw for every strategy, so it is left out.
    runs: runs and their training patches, or ``picks``.

    Columns: strategy, seed, [setting], and the shares positive, near_duplicate and artefact where
    known.
    """
    picked = picks(runs, train)
    own = picked[picked["round"] > 0]
    return own.groupby(by_columns(own, *RUN), sort=False)[_kinds(own)].mean().reset_index()


def _kinds(picked: pd.DataFrame) -> list[str]:
    return [name for name in ("positive", "near_duplicate", "artefact") if name in picked]
