"""Drive WebKitGTK over the steps of a probe (`probe.py`). Runs under the system's Python.

Standard input: JSON {"blockers": [path of a content blocker's JSON], "pages": {address: [status, headers, text]},
"steps": [[address, [CSS selector of what to click]]], "quiet": seconds}. Standard output: JSON, the addresses that
the server was asked, in order. http only; what is in no page is answered with nothing.
"""

import json
import sys
import tempfile
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import gi

warnings.simplefilter("ignore")
gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import GLib, Gtk, WebKit2  # noqa: E402

PATIENCE = 120  # seconds, for anything to come about
CLICK = "document.querySelector(selector).click()"


class Server(BaseHTTPRequestHandler):
    """Answers every address itself, and keeps what it was asked."""

    pages: dict = {}  # noqa: RUF012 - one server in a process
    asked: list = []  # noqa: RUF012
    at = 0.0

    def do_GET(self) -> None:
        Server.asked.append(self.path)
        Server.at = time.monotonic()
        status, headers, text = self.pages.get(self.path, (404, {"Content-Type": "text/plain"}, ""))
        body = text.encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:  # what a page reports comes so
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def until(done, seconds: float) -> bool:
    """Run the main loop until something holds; False when it does not in time."""
    end = time.monotonic() + seconds
    context = GLib.MainContext.default()
    while not done():
        if time.monotonic() > end:
            return False
        if not context.iteration(False):
            time.sleep(0.01)
    return True


class Browser:
    """One view, and the tabs that its pages open."""

    def __init__(self, port: int) -> None:
        data = WebKit2.WebsiteDataManager.new_ephemeral()
        context = WebKit2.WebContext(website_data_manager=data, process_swap_on_cross_site_navigation_enabled=False)
        proxy = WebKit2.NetworkProxySettings.new(f"http://127.0.0.1:{port}", None)
        data.set_network_proxy_settings(WebKit2.NetworkProxyMode.CUSTOM, proxy)
        self.blockers = WebKit2.UserContentManager()
        self.view = self._shown(WebKit2.WebView(web_context=context, user_content_manager=self.blockers))
        self.view.connect("create", self._tab)

    def _shown(self, view):
        window = Gtk.OffscreenWindow()
        window.add(view)
        window.show_all()
        return view

    def _tab(self, view, _):
        return self._shown(WebKit2.WebView.new_with_related_view(view))

    def block(self, path: str) -> None:
        """Compile a content blocker and put it in force. RuntimeError when WebKit refuses it."""
        made = []
        with open(path, "rb") as file, tempfile.TemporaryDirectory() as folder:  # noqa: PTH123
            store = WebKit2.UserContentFilterStore.new(folder)
            name, data = path.replace("/", "-"), GLib.Bytes.new(file.read())
            store.save(name, data, None, lambda _, result: made.append(store.save_finish(result)))
            if not until(lambda: made, PATIENCE):
                raise RuntimeError(f"WebKit does not take {path}")
        self.blockers.add_filter(made[0])

    def step(self, url: str, clicks: list, quiet: float) -> None:
        """Open a page, click, and wait until no more requests come."""
        started = []
        handler = self.view.connect("load-changed", lambda _, e: e == WebKit2.LoadEvent.STARTED and started.append(1))
        self.view.load_uri(url)
        until(lambda: started and self.view.get_uri() == url and not self.view.is_loading(), PATIENCE)
        self.view.disconnect(handler)
        for selector in clicks:
            said = []
            arguments = GLib.Variant("a{sv}", {"selector": GLib.Variant("s", selector)})
            self.view.call_async_javascript_function(
                CLICK, -1, arguments, None, None, None, lambda *_, said=said: said.append(1)
            )
            until(lambda said=said: said, PATIENCE)
        Server.at = time.monotonic()
        until(lambda: time.monotonic() > Server.at + quiet, PATIENCE)


def main() -> None:
    """Do one job."""
    job = json.load(sys.stdin)
    Gtk.init(None)
    Server.pages = job["pages"]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    browser = Browser(server.server_port)
    for path in job["blockers"]:
        browser.block(path)
    for url, clicks in job["steps"]:
        browser.step(url, clicks, job["quiet"])
    print(json.dumps(Server.asked))


main()
