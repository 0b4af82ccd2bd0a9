"""One page with everything in it, for whoever has no Python."""

from __future__ import annotations

import html
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from activecl_nb import files
from activecl_nb.pictures.explorer import hand as hands
from activecl_nb.pictures.explorer import script, sending
from activecl_nb.pictures.explorer.model import ViewModel

HERE = Path(__file__).parent


def hand_state(
    view: ViewModel, data: Any, hand: hands.Hand | None, busy: str = ""
) -> dict[str, Any]:
    """What the browser has to know of the round that can be picked by hand.

    Without a ``hand`` that is round 1, before which all strategies of a seed stand at the same
    place; ``live`` says whether it can be trained. ``open``: a byte a patch, 1 for a candidate.
    """
    like = next(iter(view.runs.values()))
    live = data is not None and not hands.possible(like, data)
    if hand is not None:
        round, budget, candidates = hand.round, hand.budget, hand.candidates
    else:
        candidates = hands.first_candidates(like)
        round, budget = 1, len(like.rounds[0].picked) if len(candidates) else 0
    return {
        "name": hands.NAME,
        "round": round,
        "budget": budget,
        "open": np.isin(view.patches, candidates).astype(np.uint8).tobytes(),
        "live": live,
        "busy": busy,
        "text": "",
    }


def write(view: ViewModel, state: dict[str, Any], path: str | os.PathLike[str], title: str) -> Path:
    """Put the view-model, the state of the explorer and its script into ``page.html``."""
    sent = {"fixed": sending.fixed(view), "runs": sending.rounds_so_far(view), "token": ""}
    template = (HERE / "page.html").read_text(encoding="utf-8")
    parts = {
        "TITLE": html.escape(title),
        "STYLE": script.style(),
        "DATA": json.dumps(sent | state, default=sending.packed).replace("<", "\\u003c"),
        "SCRIPT": script.joined().replace("export default ", "const explorer = "),
    }
    path = files.expanded(path)
    # In one pass: what is put in may look like a mark itself.
    files.write(path, re.sub(f"<!--({'|'.join(parts)})-->", lambda mark: parts[mark[1]], template))
    return path
