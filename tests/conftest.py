"""What all tests share: a cache of their own, few threads, and a tiny data set."""

from __future__ import annotations

import importlib
import os
import platform
from pathlib import Path

import numpy as np
import pytest

# Tests run side by side; threads of each on top of that would only get in one another's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Where a test compares to the last bit; those that need a GPU ask for it themselves.
os.environ.setdefault("ACTIVECL_DEVICE", "cpu")

# Nothing that the tests start, a notebook's kernel or a command, reaches the network.
OFFLINE = str(Path(__file__).with_name("offline"))
inherited = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
if OFFLINE not in inherited:
    os.environ["PYTHONPATH"] = os.pathsep.join([OFFLINE, *inherited])


# What tells the libraries which instructions they may use, for a run as on another processor.
CHOSEN_BY = (
    "ATEN_CPU_CAPABILITY",
    "DNNL_MAX_CPU_ISA",
    "MKL_ENABLE_INSTRUCTIONS",
    "NPY_DISABLE_CPU_FEATURES",
    "NUMBA_CPU_NAME",
    "OPENBLAS_CORETYPE",
)
WIDE = ("SSE", "AVX", "FMA", "NEON", "ASIMD", "SVE", "VSX", "RVV")  # of NumPy's features


def pytest_report_header() -> list[str]:
    """The processor, and what each library makes of it: rounding differs with both."""
    import numba.core.registry
    import torch
    from threadpoolctl import threadpool_info

    core = "numpy._core" if hasattr(np, "_core") else "numpy.core"  # before NumPy 2
    found = importlib.import_module(f"{core}._multiarray_umath").__cpu_features__
    wide = [name for name, there in found.items() if there and name.startswith(WIDE)]
    _, target, features = numba.core.registry.cpu_target.target_context.codegen().magic_tuple()
    blas = {one["architecture"] for one in threadpool_info() if "architecture" in one}
    chosen = [f"{name}={os.environ[name]}" for name in CHOSEN_BY if name in os.environ]
    return [
        f"processor: {processor()}, {os.cpu_count()} cores",
        f"torch {torch.__version__}: {torch.backends.cpu.get_cpu_capability()}",
        f"numpy {np.__version__}: {' '.join(wide) or 'the least'}",
        f"numba {numba.__version__}: {target}, {features.count('+')} features",
        f"BLAS: {' '.join(sorted(blas)) or 'not known'}",
        f"chosen by: {' '.join(chosen) or 'nobody'}",
    ]


def processor() -> str:
    """The processor's name as its maker writes it, where the system tells."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """nbval gives a kernel a minute to start and a cell five seconds to tell what it showed.

    A busy machine may need more, and what hangs is ended by the limit of all tests.
    """
    config.option.nbval_kernel_startup_timeout = 600.0
    for item in items:
        if hasattr(item, "output_timeout"):
            item.output_timeout = 600


@pytest.fixture(scope="session")
def tiny_data():
    """90 training and 45 test patches of 16 pixels in three classes, TUM striped."""
    import torch

    from activecl_nb.imbalance import Data
    from activecl_nb.tissue import Tissue

    def draw(n: int, seed: int) -> Tissue:
        random = np.random.default_rng(seed)
        labels = np.arange(n) % 3
        images = random.integers(60, 200, (n, 3, 16, 16))
        images[labels == 2, :, ::2] //= 3
        return Tissue(
            torch.from_numpy(images.astype(np.uint8)),
            torch.from_numpy(labels),
            ("NORM", "STR", "TUM"),
            f"test patches {seed}",
        )

    return Data(draw(90, 1), draw(45, 2))


@pytest.fixture(scope="session")
def tiny_protocol():
    """Three rounds of eight images with a four-channel encoder: a run takes about a second."""
    from activecl_nb.protocol import Protocol

    return Protocol.of(
        "tiny",
        image_size=16,
        labelled=30,
        width=4,
        rounds=3,
        budget=8,
        candidates=20,
        epochs=2,
        batch_size=8,
        benchmark_epochs=4,
        benchmark_every=2,
    )
