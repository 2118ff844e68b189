"""Drive WebKitGTK with a job from standard input; the answers go to standard output. Runs under the system's Python.

The job is JSON:

    {"lists": {name: path of a content blocker's JSON}, "use": true,
     "cases": [{"page": address, "requests": [[address, kind], ...], "selectors": [selector, ...]}],
     "selectors": [selector, ...]}

The answer, JSON too, has for each list how it compiled; for each case which requests came through to the network and
which of its selectors are hidden on the page; and of the selectors those that WebKit cannot read. Every host is
answered by a proxy of this process, http only. A compile that aborts the process leaves no answer.
"""

import json
import resource
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

# Starts each request and waits until all have ended, well or badly.
ASK = r"""
const end = (element, url, parent) => new Promise(done => {
  element.onload = element.onerror = done; setTimeout(done, 1500);
  if (element.tagName === 'LINK') { element.rel = 'stylesheet'; element.href = url } else element.src = url;
  (parent || document.head).append(element) });
const kinds = {
  script: u => end(document.createElement('script'), u),
  style: u => end(document.createElement('link'), u),
  image: u => end(new Image(), u, document.body),
  frame: u => end(document.createElement('iframe'), u, document.body),
  font: u => new FontFace('f', `url(${JSON.stringify(u)})`).load().catch(() => 0),
  xhr: u => fetch(u, {mode: 'no-cors', cache: 'no-store'}).catch(() => 0),
  ping: u => { navigator.sendBeacon(u, 'x'); return new Promise(done => setTimeout(done, 300)) },
  other: u => new Promise(done => { const source = new EventSource(u);
    source.onerror = () => { source.close(); done() }; setTimeout(done, 1500) }),
};
await Promise.all(JSON.parse(requests).map(([url, kind]) => kinds[kind](url)));
return JSON.stringify(JSON.parse(selectors).filter(selector => {
  const match = /^([.#])([\w-]+)$/.exec(selector), element = document.createElement('div');
  if (match[1] === '.') element.className = match[2]; else element.id = match[2];
  document.body.append(element);
  const hidden = getComputedStyle(element).display === 'none';
  element.remove();
  return hidden }));
"""
UNREADABLE = r"""
return JSON.stringify(JSON.parse(selectors).filter(selector => {
  try { document.querySelector(selector); return false } catch { return true } }))
"""


class Proxy(BaseHTTPRequestHandler):
    """Answers every address itself, and keeps what it was asked."""

    seen: set[str] = set()  # noqa: RUF012 - one proxy in a process
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        Proxy.seen.add(self.path)
        body = b"<!doctype html><title>t</title><body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name is the library's

    def log_message(self, *_: object) -> None:
        pass


def wait(start, seconds: float):
    """Run the main loop until `start`'s callback gives a result."""
    loop, result = GLib.MainLoop(), []

    def done(value: object) -> None:
        result.append(value)
        loop.quit()

    timer = GLib.timeout_add(int(seconds * 1000), lambda: loop.quit() or True)
    start(done)
    if not result:
        loop.run()
    GLib.source_remove(timer)
    return result[0] if result else None


class Engine:
    """One view with its content blockers."""

    def __init__(self, port: int) -> None:
        data = WebKit2.WebsiteDataManager.new_ephemeral()
        context = WebKit2.WebContext(website_data_manager=data, process_swap_on_cross_site_navigation_enabled=False)
        settings = WebKit2.NetworkProxySettings.new(f"http://127.0.0.1:{port}", None)
        data.set_network_proxy_settings(WebKit2.NetworkProxyMode.CUSTOM, settings)
        self.blockers = WebKit2.UserContentManager()
        self.view = WebKit2.WebView(web_context=context, user_content_manager=self.blockers)
        window = Gtk.OffscreenWindow()
        window.add(self.view)
        window.show_all()

    def compile(self, path: str) -> tuple[object, dict[str, object]]:
        """Compile one content blocker."""
        with open(path, "rb") as file, tempfile.TemporaryDirectory() as folder:  # noqa: PTH123
            data = file.read()
            store = WebKit2.UserContentFilterStore.new(folder)

            def start(done) -> None:
                def saved(_: object, result: object) -> None:
                    try:
                        done((store.save_finish(result), ""))
                    except GLib.Error as error:
                        done((None, error.message))

                store.save(path.replace("/", "-"), GLib.Bytes.new(data), None, saved)

            began = time.process_time(), time.perf_counter()
            found, error = wait(start, 300) or (None, "no answer in 300 s")
            cpu, wall = time.process_time() - began[0], time.perf_counter() - began[1]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        return found, {"error": error, "cpu_s": round(cpu, 2), "wall_s": round(wall, 2), "peak_mb": peak}

    def open(self, page: str) -> None:
        """Navigate, and wait until the page is there or refused."""

        def start(done) -> None:
            self.handlers = [
                self.view.connect("load-changed", lambda _, event: event == WebKit2.LoadEvent.FINISHED and done(True)),
                self.view.connect("load-failed", lambda *_: done(False) or True),
            ]
            self.view.load_uri(page)

        wait(start, 20)
        for handler in self.handlers:
            self.view.disconnect(handler)

    def run(self, body: str, **texts: str) -> str:
        """Run a script in the page."""
        arguments = GLib.Variant("a{sv}", {key: GLib.Variant("s", value) for key, value in texts.items()})

        def start(done) -> None:
            def finished(view: object, result: object) -> None:
                try:
                    done(view.call_async_javascript_function_finish(result).to_string())  # type: ignore[attr-defined]
                except GLib.Error as error:
                    done(json.dumps([error.message]))

            self.view.call_async_javascript_function(body, -1, arguments, None, None, None, finished)

        return wait(start, 60) or "[]"

    def ask(self, case: dict[str, object]) -> dict[str, object]:
        """Return what of a case came through, and what is hidden."""
        Proxy.seen.clear()
        page, requests = case["page"], case.get("requests", [])
        through = []
        for url in [url for url, kind in requests if kind == "document"]:  # type: ignore[attr-defined]
            self.open(url)
            through += [[url, "document"]] if url in Proxy.seen else []
        self.open(page)  # type: ignore[arg-type]
        rest = [request for request in requests if request[1] != "document"]  # type: ignore[attr-defined]
        hidden = []
        for kind in sorted({kind for _, kind in rest}) or [""]:
            Proxy.seen.clear()
            batch = [request for request in rest if request[1] == kind]
            texts = {"requests": json.dumps(batch), "selectors": json.dumps(case.get("selectors", []))}
            hidden = json.loads(self.run(ASK, **texts))
            through += [[url, kind] for url, _ in batch if url in Proxy.seen]
        return {"through": through, "hidden": hidden}


def main() -> None:
    """Do one job."""
    job = json.load(sys.stdin)
    Gtk.init(None)
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    engine = Engine(proxy.server_port)
    compiled = {}
    for name, path in job.get("lists", {}).items():
        blocker, compiled[name] = engine.compile(path)
        if blocker is not None and job.get("use"):
            engine.blockers.add_filter(blocker)
    answers = [engine.ask(case) for case in job.get("cases", [])]
    unreadable = []
    if job.get("selectors"):
        engine.open("http://selectors.example/")
        unreadable = json.loads(engine.run(UNREADABLE, selectors=json.dumps(job["selectors"])))
    print(json.dumps({"compiled": compiled, "answers": answers, "unreadable": unreadable}))


main()
