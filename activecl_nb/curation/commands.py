"""The commands for patches of one's own, ``look`` and ``pick``; and how data are named there."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def encoder_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--encoder",
        "--features",
        metavar="NAME",
        help="from elsewhere, not trained: efficientnet-lite0, torchvision:resnet18, timm:NAME, "
        "any of these with @WEIGHTS, or features.npy or .parquet",
    )
    command.add_argument(
        "--download", action="store_true", help="fetch the weights of --encoder if need be"
    )


def encoder_of(options: argparse.Namespace) -> str | None:
    """What --encoder names. ValueError: weights are to be fetched, and there is no encoder."""
    encoder = getattr(options, "encoder", None)
    if getattr(options, "download", False) and not encoder:
        raise ValueError("--download fetches the weights of --encoder; name one, or leave it out")
    return encoder


def own_options(command: argparse.ArgumentParser) -> None:
    own = command.add_argument_group("of a table or a folder of one's own")
    own.add_argument(
        "--columns",
        action="append",
        default=[],
        metavar="ROLE=COLUMN",
        help="the table's names: file=path,label=grade,patient=case (part= leaves it aside)",
    )
    own.add_argument("--images", metavar="FOLDER", help="where the table's files lie")
    own.add_argument(
        "--rows", action="append", default=[], metavar="COLUMN=VALUE", help="only these rows"
    )
    own.add_argument(
        "--patient", metavar="PATTERN", help=r"finds it in a file's name, such as '^(\d+)_'"
    )
    own.add_argument(
        "--target",
        metavar="COLUMN",
        help="numbers or masks that a task other than classes predicts",
    )
    own.add_argument("--nested", action="store_true", help="class/patient/... folders")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both to the command line."""
    _look_options(commands)
    _pick_options(commands)


def _look_options(commands: argparse._SubParsersAction) -> None:
    summary = "what is in a table or a folder of patches, and what leaks; nothing is trained"
    command = commands.add_parser("look", help=summary, description=summary)
    command.add_argument("path", metavar="DATA", help="the table, or the folder of class folders")
    command.add_argument("--positive", help="the class sought (default: TUM, else the rarest)")
    command.add_argument("--minutes", type=float, default=20, help="that sizes are chosen for")
    command.add_argument("--fold", type=int, default=0, help="the test part looked at (default: 0)")
    command.add_argument("--page", type=Path, metavar="FILE", help="write a page with pictures")
    own_options(command)
    command.set_defaults(do=look)


def look(options: argparse.Namespace) -> int:
    from activecl_nb import curation, files
    from activecl_nb.curation import page

    if options.page:
        files.ready(page.place(options.page))
    found = curation.look(
        options.path,
        positive=options.positive,
        minutes=options.minutes,
        fold=options.fold,
        **of_source(options),
    )
    print(found)
    if options.page:
        print(f"the page is {curation.write_page(found, options.page)}")
    return 0


def _pick_options(commands: argparse._SubParsersAction) -> None:
    summary = "which files to label or train on next, in order; no labels are needed"
    command = commands.add_parser("pick", help=summary, description=summary)
    command.add_argument("path", metavar="DATA", help="a folder of images, or a table of files")
    command.add_argument("--budget", type=int, required=True, help="how many files")
    command.add_argument("--strategy", default="kcenter", help="default: kcenter")
    command.add_argument("--labelled", metavar="CSV", help="those known: file, and label")
    command.add_argument("--positive", help="the class sought, where there are more than two")
    command.add_argument("--task", default="classification", help="or regression, segmentation")
    command.add_argument("--minutes", type=float, help="to train an encoder in (default: 5)")
    command.add_argument("--seed", type=int, default=0, help="default: 0")
    command.add_argument("--device", help="cpu, cuda or mps (default: the fastest)")
    command.add_argument("--out", type=Path, default=Path("picks.csv"), help="default: picks.csv")
    encoder_options(command)
    own_options(command)
    command.set_defaults(do=pick)


def pick(options: argparse.Namespace) -> int:
    from activecl_nb import curation, sampling
    from activecl_nb.curation import own, picking

    encoder = encoder_of(options)
    read = [own.source(options.path)[1], options.labelled, encoder]
    for written in picking.places(options.out):
        _keep_apart(written, [Path(name) for name in read if name])
    strategy = options.strategy
    found = curation.pick(
        options.path,
        budget=options.budget,
        strategy=sampling.from_file(strategy) if sampling.is_from_file(strategy) else strategy,
        labelled=options.labelled,
        positive=options.positive,
        task=options.task,
        encoder=encoder,
        minutes=options.minutes,
        seed=options.seed,
        device=options.device,
        download=options.download,
        **of_source(options),
    )
    table, sheet = found.write(options.out)
    print(found.table.head(10).to_string(index=False, float_format="{:.3f}".format))
    only = found.encoder == curation.encoders.LITE or options.task == "segmentation"
    offer = "" if only else f". {curation.encoders.offer()}"
    print(f"features: {found.encoder}{offer}")
    print(f"{len(found.table)} files are in {table}, their contact sheet is {sheet}")
    return 0


def _keep_apart(written: Path, read: Sequence[Path]) -> None:
    """ValueError: what is written would take the place of what is read, or be read next time."""
    place = written.resolve()
    for path in (one.expanduser().resolve() for one in read):
        if place == path or (path.is_dir() and place.is_relative_to(path)):
            raise ValueError(
                f"{written} would lie among what is read from {path}; choose another --out"
            )


def all_files(options: argparse.Namespace) -> list[str]:
    """The names of all files of one's own patches, in their order; [] for another source."""
    found = _opened(options)
    return found.names if found else []


def stored_shape(options: argparse.Namespace) -> tuple[int, int] | None:
    """Height and width of one's own patches as they are stored; None for another source."""
    found = _opened(options)
    return found.shape if found else None


def _opened(options: argparse.Namespace) -> Any:
    from activecl_nb import tissue

    if options.data not in tissue.OWN:
        return None
    return tissue.open_own(options.data, options.path, **of_source(options))


def of_source(options: argparse.Namespace) -> dict[str, Any]:
    """What the command line says of a table or a folder, as ``tissue.load`` takes it."""
    columns = _pairs("--columns", options.columns)
    if len(dict(columns)) < len(columns):
        raise ValueError(f"--columns {', '.join(options.columns)}: a role is given twice")
    found = {
        "columns": {k: v or None for k, v in columns},
        "images": options.images,
        "patient": options.patient,
        "nested": options.nested,
        "target": options.target,
    }
    rows: dict[str, list[str]] = {}
    for column, value in _pairs("--rows", options.rows):
        rows.setdefault(column, []).append(value)
    return {name: value for name, value in {**found, "rows": rows}.items() if value}


def _pairs(option: str, given: Sequence[str]) -> list[tuple[str, str]]:
    """NAME=VALUE,NAME=VALUE as pairs; a comma only parts where another NAME= follows."""
    found = []
    for text in given:
        for pair in re.split(r",(?=[^,=]+=)", text):
            name, equals, value = pair.partition("=")
            if not equals:
                raise ValueError(f"{option} {text}: say NAME=VALUE")
            found.append((name.strip(), value.strip()))
    return found
