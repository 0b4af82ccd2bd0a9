"""One's own patches on EBHI-Seg: seconds of look, the leak, and a run with sizes that fit.

    EBHI=folder python benchmarks/bench_curation.py

The folder holds what ``data_download.py ebhi`` makes. Without it nothing is measured.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from activecl_nb import curation, experiment, imbalance, profiles
from activecl_nb.curation import encoders
from activecl_nb.protocol import Protocol

MINUTES = 2.0
LABELLED = 150


def main() -> None:
    folder = os.environ.get("EBHI")
    if not folder:
        print("EBHI names no folder of EBHI-Seg; nothing is measured")
        return
    looked(Path(folder))
    trained(Path(folder))
    frozen(Path(folder))


def looked(folder: Path) -> None:
    since, used = time.perf_counter(), time.process_time()
    found = curation.look(folder, positive="ADC", minutes=MINUTES)
    wall, processor = time.perf_counter() - since, time.process_time() - used
    print(f"look: {wall:.1f} s, of which {processor:.1f} s on the processor")
    print(f"colours, random split: AUROC {found.random:.3f}; by patient: {found.by_patient:.3f}")
    print(f"near duplicates: {len(found.near)} groups, exact: {len(found.exact)}")


def trained(folder: Path) -> None:
    base = profiles.current("laptop")
    everything = Protocol.of(base, train_images=100_000, test_images=100_000)
    data = imbalance.load("table", everything, path=folder / "patches.csv", positive="ADC")
    since = time.perf_counter()
    sizes = curation.sizes.fit(data, minutes=MINUTES, base=base)
    print(sizes)
    with tempfile.TemporaryDirectory() as out:
        run = experiment.run(sizes.protocol, data, "entropy", 0, Path(out) / "run", progress=False)
    wall = time.perf_counter() - since
    last = run.rounds[-1].scores
    print(
        f"run, {MINUTES:g} minutes asked for: {wall:.0f} s; AUROC by patient "
        f"{last['probe_auroc']:.3f}, colours {run.floors['colour_moments']['auroc']:.3f}, "
        f"untrained {run.floors['untrained']['auroc']:.3f}"
    )


def frozen(folder: Path) -> None:
    if not encoders.available():
        print(f"{encoders.LITE} is not installed")
        return
    for size in (64, 128, 224):
        protocol = Protocol.of(
            "laptop",
            image_size=size,
            encoder="frozen",
            rounds=1,
            labelled=LABELLED,
            budget=16,
            batch_size=16,
            train_images=100_000,
            test_images=100_000,
        )
        scores = []
        for fold in range(4):
            data = imbalance.load(
                "table", protocol, path=folder / "patches.csv", positive="ADC", fold=fold
            )
            data = encoders.attach(data, encoders.LITE)
            run = experiment.run(protocol, data, "random", 0, progress=False)
            scores.append(run.rounds[-1].scores["probe_auroc"])
        print(f"{encoders.LITE} at {size}: AUROC {sum(scores) / 4:.3f}, {LABELLED} labels, 4 folds")


if __name__ == "__main__":
    main()
