"""A web server on 127.0.0.1 that can be told how to fail."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# What the server can do with a request; anything else is answered as it should be.
FAULTS = {
    "404": "answers 404",
    "500": "answers 500",
    "truncate": "announces everything, closes after half of it",
    "wrong": "sends other bytes of the right length",
    "stall": "sends half, then nothing, and keeps the connection open",
    "no-range": "ignores Range and sends all of it",
    "no-range truncate": "ignores Range and sends three quarters of all of it",
    "416": "says that nothing follows",
}


class MisbehavingServer(ThreadingHTTPServer):
    """``files``: what it serves, by name. ``faults``: one for each request to come, in order.

    ``ranges``: the Range header of each request so far, None for none. ``go_on``: set it, and
    the connections that stall end.
    """

    daemon_threads = True

    def __init__(self, files: dict[str, bytes], faults: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.faults = files, list(faults)
        self.ranges: list[str | None] = []
        self.go_on = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: MisbehavingServer

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        fault = self.server.faults.pop(0) if self.server.faults else ""
        content = self.server.files.get(self.path.strip("/"))
        if fault in ("404", "500") or content is None:
            return self.send_error(int(fault or 404))
        if fault == "416":
            return self.send_error(416)
        if fault == "wrong":
            content = bytes(len(content))
        first = int(asked.split("=")[1].rstrip("-")) if asked and "no-range" not in fault else 0
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        body = content[first:]
        if "truncate" in fault:
            body = body[: len(body) * 3 // 4 if "no-range" in fault else len(body) // 2]
        if fault == "stall":
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.server.go_on.wait()
            return None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # who asked was killed
            self.wfile.write(body)
        return None

    def log_message(self, *arguments: object) -> None:
        pass


@contextlib.contextmanager
def serving(files: dict[str, bytes], *faults: str) -> Iterator[MisbehavingServer]:
    """Start the server; it stops when the block ends."""
    unknown = set(faults) - set(FAULTS) - {""}
    if unknown:
        raise ValueError(f"unknown faults {unknown}")
    server = MisbehavingServer(files, list(faults))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()
