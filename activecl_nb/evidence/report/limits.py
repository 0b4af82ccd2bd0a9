"""What was run, and what that cannot say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import activecl_nb
from activecl_nb import profiles
from activecl_nb.evidence import analysis
from activecl_nb.evidence.claims import Grids, Line
from activecl_nb.evidence.report.texts import filled, say, texts
from activecl_nb.evidence.study import Stored
from activecl_nb.protocol import BENCHMARK, Protocol, image_epochs

# Settings beside the sizes in which a profile may differ from the paper.
OTHERS = ("batch_size", "learning_rate", "proxy_learning_rate", "standardise")


def facts(
    stored: Stored,
    tissues: Mapping[str, str],
    profile: profiles.Profile | str,
    lead: str,
    left_out: int,
) -> tuple[tuple[str, str], ...]:
    """(what, value) pairs on what was run. lead: the grid whose sizes ``profile`` has, if one."""
    runs = stored.planned.drop_duplicates("run")
    rounds = stored.rounds.drop_duplicates(["run", "round"])
    sizes = (
        profile if isinstance(profile, str) else say("facts.profile", profile=profile, lead=lead)
    )
    own = "" if isinstance(profile, str) else str(profiles.PROFILES.get(profile.name, ""))
    done = say("facts.runs", done=int(runs["finished"].sum()), all=len(runs))
    begun = stored.planned[stored.planned["finished"]]["grid"]
    hours = f"{rounds['seconds_processor'].sum() / 3600:,.1f}"
    epochs = f"{rounds['image_epochs'].sum() / 1e6:,.1f}"
    pairs = [
        ("Tissue", "; ".join(dict.fromkeys(tissues[name] for name in begun))),
        *([("Profile", sizes)] if sizes else []),
        *([("The profile's own sizes", own)] if lead and own else []),
        ("Runs", done),
        ("Work", say("facts.work", epochs=epochs, hours=hours)),
        *(("Made on", told) for told in machines(stored)),
    ]
    if left_out:
        pairs.append(("Left out", say("facts.left_out", n=left_out)))
    return (*pairs, ("Kit", f"activecl {activecl_nb.__version__}"))


def machines(stored: Stored) -> list[str]:
    """Where the runs were made, a line for each environment; none where no run knows."""
    runs = Counter(
        ", ".join(f"{what} {which}" for what, which in stored.made_on[run].items())
        for run in stored.planned["run"].unique()
        if run in stored.made_on
    )
    if len(runs) < 2:
        return [*runs]
    return [f"{told}: {say('facts.made_there', n=n)}" for told, n in runs.most_common()]


def limits(
    stored: Stored, profile: profiles.Profile | str, lead: str, lines: Sequence[Line]
) -> tuple[str, ...]:
    """The limits that hold for these runs, from ``templates/limits.toml``."""
    known = {**_of_runs(stored), **_of_ledger(lines), "lead": lead}
    if not isinstance(profile, str):
        known |= _of_profile(profile)
    return tuple(
        filled(one["text"], **known)
        for one in texts("limits")["limit"]
        if all(known.get(name) for name in one["when"])
    )


def _of_runs(stored: Stored) -> dict[str, Any]:
    """Grids by what their runs lack, as text; "" where there is none."""
    lacking: dict[str, list[str]] = {name: [] for name in ("drawn", "one_tissue", "late")}
    gates = Grids.of(stored).gates
    for name in dict.fromkeys(stored.rounds["grid"]):
        grid = stored.grid(name)
        sources = set(grid.planned["source"])
        holds = {
            "drawn": all(map(analysis.drawn, sources)),
            "one_tissue": grid.rounds["tissue"].nunique() < 2,
            # after the round that a strategy first chose
            "late": any((gate.sees_from or 0) > 1 for (of, _), gate in gates.items() if of == name),
        }
        for what, so in holds.items():
            if so:
                lacking[what].append(name)
    n_grids = stored.rounds["grid"].nunique()
    grids_named = {
        what: ("all grids" if len(names) == n_grids > 1 else ", ".join(f"“{n}”" for n in names))
        for what, names in lacking.items()
    }
    return {**grids_named, **_of_folds(stored)}


def _of_folds(stored: Stored) -> dict[str, Any]:
    """What the first grid over folds would lose if its folds alone were counted, and not its cells.

    The t of analysis.estimate takes each cell of fold and seed for one value, as Nadeau and Bengio
    take each split.
    """
    from scipy import stats

    done = stored.planned[stored.planned["finished"]]
    over_folds = done[done["tissue"].str.startswith("fold")]
    if over_folds.empty:
        return {"folds": False}
    first = over_folds[over_folds["grid"] == over_folds["grid"].iloc[0]]
    folds = first["tissue"].nunique()
    cells = len(first[["tissue", "seed"]].drop_duplicates())
    wider = stats.t.ppf(0.975, folds - 1) / stats.t.ppf(0.975, cells - 1) if folds > 1 else 0.0
    return {"folds": True, "by_folds_alone": f"{wider:.1f}" if wider else ""}


def _of_ledger(lines: Sequence[Line]) -> dict[str, Any]:
    measured = [line.measured for line in lines if line.measured and line.measured.n > 1]
    judged = sum(not np.isnan(of_line.low) for of_line in measured)
    return {"judged": judged, "by_luck": f"{0.05 * judged:.0f}"}


def _of_profile(profile: profiles.Profile) -> dict[str, Any]:
    """Shares of images and work, by arithmetic: the last partial batch of an epoch is dropped."""
    paper = profiles.PROFILES["paper"]
    pool = profile.train_images - profile.labelled
    protocol = Protocol.of(profile)
    whole = sum(image_epochs(protocol, BENCHMARK))
    first, second = image_epochs(protocol, "random", rounds=2)
    looks = profile.benchmark_epochs // profile.benchmark_every
    looks *= -(-profile.benchmark_proxy_epochs // profile.benchmark_proxy_every)
    others = [name for name in OTHERS if getattr(profile, name) != getattr(paper, name)]
    most = 1 - first / whole
    return {
        "profile": profile,
        "paper": paper,
        "others": ", ".join(others),
        "labelled_share": f"{_labelled_share(profile):.0%}",
        "paper_labelled_share": f"{_labelled_share(paper):.0%}",
        "round_share": f"{profile.budget / pool:.1%}",
        "least_images": f"{1 - profile.rounds * profile.budget / pool:.0%}",
        "most_images": f"{1 - 2 * profile.budget / pool:.0%}",
        "most_work_chosen": f"{1 - (first + second) / whole:.0%}",
        "most_work": f"{most:.1%}",
        "out_of_reach": most < 0.985,
        "looks": looks,
    }


def _labelled_share(profile: profiles.Profile) -> float:
    return profile.labelled / (profile.rounds * profile.budget)
