"""Damaged files: of runs, of caches and stored tables, of data sets, of images."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from attack_outcomes import Outcomes, equal, flipped, outcome
from PIL import Image

from activecl_nb import experiment, runs, tissue
from activecl_nb.evidence.study import stored
from activecl_nb.imbalance import Data
from activecl_nb.lessons import start
from activecl_nb.pictures import maps
from activecl_nb.protocol import Protocol
from activecl_nb.sources import archive, drawings, folders, phantom, prepared
from activecl_nb.tissue import Tissue

# ---- runs ---------------------------------------------------------------------------------


class Stop(Exception):
    """Ends a run after a round, as a kill would."""


def patches(count: int, seed: int) -> Tissue:
    draw = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    pixels = draw.integers(60, 200, (count, 3, 16, 16))
    pixels[labels == 2, :, ::2] //= 3
    tensors = torch.from_numpy(pixels.astype(np.uint8)), torch.from_numpy(labels)
    return Tissue(*tensors, ("NORM", "STR", "TUM"), f"drawn patches {seed}")


PROTOCOL = Protocol.of(
    "tiny", image_size=16, labelled=30, width=4, rounds=2, budget=8, candidates=20, epochs=1,
    batch_size=8,
)  # fmt: skip
DATA = Data(patches(90, 1), patches(45, 2))


def make(folder: Path, seed: int, rounds: int) -> Path:
    """A run of two rounds, stopped after so many."""

    def stop(run: runs.Run) -> None:
        if len(run.rounds) == rounds < PROTOCOL.rounds:
            raise Stop

    with contextlib.suppress(Stop):
        experiment.run(PROTOCOL, DATA, "random", seed, folder, progress=False, on_round=stop)
    return folder


def use(folder: Path) -> None:
    """What the kit does before it believes a run: it reads it, and takes it up."""
    runs.load(folder)
    with runs.writing(runs.fresh(PROTOCOL, DATA, "random", 0), folder):
        pass


def flips(room: Path, options: argparse.Namespace) -> Outcomes:
    """One byte of one file changed: every type of file in turn, any place, any other value."""
    draw = np.random.default_rng(options.seed)
    by_kind: dict[tuple[str, str], list[Path]] = {}
    for folder in (make(room / "finished", 0, 2), make(room / "unfinished", 0, 1)):
        for file in sorted(folder.iterdir()):
            kind = file.name if file.suffix in (".json", ".csv") else file.name.split("-")[0]
            by_kind.setdefault((folder.name, kind), []).append(file)
    for number in range(options.flips):
        (where, kind), those = [*by_kind.items()][number % len(by_kind)]
        file = those[int(draw.integers(len(those)))]
        whole = flipped(file, draw)
        yield f"{where}: {kind}", outcome(lambda folder=file.parent: use(folder))
        file.write_bytes(whole)


def structured(room: Path, options: argparse.Namespace) -> Outcomes:
    """Files exchanged, cut, emptied and missing; lines doubled, lost, reordered and changed."""
    sound, other = make(room / "sound", 0, 2), make(room / "other", 1, 2)
    for name in sorted(p.name for p in sound.iterdir()):
        changes: dict[str, Callable[[bytes], bytes | None]] = {
            "of another run": lambda _, name=name: (other / name).read_bytes(),
            "cut in half": lambda content: content[: len(content) // 2],
            "empty": lambda _: b"",
            "twice over": lambda content: content + content,
            "missing": lambda _: None,
        }
        if name.endswith(".csv"):
            changes |= line_changes()
        for what, change in changes.items():
            yield f"{name} {what}", outcome(lambda n=name, c=change: damaged(sound, n, c))


def damaged(sound: Path, name: str, change: Callable[[bytes], bytes | None]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = shutil.copytree(sound, Path(place) / "run")
        content = change((folder / name).read_bytes())
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)
        use(folder)


def line_changes() -> dict[str, Callable[[bytes], bytes]]:
    def lines(change: Callable[[list[list[str]]], list[list[str]]]) -> Callable[[bytes], bytes]:
        def changed(content: bytes) -> bytes:
            stream = io.StringIO()
            rows = [*csv.reader(io.StringIO(content.decode()))]
            csv.writer(stream, lineterminator="\n").writerows(change(rows))
            return stream.getvalue().encode()

        return changed

    def digit(column: int) -> Callable[[list[list[str]]], list[list[str]]]:
        return lambda rows: [
            rows[0], [*rows[1][:column], f"{float(rows[1][column]) / 2}", *rows[1][column + 1 :]],
            *rows[2:],
        ]  # fmt: skip

    columns = {f"with another number in column {k}": lines(digit(k)) for k in range(2, 12)}
    return columns | {
        "with its first line twice": lines(lambda rows: [*rows[:2], *rows[1:]]),
        "without its first line": lines(lambda rows: [rows[0], *rows[2:]]),
        "without its last line": lines(lambda rows: rows[:-1]),
        "in reverse": lines(lambda rows: [rows[0], *rows[:0:-1]]),
        "without a column": lines(lambda rows: [row[:-1] for row in rows]),
        "without its head": lines(lambda rows: rows[1:]),
    }


# ---- caches and stored tables -------------------------------------------------------------

EACH = 30  # flips in each kind of cache


def caches(room: Path, options: argparse.Namespace) -> Outcomes:
    """One byte of what the kit keeps and later believes; what it can make anew it may."""
    draw = np.random.default_rng(options.seed)
    with mock.patch.dict(os.environ, {"ACTIVECL_HOME": str(room / "home")}):
        for kind, (read, folder) in kept(room).items():
            expected = read()
            for _ in range(EACH):
                there = [file for file in sorted(folder.rglob("*.*")) if file.stat().st_size]
                whole = {file: file.read_bytes() for file in there}
                file = [*whole][int(draw.integers(len(whole)))]
                flipped(file, draw)
                drawings._verified.clear(), prepared._verified.clear()
                yield kind, outcome(read, equal(expected))
                for name, content in whole.items():
                    name.write_bytes(content)


def kept(room: Path) -> dict[str, tuple[Callable[[], object], Path]]:
    """Kind -> what reads it as an array, the folder whose files are damaged."""
    draw = np.random.default_rng(0)
    for name in "AB":
        save_images(room / "images" / name, 4)
    found = folders.from_folder(room / "images")
    features = draw.normal(size=(40, 8)).astype(np.float32)
    maps.save(room / "map", maps.of_features(features, np.arange(40), positions=features[:, :2]))
    tables(draw).write(room / "tables")

    first = start.trained_encoder(PROTOCOL, DATA, 0, progress=False).state_dict()

    def weights() -> object:
        # What is damaged is trained again, which is not what is tried here.
        with mock.patch.object(start, "_train", lambda encoder, *_: encoder.load_state_dict(first)):
            again = start.trained_encoder(PROTOCOL, DATA, 0, progress=False).state_dict()
        return torch.cat([part.flatten().float() for part in again.values()])

    def the_map() -> object:
        one = maps.stored(room / "map")
        return np.hstack([one.positions, one.features, one.neighbours, one.patches[:, None]])

    def the_tables() -> object:
        one = stored.Tables.read(room / "tables")
        parts = (one.index, one.rounds, one.picks, one.floors)
        return np.array([part.to_csv() for part in parts])

    return {
        "drawn tissue": (lambda: phantom.load("train", 9, 16)[0].copy(), room / "home/phantom"),
        "prepared images": (
            lambda: prepared.prepare(found, 16, room / "prepared").images.copy(),
            room / "prepared",
        ),
        "weights of lessons": (weights, room / "home/lessons"),
        "the explorer's map": (the_map, room / "map"),
        "tables of a study": (the_tables, room / "tables"),
    }


def tables(draw: np.random.Generator) -> stored.Tables:
    import pandas as pd

    row = ["grid", "", "phantom 0", "phantom", "random", 0, "0123456789abcdef", True]
    index = pd.DataFrame([row], columns=stored.INDEX).assign(train=90, test=45)
    rounds = pd.DataFrame({"round": range(5), "f1": draw.random(5), "run": row[-2]})
    picks = pd.DataFrame({"run": row[-2], "round": 1, "position": draw.permutation(90)})
    picks["label"] = pd.Categorical.from_codes(np.arange(90) % 3, ["NORM", "STR", "TUM"])
    return stored.Tables(index, rounds, picks, pd.DataFrame(columns=["run", "floor"]))


# ---- data sets and images -----------------------------------------------------------------


def npz(room: Path, options: argparse.Namespace) -> Outcomes:
    """One byte of a PathMNIST file, of which a part is read."""
    draw, content = np.random.default_rng(options.seed), {}
    for part, count in (("train", 60), ("val", 9), ("test", 18)):
        content[f"{part}_images"] = draw.integers(0, 255, (count, 28, 28, 3), dtype=np.uint8)
        content[f"{part}_labels"] = (np.arange(count) % 9)[:, None].astype(np.uint8)
    for save in (np.savez, np.savez_compressed):
        file = room / f"{save.__name__}.npz"
        save(file, **content)

        def load(file: Path = file) -> np.ndarray:
            part = tissue.load("pathmnist", "train", path=file, at_most=30)
            return np.hstack([part.images.flatten(1).numpy(), part.labels.numpy()[:, None]])

        expected = load()
        for _ in range(120):
            whole = flipped(file, draw)
            yield save.__name__, outcome(load, equal(expected))
            file.write_bytes(whole)


def save_images(folder: Path, count: int, ending: str = "png") -> list[Path]:
    folder.mkdir(parents=True)
    draw, written = np.random.default_rng(len(folder.name)), []
    for number in range(count):
        pixels = draw.integers(0, 255, (24, 24, 3), dtype=np.uint8)
        written.append(folder / f"{number}.{ending}")
        Image.fromarray(pixels).save(written[-1])
    return written


def images(room: Path, options: argparse.Namespace) -> Outcomes:
    """Files cut short and bytes changed, where the format can tell; and images of other kinds."""
    draw = np.random.default_rng(options.seed)
    for ending in ("png", "jpg", "tif"):
        root = room / ending
        (file, *_), _ = save_images(root / "A", 2, ending), save_images(root / "BB", 2, ending)
        expected = decoded(root)
        for _ in range(40):
            whole = file.read_bytes()
            file.write_bytes(whole[: int(draw.integers(len(whole) - 8))])
            yield f"{ending} cut", outcome(lambda root=root: decoded(root), equal(expected))
            file.write_bytes(whole)
        for _ in range(80 if ending == "png" else 0):  # the others hold no checksums
            whole = flipped(file, draw)
            yield f"{ending} flip", outcome(lambda root=root: decoded(root), equal(expected))
            file.write_bytes(whole)
    for number, (name, content) in enumerate(odd_images()):
        root = room / f"odd-{number}"
        save_images(root / "A", 1), save_images(root / "BB", 1)
        (root / "A" / name).write_bytes(content)
        yield f"odd {name}", outcome(lambda root=root: told(root))


def told(root: Path) -> None:
    """ValueError also where a warning says what was left out."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        decoded(root)
    if said:
        raise ValueError(said[0].message)


def decoded(root: Path) -> np.ndarray:
    return archive.decode(folders.from_folder(root), 16)


def odd_images() -> Iterator[tuple[str, bytes]]:
    """Images that no 8-bit RGB patch can be made of without a loss, and what is none."""
    grey = np.arange(576, dtype=np.uint16).reshape(24, 24)
    pages = [Image.fromarray((grey % 255).astype(np.uint8) + k) for k in range(3)]
    for name, picture, more in (
        ("grey16.png", Image.fromarray(grey * 100), {}),
        ("grey16.tif", Image.fromarray(grey * 100), {}),
        ("floats.tif", Image.fromarray(grey.astype(np.float32)), {}),
        ("pages.tif", pages[0], {"save_all": True, "append_images": pages[1:]}),
        ("frames.gif", pages[0], {"save_all": True, "append_images": pages[1:]}),
        ("frames.png", pages[0], {"save_all": True, "append_images": pages[1:]}),
    ):
        stream = io.BytesIO()
        picture.save(stream, name.partition(".")[2].replace("tif", "tiff"), **more)
        yield name, stream.getvalue()
    yield "empty.png", b""
    yield "text.png", b"these are words"
    yield "zeros.tif", bytes(500)
    yield "head.jpg", b"\xff\xd8\xff\xe0" + bytes(50)
    yield "wide.ppm", b"P6 30000 30000 255\n"
