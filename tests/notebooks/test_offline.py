"""The lessons need no network: here it is proved that their kernels have none.

``make test`` runs every notebook with nbval. Kernels inherit the environment of the tests, in
which ``tests/conftest.py`` has blocked the network (see ``tests/offline/sitecustomize.py``). So
if the block works in a kernel, each lesson that passes has passed without a network.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from notebook_tools import NOTEBOOKS

ROOT = NOTEBOOKS.parent
OUTSIDE = "192.0.2.1"  # an address that belongs to nobody (RFC 5737)
WAYS = {
    "by number": f"import socket; socket.create_connection(({OUTSIDE!r}, 80), timeout=5)",
    "by name": "import socket; socket.create_connection(('example.org', 80), timeout=5)",
    "asking for an address": "import socket; socket.getaddrinfo('example.org', 443)",
    "a datagram": f"import socket as s; s.socket(type=s.SOCK_DGRAM).sendto(b'x', ({OUTSIDE!r}, 9))",
    "urllib": "import urllib.request as u; u.urlopen('http://example.org', timeout=5)",
    "requests": "import requests; requests.get('https://example.org', timeout=5)",
}
BLOCKED = "the tests run without a network"


@pytest.fixture(scope="module")
def kernel():
    """A kernel as nbval starts one for a notebook."""
    from nbval.kernel import RunningKernel

    started = RunningKernel("python3", str(NOTEBOOKS))
    yield started
    started.stop()


def said(kernel, code: str) -> str:
    """What running this in the kernel prints or stops with."""
    message = kernel.execute_cell_input(code, allow_stdin=False)
    words = []
    while True:
        one = kernel.get_message("iopub", timeout=600)
        if one["parent_header"].get("msg_id") != message:
            continue
        if one["msg_type"] == "status" and one["content"]["execution_state"] == "idle":
            return "".join(words)
        if one["msg_type"] == "stream":
            words.append(one["content"]["text"])
        if one["msg_type"] == "error":
            words.append("\n".join(one["content"]["traceback"]))


@pytest.mark.parametrize("way", WAYS)
def test_a_kernel_reaches_nobody(kernel, way):
    assert BLOCKED in said(kernel, WAYS[way])


def test_a_kernel_reaches_its_own_machine(kernel):
    code = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(("localhost", server.getsockname()[1]), timeout=5).close()
print("reached")
"""
    assert said(kernel, code) == "reached\n"


def test_the_block_is_what_refuses():
    """Without the block the same line is not stopped by it: another reason, or none."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    code = f"import socket; s = socket.socket(); s.settimeout(0.01); s.connect_ex(({OUTSIDE!r}, 9))"
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert BLOCKED not in ran.stderr
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert BLOCKED in ran.stderr


def test_the_test_command_runs_the_notebooks_among_the_tests():
    """Both in one call: only then do the notebooks' kernels inherit the block."""
    recipe = (ROOT / "Makefile").read_text().partition("\ntest:")[2].partition("\n\n")[0]
    assert re.search(r"pytest tests notebooks\b", recipe) and "--nbval" in recipe
