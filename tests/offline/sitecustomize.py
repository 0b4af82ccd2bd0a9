"""Cut this Python off from the network: whoever has this folder on PYTHONPATH reaches nobody.

Python imports ``sitecustomize`` when it starts. ``tests/conftest.py`` puts this folder on the path
of every process that the tests start, kernels of notebooks among them. What is refused is every
connection and every question for an address, except to this machine itself. An audit hook sees
them whichever library asks, and cannot be taken off again.
"""

import ipaddress
import sys

EVENTS = {  # audit event -> which of its arguments says where to
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
}


class NetworkBlocked(PermissionError):
    """Something asked for the network in a test that promises to need none."""


def is_here(where):
    """Whether an address is on this machine: a path, a loopback address, or none at all."""
    if isinstance(where, tuple):
        where = where[0]
    if isinstance(where, bytes):
        where = where.decode("ascii", "replace")
    if where is None or where in ("", "localhost", "0.0.0.0", "::"):
        return True
    if "/" in where or where.startswith("\0"):  # a Unix socket
        return True
    try:
        return ipaddress.ip_address(where.partition("%")[0]).is_loopback
    except ValueError:
        return False


def refuse(event, arguments):
    if event in EVENTS and not is_here(arguments[EVENTS[event]]):
        where = arguments[EVENTS[event]]
        raise NetworkBlocked(f"the tests run without a network; this asked for {where!r}")


sys.addaudithook(refuse)
