"""A real browser for the explorer, and a JupyterLab to open it in."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 600_000  # milliseconds until something counts as never to come, on a busy machine too
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def _missing(what: str) -> None:
    """Skip with a reason; fail where the surroundings promise a browser."""
    if os.environ.get("ACTIVECL_REQUIRE_BROWSER") == "1":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Headless Chromium, the one that is installed on this machine."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("Playwright is not installed: pip install playwright")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        _missing(f"no browser found; looked for {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield chromium
        chromium.close()


@dataclass
class Watch:
    """What went wrong on a page, and which addresses it asked for."""

    errors: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def clean(self) -> None:
        assert not self.errors, "\n".join(self.errors)

    @property
    def foreign(self) -> list[str]:
        home = ("file:", "data:", "blob:", "http://127.0.0.1:", "ws://127.0.0.1:")
        return [address for address in self.addresses if not address.startswith(home)]


def watched_page(browser, width: int = 1400, height: int = 1000, scheme: str = "light"):
    """A page of its own and what is noted about it: (page, watch)."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page, watch = context.new_page(), Watch()
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: watch.errors.append(f"error: {error}"))
    page.on(
        "console",
        lambda line: watch.errors.append(line.text) if line.type == "error" else None,
    )
    page.on("request", lambda request: watch.addresses.append(request.url))
    page.on("websocket", lambda socket: watch.addresses.append(socket.url))
    return page, watch


@pytest.fixture
def open_page(browser) -> Iterator[object]:
    """open_page(address, ...) -> (page, watch); errors on the page fail the test at its end."""
    opened = []

    def open_one(address: str, **how):
        page, watch = watched_page(browser, **how)
        opened.append((page, watch))
        page.goto(address)
        return page, watch

    yield open_one
    for page, _ in opened:
        page.context.close()
    for _, watch in opened:
        watch.clean()


def choose(page, menu: str, *entries: str) -> None:
    """An entry of one of JupyterLab's menus, or of a menu within it."""

    def named(kind: str, name: str) -> object:
        return page.locator(kind).filter(has_text=re.compile(f"^{re.escape(name)}$")).first

    named(".lm-MenuBar-itemLabel", menu).click()
    for entry in entries[:-1]:
        named(".lm-Menu-itemLabel", entry).hover()
    named(".lm-Menu-itemLabel", entries[-1]).click()


def run_all(page) -> None:
    """Run > Run All Cells, as soon as the notebook that is open has its kernel."""
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    idle(page)
    choose(page, "Run", "Run All Cells")


def idle(page) -> None:
    """Wait until there is a kernel and it has nothing to do; the status bar says so."""
    page.get_by_text(re.compile(r"Python 3.* \| Idle")).first.wait_for()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS


@dataclass
class Lab:
    """A running JupyterLab."""

    address: str
    token: str
    folder: Path

    def open(self, notebook: str) -> str:
        return f"{self.address}/doc/tree/{notebook}?token={self.token}"


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as started:
        yield started


@contextlib.contextmanager
def running_lab(home: Path) -> Iterator[Lab]:
    """JupyterLab on this machine alone, with settings and folders of its own in ``home``."""
    folder = home / "notebooks"
    folder.mkdir()
    overrides = home / "settings"
    overrides.mkdir()
    (overrides / "overrides.json").write_text(
        json.dumps(
            {
                "@jupyterlab/apputils-extension:notification": {
                    "fetchNews": "false",
                    "checkForUpdates": False,
                },
                # All cells in the page, not only those in view.
                "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
            }
        )
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = os.urandom(8).hex()
    environment = {name: value for name, value in os.environ.items() if name != "ACTIVECL_STATIC"}
    environment |= {
        "ACTIVECL_PROFILE": "tiny",
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "browser")]),
    }
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.app_settings_dir={overrides}",
        "--LabApp.extension_manager=readonly",
    ]
    with open(home / "log.txt", "w") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=folder
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(server, f"{address}/api/status?token={token}", home / "log.txt")
        yield Lab(address, token, folder)
    finally:
        server.terminate()
        try:
            server.wait(PATIENCE / 1000)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait(server: subprocess.Popen, address: str, log: Path) -> None:
    """Until JupyterLab answers, or has stopped."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE / 1000):
                return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"JupyterLab stopped:\n{log.read_text()[-3000:]}")
