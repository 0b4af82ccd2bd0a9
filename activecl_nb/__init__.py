"""activecl_nb: contrastive learning that chooses its own training images.

The files beside this one are the method of the paper and nothing else. Read them in the order in
which data flows; each imports those above it in this list and none below:

    seeds, files        every random draw has a name; files are believed with their checksum
    values              what a value may be: types and bounds, checked at the start
    profiles            how large a run is, and on which device
    protocol            the paper's protocol and its silences; the plan of a run, its work
    tissue              patches with labels, from any source
    imbalance           the class sought, how rare it is; the pool, the labelled set, the test set
    augment             the family T: two random views of a batch
    simclr              the encoder, the projection head, the loss NT-Xent, the training loop
    proxy               the linear proxy f_p, and its scores
    tasks               classification, regression, segmentation: what the proxy learns
    sampling/           the strategies: in paper.py random, entropy and the greedy loop of k-center
    runs/               what each round did (record.py); a run as a folder (folder.py)
    experiment          Algorithm 2 of the paper, and its benchmark
    __main__            the same from a terminal

Behind them stand six wings:

    sources/            where patches come from; image.py decodes one
    fast/               the same results sooner: compiled views, k-center, loader, threads, GPUs
    evidence/           many runs and what they say; claims/rule.py judges the paper's claims
    pictures/           figures, pictures that follow sliders, the UMAP map, the explorer
    curation/           for patches of one's own
    lessons/            what a lesson starts from; checks/ hold the hints, a file a lesson

The method uses sources/ and fast/, which stand below it. evidence/ and curation/ use pictures/,
lessons/ uses everything. Importing the package itself is cheap: torch and the other heavy
libraries load with the module that uses them.
"""

import os

__version__ = "0.3.0"

# Two OpenMP threads that spin while they wait fight over a small machine's two cores with
# everything else that runs there, and two that do not spin are hardly faster than one (see
# benchmarks/README.md). This has to be said before torch starts its threads; what the user has
# set stays.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
if (os.cpu_count() or 1) <= 2:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
