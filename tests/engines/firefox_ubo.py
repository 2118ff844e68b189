"""Firefox with uBlock Origin in it, driven by Marionette; every page comes from a proxy of ours, so no network is used.

Marionette is Firefox's own remote protocol: `LENGTH:JSON` each way, `[0, number, command, parameters]` asked and
`[1, number, error, result]` answered (firefox-source-docs, "Marionette: Protocol").
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from tests.engines.probe import QUIET, Answer, Site, read

T = TypeVar("T")

UBO = "uBlock0@raymondhill.net"
PATIENCE = 90.0  # seconds, for anything to come about

PREFERENCES: dict[str, object] = {
    "marionette.port": 0,  # any; Firefox writes which into its profile
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.no_proxies_on": "",
    "browser.startup.page": 0,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "app.normandy.enabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "",
    # nothing but uBlock Origin may hold a request back, or send it elsewhere
    "browser.contentblocking.category": "custom",
    "privacy.trackingprotection.enabled": False,
    "privacy.trackingprotection.pbmode.enabled": False,
    "network.cookie.cookieBehavior": 0,
    "network.prefetch-next": False,
    "network.dns.disablePrefetch": True,
    "dom.security.https_first": False,
    "network.stricttransportsecurity.preloadlist": False,  # the proxy speaks plain http
    "dom.security.https_only_mode": False,
}

# Say whether a script came: `error` is both a block and a failure, which the proxy's hits tell apart.
ADD_SCRIPT = """
const [url, done] = arguments;
const script = document.createElement('script');
script.onload = () => done('load');
script.onerror = () => done('error');
script.src = url;
document.head.append(script);
"""

ASK = """
const [question, done] = arguments;
if (typeof vAPI === 'undefined') { done(null); } else {
  const late = setTimeout(() => done(null), 5000);
  vAPI.messaging.send('dashboard', question).then(answer => { clearTimeout(late); done(answer ?? null); });
}
"""


class Web:
    """A proxy that answers for every host: what `answers` or `pages` have, else something empty.

    `hits` are the URLs asked, `at` is when the last one was (monotonic clock, seconds).
    """

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}  # address -> HTML
        self.answers: dict[str, Answer] = {}
        self.hits: list[str] = []
        self.at = 0.0
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.at = time.monotonic()
                web.hits.append(self.path)
                status, headers, body = web.answers.get(self.path) or self._page()
                self.send_response(status)
                for name, value in (headers | {"Content-Length": str(len(body))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def _page(self) -> Answer:
                is_script = self.path.endswith(".js")
                body = web.pages.get(self.path, "" if is_script else "<!doctype html><title>empty</title>").encode()
                kind = "text/javascript" if is_script else "text/html; charset=utf-8"
                return 200, {"Content-Type": kind, "Cache-Control": "no-store"}, body

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def settle(self, quiet: float) -> None:
        """Wait until no request has come for so many seconds."""
        self.at = max(self.at, time.monotonic())
        while (left := self.at + quiet - time.monotonic()) > 0:
            time.sleep(left)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class RefusedError(RuntimeError):
    """Firefox says no to a command."""


class Marionette:
    """One connection; a command at a time."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._file = self._socket.makefile("rb")
        self._number = 0
        self._read()  # its greeting
        self("WebDriver:NewSession", unhandledPromptBehavior="ignore")
        self("WebDriver:SetTimeouts", script=60_000, pageLoad=60_000)

    def __call__(self, command: str, **parameters: object) -> Any:
        """Return a command's result. Raises RefusedError."""
        self._number += 1
        sent = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(sent), sent))
        _, _, error, result = self._read()
        if error:
            raise RefusedError(f"{command}: {error['error']}: {error['message']}")
        return result["value"] if isinstance(result, dict) and set(result) == {"value"} else result

    def _read(self) -> Any:
        length = b""
        while (char := self._file.read(1)) != b":":
            if not char:
                raise ConnectionError("Firefox has closed the connection")
            length += char
        return json.loads(self._file.read(int(length)))

    def close(self) -> None:
        with contextlib.suppress(OSError, RefusedError):
            self("Marionette:Quit", flags=["eForceQuit"])
        self._file.close()
        self._socket.close()


class FirefoxUbo:
    """A fresh Firefox with uBlock Origin as Debian packages it. `managed` is what uBO finds in its managed storage."""

    def __init__(self, managed: dict[str, Any] | None = None) -> None:
        self.web = Web()
        self._folder = Path(tempfile.mkdtemp(prefix="firefox-"))
        profile = self._folder / "profile"
        profile.mkdir()
        preferences = PREFERENCES | {"network.proxy.http_port": self.web.port}
        (profile / "user.js").write_text(
            "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items())
        )
        if managed is not None:
            folder = self._folder / ".mozilla" / "managed-storage"
            folder.mkdir(parents=True)
            manifest = {"name": UBO, "description": "settings", "type": "storage", "data": managed}
            (folder / f"{UBO}.json").write_text(json.dumps(manifest))
        environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
        environment |= {"HOME": str(self._folder), "MOZ_CRASHREPORTER_DISABLE": "1", "MOZ_DISABLE_CONTENT_SANDBOX": "1"}
        words = ["firefox-esr", "--headless", "--no-remote", "--marionette", "--remote-allow-system-access"]
        self._process = subprocess.Popen(
            [*words, "--profile", str(profile), "about:blank"],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._marionette: Marionette | None = None
        try:
            port = wait("Firefox", lambda: _number(profile / "MarionetteActivePort"))
            self._marionette = Marionette(port)
            (extension,) = Path("/usr/share/mozilla/extensions").glob(f"*/{UBO}")
            self.ask("Addon:Install", path=str(extension.resolve()), temporary=True)
            self._page = self._ready()
        except BaseException:
            self.close()
            raise

    @property
    def ask(self) -> Marionette:
        """Return what takes Marionette's commands."""
        assert self._marionette is not None, "closed"
        return self._marionette

    def js(self, script: str, *arguments: object) -> Any:
        """Return what a script returns on the page."""
        return self.ask("WebDriver:ExecuteScript", script=script, args=arguments)

    def load(self, url: str, html: str) -> None:
        """Open a page that the proxy then has."""
        self.web.pages[url] = html
        self.ask("WebDriver:Navigate", url=url)

    def probe(self, site: Site, quiet: float = QUIET, keep: Sequence[str] = ()) -> set[str]:
        """Return the ways in which scripts ran and pages worked on a site. All tabs but this and `keep` are closed."""
        self.web.answers |= site.pages()
        start = len(self.web.hits)
        tab = self.ask("WebDriver:GetWindowHandle")
        for step in site.steps():
            self.ask("WebDriver:Navigate", url=step.url)
            for selector in step.clicks:
                found = self.ask("WebDriver:FindElement", using="css selector", value=selector)
                self.ask("WebDriver:ElementClick", id=next(iter(found.values())))
            self.web.settle(quiet)
            for other in self.ask("WebDriver:GetWindowHandles"):
                if other not in (tab, *keep):
                    self.ask("WebDriver:SwitchToWindow", handle=other)
                    self.ask("WebDriver:CloseWindow")
            self.ask("WebDriver:SwitchToWindow", handle=tab)
        return read(self.web.hits[start:], site.host)

    def blocks_script(self, page: str, url: str) -> bool:
        """Whether a script that a page asks for is never fetched."""
        self.load(page, "<!doctype html><title>page</title>")
        before = len(self.web.hits)
        self.ask("WebDriver:ExecuteAsyncScript", script=ADD_SCRIPT, args=[url])
        return url not in self.web.hits[before:]

    def settings(self) -> dict[str, Any]:
        """Return what uBlock Origin would write into a backup."""
        self.ask("WebDriver:Navigate", url=self._page)
        found: dict[str, Any] = self._question("backupUserData")["userData"]
        return found

    def restore(self, file: Path) -> None:
        """Choose a file by "Restore from file" and confirm: uBlock Origin takes it and starts anew.

        That closes its own pages, so they are in a second tab: Firefox ends with its last one.
        """
        self.ask("WebDriver:Navigate", url="about:blank")
        first = self.ask("WebDriver:GetWindowHandle")
        second = self.ask("WebDriver:NewWindow", type="tab", focus=True)["handle"]
        self.ask("WebDriver:SwitchToWindow", handle=second)
        self.ask("WebDriver:Navigate", url=self._page)
        wait("the settings", lambda: self._question("getLists"))
        before = self._policy("instanceId")
        found = self.ask("WebDriver:FindElement", using="css selector", value="#restoreFilePicker")
        self.ask("WebDriver:ElementSendKeys", id=next(iter(found.values())), text=str(file))
        wait("the dialog", lambda: self.ask("WebDriver:GetAlertText"))
        self.ask("WebDriver:AcceptAlert")
        self.ask("WebDriver:SwitchToWindow", handle=first)
        wait("uBlock Origin to start anew", lambda: self._policy("instanceId") not in (None, before))
        self._page = self._ready()

    def close(self) -> None:
        """End Firefox and remove what it wrote."""
        if self._marionette is not None:
            self._marionette.close()
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.web.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ready(self) -> str:
        """Wait until uBlock Origin has loaded its lists; return the address of its settings."""
        host = wait("uBlock Origin", lambda: self._policy("mozExtensionHostname"))
        page = f"moz-extension://{host}/settings.html"

        def answers() -> bool:
            self.ask("WebDriver:Navigate", url=page)
            return bool(self._question("getLists"))

        wait("its lists", answers)
        return page

    def _question(self, what: str) -> Any:
        return self.ask(
            "WebDriver:ExecuteAsyncScript", script=ASK, args=[{"what": what}], newSandbox=False, sandbox=None
        )

    def _policy(self, of: str) -> str | None:
        """Return a property of the running extension, None while it does not run."""
        script = f"const it = WebExtensionPolicy.getByID('{UBO}'); return it && it.active ? String(it.{of}) : null"
        self.ask("Marionette:SetContext", value="chrome")
        try:
            found: str | None = self.js(script)
            return found
        finally:
            self.ask("Marionette:SetContext", value="content")


def wait(what: str, look: Callable[[], T | None]) -> T:
    """Look until there is something, and return it; Firefox may refuse to answer meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(RefusedError):
            if found := look():
                return found
        time.sleep(0.1)
    raise TimeoutError(f"waited in vain for {what}")


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
