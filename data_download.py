#!/usr/bin/env python
"""Fetch the real tissue: `python data_download.py get pathmnist`.

Everything is done in activecl_nb/sources/: download.py fetches and verifies, official.py decodes
once into arrays, ebhi.py remakes a set with patients. This file reads the command line and prints.
"""

from __future__ import annotations

import argparse
import sys

from activecl_nb import files
from activecl_nb.sources import download, ebhi, official, prepared
from activecl_nb.sources.download import readable


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 when all is well."""
    files.stand_in_for_closed_streams()
    options = command_line().parse_args(arguments)
    try:
        return options.act(options)
    except KeyboardInterrupt:
        print("stopped; what is there is kept, and the same command goes on", file=sys.stderr)
        return 130
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def command_line() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="data_download.py", description=(__doc__ or "").split("\n")[0]
    )
    actions = parser.add_subparsers(required=True, metavar="list | get | verify | where | ebhi")

    listing = actions.add_parser("list", help="the data sets: name, size, licence, disk")
    listing.set_defaults(act=show_list)

    get = actions.add_parser("get", help="fetch a data set, verify it and decode it once")
    get.add_argument("name", metavar="NAME", help=", ".join(download.SETS))
    get.add_argument(
        "--mirror",
        metavar="URL-or-FOLDER",
        help="where the files lie under their names: a web folder or a stick, instead of Zenodo",
    )
    get.add_argument(
        "--size", type=positive, metavar="PX", help="pixels a side of the arrays (as stored)"
    )
    get.add_argument(
        "--skip-corrupt",
        action="store_true",
        help="leave out images that cannot be decoded, instead of stopping at the first",
    )
    get.add_argument(
        "--files-only", action="store_true", help="fetch and verify, but decode nothing"
    )
    get.set_defaults(act=get_set)

    verify = actions.add_parser("verify", help="hash the fetched files of a data set anew")
    verify.add_argument("name", metavar="NAME", help=", ".join(download.SETS))
    verify.set_defaults(act=verify_set)

    where = actions.add_parser("where", help="the folder, and what lies in it")
    where.set_defaults(act=show_where)

    remake = actions.add_parser(
        "ebhi", help="EBHI-Seg, unpacked (figshare 21540159), as 64-pixel patches with patients"
    )
    remake.add_argument("original", metavar="FOLDER", help="the folder of the class folders")
    remake.add_argument("--out", metavar="DIR", required=True, help="where the new set is written")
    remake.set_defaults(act=remake_ebhi)

    for action in (get, verify, where):
        action.add_argument("--to", metavar="DIR", help=f"the folder ({download.home()})")
    return parser


def positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of pixels, at least 1, not {text!r}")
    return int(text)


def show_list(options: argparse.Namespace) -> int:
    print(f"{'name':<16} {'download':>17} {'arrays':>9}  {'pixels':>6}  licence    what it is")
    for data_set in download.SETS.values():
        print(
            f"{data_set.name:<16} {download_size(data_set):>17} "
            f"{readable(data_set.array_bytes()):>9}  {data_set.pixels:>6}  "
            f"{data_set.licence}  {data_set.about}"
        )
    print(
        "\nOn disk a set needs its download and its arrays. The arrays shrink with the square of "
        f"--size:\n107,180 patches at 32 pixels take "
        f"{readable(download.SETS['kather19'].array_bytes(32))}."
    )
    return 0


def download_size(data_set: download.DataSet) -> str:
    known = all(file.size for file in data_set.files)
    total = sum(file.size or file.at_most or 0 for file in data_set.files)
    return f"{'' if known else 'at most '}{readable(total)}"


def get_set(options: argparse.Namespace) -> int:
    data_set = download.find(options.name)
    folder = download.home(options.to)
    reserve = 0 if options.files_only else official.missing_bytes(data_set, options.size, folder)
    for path in download.get(options.name, folder, options.mirror, reserve=reserve):
        print(f"{path} is whole")
    if options.files_only:
        return 0
    for split in ("train", "test"):
        ready = official.prepare_official(
            data_set, split, options.size, folder, skip_corrupt=options.skip_corrupt
        )
        height, width = ready.shape
        print(f"{ready.where}: {len(ready.labels):,} patches of {height}x{width}, {split}")
        for text in ready.left_out:
            print(f"  left out: {text}")
    return 0


def verify_set(options: argparse.Namespace) -> int:
    found = download.verify(options.name, options.to)
    for name, state in found.items():
        print(f"{name}: {state}")
    return 0 if all(state == "whole" for state in found.values()) else 1


def show_where(options: argparse.Namespace) -> int:
    folder = download.home(options.to)
    print(folder)
    for path in sorted(folder.glob("*")):
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".verified":
            print(f"  {path.name}  {readable(path.stat().st_size)}")
    for path in sorted((folder / "prepared").glob("*")):
        ready = prepared.open_prepared(path, verify=False)
        state = f"{len(ready.labels):,} patches" if ready else "begun, not finished"
        print(f"  prepared/{path.name}  {state}")
    return 0


def remake_ebhi(options: argparse.Namespace) -> int:
    for text in ebhi.remake(options.original, options.out):
        print(f"left out: {text}")
    found = ebhi.measure(options.out)
    print(f"{options.out}: {found.counts}, {found.patients} patients")
    print(f"SHA-256 of the pixels: {found.pixels}")
    differ = list(ebhi.differences(found))
    for text in differ:
        print(f"not the set of the stored studies: {text}")
    if not differ:
        print("the very set of the stored studies, to the last pixel")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
