"""For patches of one's own: what is there, which sizes fit, which files to label next.

    curation.look("patches.csv")
    protocol = curation.sizes.fit(data, minutes=20).protocol
    data = curation.encoders.attach(data, "efficientnet-lite0")
    curation.pick("patches/", budget=200, labelled="labelled.csv").write("picks.csv")

These load when they are first used, so that the command line need not wait for torch.
"""

import importlib
from typing import Any

HOMES = {
    "Look": "looking",
    "look": "looking",
    "write_page": "page",
    "Picks": "picking",
    "pick": "picking",
}
__all__ = ["Look", "Picks", "encoders", "look", "pick", "sizes", "write_page"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"{__name__} has no {name!r}; it has {', '.join(__all__)}")
    module = importlib.import_module(f"{__name__}.{HOMES.get(name, name)}")
    return getattr(module, name) if name in HOMES else module
