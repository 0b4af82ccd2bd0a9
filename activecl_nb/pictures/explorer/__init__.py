"""The interactive explorer: see which patches each strategy picks.

``ViewModel`` knows everything that can be asked and nothing of widgets; it is plain NumPy. What
is shown of it comes in three forms, which therefore never disagree: the live widget in a
notebook (the modules in js/, on one canvas per panel), one standalone page, and a static figure.

Rounds and what a strategy saw. The pick of round t was made from the proxy of round t - 1 and
from the set chosen up to then, so that is what the map is coloured by ("before the pick");
"after the round" shows the proxy that was trained on that pick. Round 0 is the random first
subset: before it there is no proxy and nothing chosen.

Distances and neighbours are measured in the feature space of the fixed map, the same for every
strategy and round. The strategies themselves measured in the features of their own encoder.
"""

from activecl_nb.pictures.explorer.belonging import named
from activecl_nb.pictures.explorer.colours import SHAPES
from activecl_nb.pictures.explorer.model import ViewModel
from activecl_nb.pictures.explorer.picks import Summary
from activecl_nb.pictures.explorer.still import draw
from activecl_nb.pictures.explorer.widget import Explorer
from activecl_nb.pictures.explorer.words import describe
