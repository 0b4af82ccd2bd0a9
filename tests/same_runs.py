"""Whether two runs came to the same."""

import numpy as np
import torch

from activecl_nb import runs


def assert_same(a, b):
    """Everything that a run decides is equal; only the seconds may differ."""
    assert len(a.rounds) == len(b.rounds)
    for one, other in zip(a.rounds, b.rounds, strict=True):
        for name in runs.ARRAYS:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
        assert one.scores == other.scores
        assert (one.images, one.image_epochs) == (other.images, other.image_epochs)
    assert a.weights.keys() == b.weights.keys()
    for name in a.weights:
        assert torch.equal(a.weights[name], b.weights[name]), name
