"""Work by arithmetic: what a protocol costs before anything is run."""

from __future__ import annotations

import itertools

import pandas as pd

from activecl_nb.profiles import Profile
from activecl_nb.protocol import BENCHMARK, Protocol, image_epochs


def work(protocol: Profile, rounds: int | None = None) -> pd.DataFrame:
    """Image-epochs by arithmetic: how many image passes the loop and the benchmark cost.

    Round t trains on t x budget images for ``epochs`` epochs, so the cost of T rounds grows with
    T squared; the benchmark's is the whole pool times its epochs. These are the paper's own sums:
    ``image_epochs`` without the batch that training drops. Columns: what, images, image_epochs,
    share_of_benchmark.
    """
    chosen = Protocol.of(protocol)
    each = image_epochs(chosen, "random", rounds=rounds, drop_last=False)
    whole = sum(image_epochs(chosen, BENCHMARK, drop_last=False))
    rows = [
        (f"{t} round{'s' * (t > 1)}", t * protocol.budget, passed)
        for t, passed in enumerate(itertools.accumulate(each), 1)
    ]
    rows.append(("benchmark", protocol.train_images - protocol.labelled, whole))
    frame = pd.DataFrame(rows, columns=["what", "images", "image_epochs"])
    frame["share_of_benchmark"] = frame["image_epochs"] / whole
    return frame
