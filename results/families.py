"""Families of views, each trained short and longer, for lesson 02; drawn tissue.

    python results/families.py

trains the laptop profile's encoder on the views of each family, and on the whole T, with 8 seeds
at two lengths, and judges them beside an untrained one, in seven minutes of one core of an AMD
EPYC. Writes families.csv beside this file.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from tqdm import tqdm

from activecl_nb import augment, files, imbalance, profiles
from activecl_nb.lessons import families, start

SEEDS = range(8)
CREDIT = """\
# Numbers computed by results/families.py on the phantom (drawn tissue), in the sizes of the
# profile laptop: 8 seeds of each family and length, each with patches, labels and first weights
# of its own.
"""


def main() -> None:
    profile = profiles.PROFILES["laptop"]
    data = imbalance.load("phantom", profile)
    kinds = {**families.FAMILIES, families.WHOLE: augment.Family()}
    lengths = families.short(profile), start.epochs(profile)
    tables = []
    with tqdm(total=len(SEEDS) * (1 + 2 * len(kinds)), desc="encoders") as bar:
        run = {"of_seeds": SEEDS, "on_encoder": bar.update}
        tables.append(families.compare({"untrained": None}, profile, data, epochs=0, **run))
        tables += [families.compare(kinds, profile, data, epochs=n, **run) for n in lengths]
    table = pd.concat(tables).round(4)
    file = Path(__file__).with_suffix(".csv")
    files.write(file, CREDIT + table.to_csv(index=False, lineterminator="\n"))
    print(table.groupby(["epochs", "family"], sort=False).mean().round(2).to_string())


if __name__ == "__main__":
    main()
