"""What travels to the browser: plain values, and arrays as bytes."""

from __future__ import annotations

import base64
import itertools
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import numpy as np

from activecl_nb.pictures import figures
from activecl_nb.pictures.explorer import colours, thumbnails
from activecl_nb.pictures.explorer.colours import Colouring

if TYPE_CHECKING:
    from activecl_nb.pictures.explorer.model import ViewModel

UNKNOWN = 255  # in the bytes: no such value
LOGIT_LIMIT = 8.0  # beyond it p is within 0.0004 of 0 or 1, which no colour shows


def fixed(view: ViewModel) -> dict[str, Any]:
    """What stays the same while rounds are added: sent once."""
    informative = colours.informative(
        {name: np.asarray(values)[view.patches] for name, values in view.train.facts.items()}
    )
    sprite, cell, side, columns = thumbnails.sprite_sheet(view.train.images, view.patches)
    return {
        "n": view.n,
        "source": view.train.source,
        "pool": view.pool,
        "positive": view.class_names.index(view.positive),
        "classes": list(view.class_names),
        "colours": [colours.class_colours(view.class_names), list(colours.SHAPES)],
        "scales": colours.SCALES,
        "in_turn": colours.class_colours(colours.IN_TURN),
        "patches": view.patches.astype(np.uint32).tobytes(),
        "positions": view.map.positions.astype(np.float32).tobytes(),
        "labels": fitting(view.labels).tobytes(),
        "neighbours": fitting(view.map.neighbours).tobytes(),
        "neighbours_each": view.map.neighbours.shape[1],
        "facts": [
            fact_to_send(name, colouring, colouring.values)
            for name, colouring in view.colourings.items()
            if colouring.values is not None and name != "class"
        ],
        "informative": None if informative is None else informative.astype(np.uint8).tobytes(),
        "informative_said": colours.INFORMATIVE if informative is not None else "",
        "sprite": sprite,
        "cell": cell,
        "side": side,
        "columns": columns,
    }


def rounds_so_far(view: ViewModel) -> dict[str, Any]:
    """What grows with the rounds; a byte each for logits and distances, which colours need."""
    slots = range(view.rounds + 1)
    logits = np.stack([[view.logits(s, slot) for slot in slots] for s in range(len(view.names))])
    farthest = float(np.nanmax(view.distances, initial=0.0)) or 1.0
    half = np.zeros((len(view.names), view.rounds, view.n), dtype=bool)
    for s, t in itertools.product(range(len(view.names)), range(view.rounds)):
        half[s, t, view.nearest_half(s, t)] = True
    return _told(view) | {
        "names": list(view.names),
        "colours": [figures.style(name, view.names)["color"] for name in view.names],
        "rounds": view.rounds,
        "done": [view.done(s) for s in range(len(view.names))],
        "taken": fitting(view.taken + 1).tobytes(),  # 0: nobody took it
        "order": fitting(np.maximum(view.order, 0)).tobytes(),
        "logits": logit_bytes(logits).tobytes(),
        "logit_limit": LOGIT_LIMIT,
        # By the logits themselves: of those rounded to bytes many would be equally near.
        "half": np.packbits(half, axis=-1).tobytes(),
        "distances": to_bytes(view.distances, 0.0, farthest).tobytes(),
        "farthest": farthest,
        "far": view.colourings["distance"].high,
        "summaries": [
            [summary_to_send(view, s, t) for t in range(view.rounds)]
            for s in range(len(view.names))
        ],
        "overlaps": [
            [a, b, t, *([*astuple(view.overlap(a, b, t, so_far))] for so_far in (False, True))]
            for a, b in itertools.combinations(range(len(view.names)), 2)
            for t in range(min(view.done(a), view.done(b)))
        ],
    }


def _told(view: ViewModel) -> dict[str, Any]:
    """What stands for probability and entropy where the task is another; {} in classification."""
    if not view.predicts:
        return {}
    strategies, slots = range(len(view.names)), range(view.rounds + 1)
    told = {}
    for colour in ("probability", "entropy"):
        of = view.colourings[colour]
        values = np.stack([[view.values(colour, s, slot) for slot in slots] for s in strategies])
        told[colour] = {
            "title": of.title,
            "low": of.low,
            "high": of.high,
            "values": to_bytes(values, of.low, of.high).tobytes(),
        }
    return {"told": told}


def summary_to_send(view: ViewModel, strategy: int, round: int) -> dict[str, Any]:
    """As JSON holds it, which knows no nan."""
    summary = vars(view.summary(strategy, round))
    numbers = {name: v for name, v in summary.items() if isinstance(v, float)}
    counts = {name: summary[name].tolist() for name in ("picked", "so_far")}
    return {name: v if np.isfinite(v) else None for name, v in numbers.items()} | counts


def fact_to_send(name: str, colouring: Colouring, values: np.ndarray) -> dict[str, Any]:
    names = colouring.kind == "names"
    return {
        "name": name,
        "title": colouring.title,
        "kind": colouring.kind,
        "names": list(colouring.names),
        "low": colouring.low,
        "high": colouring.high,
        "none": colouring.none,
        "values": (
            fitting(values) if names else to_bytes(values, colouring.low, colouring.high)
        ).tobytes(),
    }


def fitting(codes: np.ndarray) -> np.ndarray:
    """Whole numbers from 0 in the smallest type that holds them: uint8, uint16 or uint32."""
    return codes.astype(np.min_scalar_type(int(codes.max(initial=0))))


def to_bytes(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Numbers from ``low`` to ``high`` as 0 to 254; 255 for nan."""
    scaled = (np.clip(values, low, high) - low) * (254 / max(high - low, 1e-12))
    return np.where(np.isnan(values), UNKNOWN, np.nan_to_num(scaled).round()).astype(np.uint8)


def logit_bytes(logits: np.ndarray) -> np.ndarray:
    """Logits as 0 to 254, 127 for 0; 255 for nan.

    The root of a logit is what is rounded: near p = 1/2, where the strategies look most closely,
    a step is then 0.0005 and not 0.06, and p is within 0.006 everywhere.
    """
    roots = np.sign(logits) * np.sqrt(np.abs(np.clip(logits, -LOGIT_LIMIT, LOGIT_LIMIT)))
    codes = 127 + 127 / LOGIT_LIMIT**0.5 * roots
    return np.where(np.isnan(logits), UNKNOWN, np.nan_to_num(codes).round()).astype(np.uint8)


def packed(value: Any) -> dict[str, str]:
    """Bytes as JSON can hold them."""
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"cannot put {type(value)} into a page")
