"""activecl_nb: contrastive learning that chooses its own training images.

The files of this package are read in the order in which data flows; each may import
those above it in this list and none below:

    files, seeds        written whole or not at all; every random draw has a name
    threads             results made before they are needed
    profiles            how large a run is, and on which device
    phantom             draws tissue (its shapes are in phantom_structures)
    download, archive   fetch the real sets; read them, memory-mapped
    tissue, imbalance   patches with labels; the pool, the labelled set, the test set
    augment, simclr     two views of a batch (augment_cpu: the same, compiled); the encoder and
                        its contrastive training (distributed: on several processes; loader: how
                        the bytes reach the device)
    proxy, sampling     the linear proxy; the strategies that pick the next images (kcenter:
                        one of them for very many candidates; diverse: clusters and k-means++)
    experiment          Algorithm 2 of the paper, and its benchmark
    analysis, figures   what the runs say, and how it is drawn
    study               many runs side by side, so that an answer has a spread
    claims, report      what the paper claims, measured and judged by one rule; the page of it
    live                pictures that follow their sliders
    maps, explorer      the UMAP map and the interactive explorer
    lesson, shelf       what a section of a lesson starts from; stored runs
    machine, checks     is it ready for the lessons; what stands behind the exercises

Importing the package itself is cheap: torch and the other heavy libraries load with the
module that uses them.
"""

import os

__version__ = "0.2.0"

# Two OpenMP threads that spin while they wait fight over a small machine's two cores with
# everything else that runs there, and two that do not spin are hardly faster than one (see
# benchmarks/README.md). This has to be said before torch starts its threads; what the user has
# set stays.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
if (os.cpu_count() or 1) <= 2:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
