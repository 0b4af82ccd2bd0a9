"""A run: what each round did, and the folder that holds it.

    run.json              protocol, strategy, seed, what tells the data; recipe, environment
    split.npz             positions of the pool, of S_L, and of the images that are watched
    floors.json           what the probe reaches without training
    rounds.csv            a line a round
    round-00.npz ...      picks, candidates, losses and logits of a round
    weights-05.safetensors    encoder, head, proxy (and optimiser) after the last round
    manifest.json         checksums of all these; written last, it makes a round true

Finished rounds are never lost, and a run that was killed goes on from the last of them as if
nothing had happened, since every random draw has a name of its own (see ``seeds``). One process
writes a run at a time, and what is damaged is never used (see ``files``).
"""

from activecl_nb.runs.folder import (
    drop_weights,
    load,
    save_floors,
    save_round,
    stored,
    writing,
)
from activecl_nb.runs.identity import (
    RESULTS_VERSION,
    described,
    environment,
    fingerprint,
    identity,
    load_data,
    same_tissue,
)
from activecl_nb.runs.lock import Busy, locked
from activecl_nb.runs.record import ARRAYS, Round, Run, fresh, part
