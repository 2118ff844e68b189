"""The companion extension in real browsers, beside a real web API over a policy file of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import uvicorn

from blockctl.io.api_app import make_app
from blockctl.io.api_desk import Backstage, Desk
from blockctl.io.api_devices import Capabilities, Devices
from blockctl.io.api_pairing import Codes
from blockctl.io.api_view import View
from blockctl.io.clock import now
from blockctl.io.extension import extension
from tests.engines.chromium import Chromium
from tests.engines.firefox_ubo import PREFERENCES, FirefoxUbo, Marionette, Web, _number, wait
from tests.engines.probe import QUIET, Site

PATIENCE = 60.0  # seconds
FIREFOX_ID = "companion@blockctl"
FLAGS = (  # as Chromium has it, but for what would reach out; the API is asked past the proxy
    "--proxy-bypass-list=<-loopback>;127.0.0.1",
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,Translate,OptimizationHints,MediaRouter",
)
STATE = "(globalThis.browser ?? chrome).runtime.sendMessage({{do: 'state', tab: {}}})"


class Api:
    """The web API over a policy file, in a thread; it can go away and come back at the same address."""

    def __init__(self, folder: Path, policy: str) -> None:
        self.policy, self.state = folder / "policy.yaml", folder / "state"
        self.policy.write_text(policy)
        self.state.mkdir()
        self.port = 0
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        sock = socket.create_server(("127.0.0.1", self.port))
        self.port = sock.getsockname()[1]
        ready = threading.Event()

        async def serve() -> None:
            view = View(self.policy, self.state)
            backstage = cast(Backstage, None)  # `why` and lists are not asked for here
            desk = Desk(view, self.state, Devices(self.state), Codes(self.state), Capabilities(self.state), backstage)
            config = uvicorn.Config(make_app(desk), lifespan="off", log_level="critical", timeout_graceful_shutdown=0)
            self._server = uvicorn.Server(config)
            view.start()
            ready.set()
            with contextlib.suppress(asyncio.CancelledError):
                await self._server.serve([sock])
            view.stop()

        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(serve(),), daemon=True)
        self._thread.start()
        assert ready.wait(PATIENCE)

    def stop(self) -> None:
        """Go away, with every connection."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def code(self) -> str:
        return Codes(self.state).make(now())

    def revoke(self) -> None:
        """Forget every device."""
        devices = Devices(self.state)
        assert all(devices.revoke(each.name) for each in devices.all())

    def text(self) -> str:
        return self.policy.read_text()

    def write(self, text: str) -> None:
        """Save the file as an editor does."""
        fresh = self.policy.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.policy)


class Browser(Protocol):
    """A browser with the extension in it: one tab with pages, and one with the popup for that tab."""

    web: Web

    def visit(self, url: str) -> None:
        """Open a page in the tab."""

    def popup(self, script: str) -> Any:
        """Return what a script (a function's body; it may await) returns in the popup."""

    def page(self, expression: str) -> Any:
        """Return what an expression comes to in the page."""

    def probe(self, site: Site) -> set[str]:
        """Return the ways in which scripts ran and pages worked."""

    def tap(self) -> None:
        """Press the first button of the page, by the keyboard."""

    def end(self) -> None:
        """End it."""


def pair(browser: Browser, api: Api) -> None:
    """Pair by the popup's own form, as a person does."""
    type_in = "document.getElementById('{}').value = '{}';"
    browser.popup(
        type_in.format("address", api.address) + type_in.format("code", api.code())
        + "document.querySelector('#pair .main').click()"
    )  # fmt: skip
    until("paired", lambda: not browser.popup("return document.getElementById('site').hidden"))
    until("rules", lambda: state(browser).get("mode"))


def press(browser: Browser, key: str, value: str, how: str) -> None:
    """Press a button of the popup."""
    browser.popup(
        f"document.querySelector('[name=how][value={how}]').click();"
        f"document.querySelector('[data-key={key}] [data-value={value}]').click()"
    )


def state(browser: Browser) -> dict[str, Any]:
    """Return what the popup is told of the tab."""
    return dict(browser.popup(f"return {STATE.format('tab')}"))


def until(what: str, look: Callable[[], Any]) -> Any:
    """Look until there is something, and return it."""
    deadline = time.monotonic() + PATIENCE
    last: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
        except (RuntimeError, ConnectionError) as error:  # a tab that is just being loaded
            last = error
        time.sleep(0.02)
    raise TimeoutError(f"waited in vain for: {what}") from last


def folder_for(browser: str, into: Path) -> Path:
    """Write the folder that `export extension` writes."""
    for name, chunks in extension(browser).files.items():
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        (into / name).write_bytes(b"".join(chunks))
    return into


ABORTED = "net::ERR_ABORTED"


class InChromium(Chromium):
    """Chromium with the extension."""

    def __init__(self) -> None:
        super().__init__(flags=FLAGS)
        self._extension = self._pipe(
            "Extensions.loadUnpacked", path=str(folder_for("chromium", self._folder / "companion"))
        )["id"]  # fmt: skip
        self._asking = self._new_tab()
        self.open(f"chrome-extension://{self._extension}/popup.html", self._asking)
        self._last = ""

    def visit(self, url: str) -> None:
        """Open a page in the tab."""
        error = ABORTED
        while error == ABORTED:  # the extension is loading the page anew, which cuts this off
            error = self.open(url)
        assert not error
        if not self._last:
            find = "chrome.tabs.query({}).then(all => all.find(tab => tab.url?.startsWith('http')).id)"
            self._last = str(self.evaluate(find, extension=True))
        self.open(f"chrome-extension://{self._extension}/popup.html?tab={self._last}", self._asking)
        until(
            "the popup", lambda: self.evaluate("document.querySelector('main:not([hidden])') && true", extension=True)
        )

    def popup(self, script: str) -> Any:
        """Return what a script returns in the popup."""
        return self.evaluate(f"(async tab => {{{script}}})({self._last or 0})", extension=True)

    def page(self, expression: str) -> Any:
        """Return what an expression comes to in the page."""
        return self.evaluate(expression)

    def tap(self) -> None:
        """Press the first button of the page, by the keyboard."""
        self._pipe("Page.bringToFront", self._tab)
        for key, code, text in (("Tab", 9, ""), ("Enter", 13, "\r")):
            for kind in ("keyDown", "keyUp"):
                self._pipe("Input.dispatchKeyEvent", self._tab, type=kind, key=key, code=key, text=text,
                           windowsVirtualKeyCode=code)  # fmt: skip

    def screenshot(self, path: Path, *, dark: bool = False, width: int = 330, height: int = 470) -> None:
        """Draw the popup."""
        import base64

        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._pipe("Emulation.setEmulatedMedia", self._asking, features=scheme)
        self._pipe("Emulation.setDeviceMetricsOverride", self._asking, width=width, height=height, deviceScaleFactor=2,
                   mobile=False)  # fmt: skip
        data = self._pipe("Page.captureScreenshot", self._asking, format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def end(self) -> None:
        """End it."""
        self._end()


class InFirefox(FirefoxUbo):
    """Firefox with the extension."""

    def __init__(self) -> None:
        self.web = Web()
        self._folder = Path(tempfile.mkdtemp(prefix="firefox-"))
        profile = self._folder / "profile"
        profile.mkdir()
        preferences = PREFERENCES | {
            "network.proxy.http_port": self.web.port, "network.proxy.no_proxies_on": "127.0.0.1",
            "network.proxy.allow_hijacking_localhost": True,  # where pages may have service workers without TLS
        }  # fmt: skip
        (profile / "user.js").write_text(
            "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items())
        )
        environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
        environment |= {"HOME": str(self._folder), "MOZ_CRASHREPORTER_DISABLE": "1", "MOZ_DISABLE_CONTENT_SANDBOX": "1"}
        words = ["firefox-esr", "--headless", "--no-remote", "--marionette", "--remote-allow-system-access"]
        self._process = subprocess.Popen(
            [*words, "--profile", str(profile), "about:blank"],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._marionette: Marionette | None = None
        self._tab_id = 0
        try:
            self._marionette = Marionette(wait("Firefox", lambda: _number(profile / "MarionetteActivePort")))
            folder = folder_for("firefox", self._folder / "companion")
            self.ask("Addon:Install", path=str(folder), temporary=True)
            self._host = wait("the extension", self._extension_host)
            self._pages = self.ask("WebDriver:GetWindowHandle")
            self._popup = self.ask("WebDriver:NewWindow", type="tab", focus=False)["handle"]
            self._open_popup()
        except BaseException:
            self.close()
            raise

    def _extension_host(self) -> str | None:
        found = f"WebExtensionPolicy.getByID('{FIREFOX_ID}')"
        script = f"const it = {found}; return it && it.active ? it.mozExtensionHostname : null"
        self.ask("Marionette:SetContext", value="chrome")
        try:
            return cast("str | None", self.js(script))
        finally:
            self.ask("Marionette:SetContext", value="content")

    def _open_popup(self) -> None:
        with self._in(self._popup):
            self.ask("WebDriver:Navigate", url=f"moz-extension://{self._host}/popup.html?tab={self._tab_id or ''}")

    @contextlib.contextmanager
    def _in(self, tab: str) -> Iterator[None]:
        self.ask("WebDriver:SwitchToWindow", handle=tab, focus=False)
        try:
            yield
        finally:
            self.ask("WebDriver:SwitchToWindow", handle=self._pages, focus=False)

    def visit(self, url: str) -> None:
        """Open a page in the tab."""
        self.ask("WebDriver:Navigate", url=url)
        if not self._tab_id:
            find = "return (await browser.tabs.query({})).find(tab => tab.url?.startsWith('http')).id"
            self._tab_id = int(self.popup(find))
        self._open_popup()
        until("the popup", lambda: self.popup("return document.querySelector('main:not([hidden])') && true"))

    def popup(self, script: str) -> Any:
        """Return what a script returns in the popup."""
        body = (
            "const done = arguments[1]; (async tab => {" + script + "})(arguments[0])"
            ".then(value => done(value ?? null), error => done({failed: String(error)}))"
        )
        with self._in(self._popup):
            found = self.ask(
                "WebDriver:ExecuteAsyncScript", script=body, args=[self._tab_id], newSandbox=False, sandbox=None
            )
        if isinstance(found, dict) and "failed" in found:
            raise RuntimeError(found["failed"])
        return found

    def page(self, expression: str) -> Any:
        """Return what an expression comes to in the page."""
        return self.js(f"return {expression}")

    def tap(self) -> None:
        """Press the first button of the page, by the keyboard."""
        pressed = [{"type": kind, "value": key} for key in "\ue004\ue007" for kind in ("keyDown", "keyUp")]
        self.ask("WebDriver:PerformActions", actions=[{"type": "key", "id": "keyboard", "actions": pressed}])

    def probe(self, site: Site, quiet: float = QUIET, keep: Sequence[str] = ()) -> set[str]:
        """Return the ways in which scripts ran; the popup's tab stays."""
        return super().probe(site, quiet, (self._popup, *keep))

    def end(self) -> None:
        """End it."""
        self.close()


BROWSERS: dict[str, Callable[[], Browser]] = {"chromium": InChromium, "firefox": InFirefox}
