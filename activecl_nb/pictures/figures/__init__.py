"""Every static figure of the kit, a file a subject, each figure with its alt text.

A function draws one figure and returns a ``Picture``: the drawing and, in words, what there is to
see in it. The words are computed from the same numbers as the drawing.
"""

from activecl_nb.pictures.figures.base import (
    CLASS_COLOURS,
    CLASS_MARKERS,
    STRATEGY_STYLES,
    Picture,
    canvas,
    style,
)
from activecl_nb.pictures.figures.curves import by_setting, learning_curve, work_by_round
from activecl_nb.pictures.figures.evidence import Gain, gains
from activecl_nb.pictures.figures.picks import (
    composition,
    kcenter_step,
    logit_histogram,
    picks_2d,
    strategy_shares,
    uncertainty_curves,
)
from activecl_nb.pictures.figures.tasks import masks, predicted
from activecl_nb.pictures.figures.tissue import (
    as_pixels,
    class_counts,
    dial,
    gallery,
    image_grid,
    side_by_side,
)
from activecl_nb.pictures.figures.training import (
    embedding,
    heat,
    label_curve,
    loss_curve,
    partners,
    probabilities,
    reliability,
    reliability_bins,
    score_bars,
    thresholds,
)
