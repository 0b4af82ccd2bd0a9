"""For patches of one's own: what is there, which sizes fit, which files to label next.

curation.look("my_patches/patches.csv")
protocol = curation.sizes.fit(data, minutes=20).protocol
data = curation.encoders.attach(data, "efficientnet-lite0")
curation.pick("my_patches", budget=200, labelled="labelled.csv").write("picks.csv")
"""

from activecl_nb.curation import encoders, sizes
from activecl_nb.curation.look import Look, look
from activecl_nb.curation.page import write as write_page
from activecl_nb.curation.pick import Picks, pick

__all__ = ["Look", "Picks", "encoders", "look", "pick", "sizes", "write_page"]
