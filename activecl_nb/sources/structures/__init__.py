"""The strokes that the phantom is painted with, compiled by numba.

A painter lays amounts of two stains, haematoxylin (H, blue-violet, nuclei) and eosin (E, pink,
everything else), on a square of glass 112 micrometres wide. ``render`` then lets white light
through: by the law of Beer and Lambert a pixel's colour is ``white * exp(-(H*h + E*e))``.

Every place and length is in micrometres and comes from the patch's own random numbers, drawn
in an order that does not depend on the size asked for. Only at the very end does a stroke meet
pixels, with a soft edge one pixel wide. So the same patch shows the same tissue at any size.
The strokes also note where tumour lies and how many nuclei can be seen.

chance makes the numbers; canvas holds the strokes; cells, fibres and glands are made of them;
painters compose the nine tissues; scanner turns stain into colour; render does all of it.

This needs numba and takes a while to compile once; ``phantom`` imports ``render`` when it draws.
"""
