"""Work by arithmetic: what a protocol costs before anything is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from activecl_nb.profiles import Profile


def work(protocol: Profile, rounds: int | None = None) -> pd.DataFrame:
    """Image-epochs by arithmetic: how many image passes the loop and the benchmark cost.

    Round t trains on t x budget images for ``epochs`` epochs, so the cost of T rounds grows with
    T squared; the benchmark's is the whole pool times its epochs. Columns: what, images,
    image_epochs, share_of_benchmark.
    """
    pool = protocol.train_images - protocol.labelled
    whole = pool * protocol.benchmark_epochs
    rows = [
        (f"{t} rounds", t * protocol.budget, protocol.epochs * protocol.budget * t * (t + 1) // 2)
        for t in range(1, (rounds or protocol.rounds) + 1)
    ]
    rows.append(("benchmark", pool, whole))
    frame = pd.DataFrame(rows, columns=["what", "images", "image_epochs"])
    frame["share_of_benchmark"] = frame["image_epochs"] / whole
    return frame
