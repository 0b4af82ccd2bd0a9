"""Images that are there twice: the same pixels, or the same picture saved again.

The same picture: re-saved, resized, a little brighter, turned by right angles or mirrored. Shifted
or overlapping cuts are not found. Candidates are pairs whose mean colours and contrasts agree,
which no turn changes, so that 100,000 images need no 5 billion comparisons.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from activecl_nb import proxy

SIDE = 16  # the small copies that are compared
COLOURS_APART = 6.0  # grey levels of the six colour moments together, the most of one picture
ALIKE = 0.97  # correlation of the small copies, the least of one picture
PLAIN = 3.0  # a deviation below so many grey levels: too plain to be recognised


def exact(digests: Sequence[str]) -> list[list[int]]:
    """Groups of positions whose decoded pixels have the same digest."""
    groups = defaultdict(list)
    for position, digest in enumerate(digests):
        groups[digest].append(position)
    return [group for group in groups.values() if len(group) > 1]


def near(small: np.ndarray, digests: Sequence[str]) -> list[list[int]]:
    """Groups of positions of the same picture, but for those whose pixels are all the same.

    small: uint8 (N, 3, SIDE, SIDE), each image shrunk.
    """
    import torch
    from scipy.spatial import cKDTree

    moments = proxy.colour_moments(torch.from_numpy(small)).numpy()
    grey = small.mean(axis=1)
    telling = np.flatnonzero(grey.reshape(len(grey), -1).std(axis=1) >= PLAIN)
    # One of each exact group stands for all of it; plain patches resemble each other by nature.
    _, first = np.unique(np.asarray(digests)[telling], return_index=True)
    telling = telling[np.sort(first)]
    if len(telling) < 2:
        return []
    pairs = cKDTree(moments[telling]).query_pairs(COLOURS_APART, output_type="ndarray")
    a, b = telling[pairs[:, 0]], telling[pairs[:, 1]]
    same = _alike(grey, a, b)
    return grouped(zip(a[same].tolist(), b[same].tolist(), strict=True), len(small))


def _alike(grey: np.ndarray, a: np.ndarray, b: np.ndarray, block: int = 4096) -> np.ndarray:
    """bool (n,): whether the images at a[i] and b[i] correlate in one of eight orientations."""
    whole = grey.reshape(len(grey), -1)
    centred = whole - whole.mean(axis=1, keepdims=True)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    squares = centred.reshape(grey.shape)
    alike = np.zeros(len(a), dtype=bool)
    for start in range(0, len(a), block):
        rows = slice(start, start + block)
        left, right = centred[a[rows]], squares[b[rows]]
        for turn in range(4):
            turned = np.rot90(right, turn, axes=(1, 2))
            for view in (turned, turned[:, :, ::-1]):
                alike[rows] |= (left * view.reshape(len(left), -1)).sum(axis=1) >= ALIKE
    return alike


def grouped(pairs: Iterable[tuple[int, int]], count: int) -> list[list[int]]:
    """Pairs of ``count`` positions as groups that hang together, each sorted."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, component = connected_components(links, directed=False)
    groups = defaultdict(list)
    for position in np.unique(pairs).tolist():
        groups[int(component[position])].append(position)
    return list(groups.values())
