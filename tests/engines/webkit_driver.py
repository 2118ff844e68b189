"""Drive WebKitGTK: a job of JSON a line on standard input, a line of JSON for each on standard output.

Runs under the system's Python, and lives until its input ends. A job is one of

    {"compile": {name: path of a content blocker's JSON}}   -> {name: {"error", "cpu_s", "wall_s", "peak_mb"}}
    {"forget": [name, ...]}                                 -> {}
    {"ask": [question, ...]}                                -> [answer, ...]
    {"unreadable": [selector, ...]}                         -> those that WebKit cannot read

A question is {"page": address, "use": [names of content blockers], "requests": [[address, kind], ...],
"selectors": [...], "html": the page's body}; only the first two are needed. The answer has "verdicts", one for each
request: true (blocked), false (let through), or null where the request fails without content blockers too (a
forbidden port, mixed content), and "hidden", the selectors whose first element is not displayed.

A page that is open stays open for the next question of the same page, unless that asks for selectors: content
blockers are asked for each load, so only what hides needs the page anew. A page that they block is opened without
them. A compile that aborts the process leaves no answer.
"""

import json
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable
from pathlib import Path

import gi
from webkit_proxy import PAGE, Proxy

warnings.simplefilter("ignore")
gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import GLib, Gtk, WebKit2  # noqa: E402
from webkit_settings import plain_settings  # noqa: E402

ASK = Path(__file__).with_name("webkit_ask.js").read_text(encoding="utf-8")
HIDDEN = r"""
return JSON.stringify(JSON.parse(selectors).filter(selector => {
  let element = document.querySelector(selector);
  const match = /^([.#])([\w-]+)$/.exec(selector);
  if (!element && match) {
    element = document.createElement('div');
    if (match[1] === '.') element.className = match[2]; else element.id = match[2];
    document.body.append(element);
  }
  return element !== null && getComputedStyle(element).display === 'none' }));
"""
UNREADABLE = r"""
return JSON.stringify(JSON.parse(selectors).filter(selector => {
  try { document.querySelector(selector); return false } catch { return true } }))
"""
BLOCKED = "blocked by a content blocker"
LATE = ("other",)  # event sources, whose load begins by a timer
AT_MOST = 400  # requests of a page before it is opened anew: behind thousands no other page would open
Verdict = bool | None


def wait(start, seconds: float):
    """Run the main loop until `start`'s callback gives a result; None when it is late."""
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
    """One view, its content blockers by name, and what is known of requests without any."""

    def __init__(self, folder: str) -> None:
        self.proxy = Proxy(Path(folder))
        self.store = WebKit2.UserContentFilterStore.new(folder + "/store")
        self.filters: dict[str, object] = {}
        self.used: list[str] = []
        self.page = ""
        self.made = 0  # requests, since it was opened
        self.loads: dict[tuple[str, str, str], bool] = {}  # page, address, kind -> whether it loads without blockers
        data = WebKit2.WebsiteDataManager.new_ephemeral()
        # No process for each site: that costs a fifth of a second a page.
        context = WebKit2.WebContext(website_data_manager=data, process_swap_on_cross_site_navigation_enabled=False)
        context.set_cache_model(WebKit2.CacheModel.DOCUMENT_VIEWER)
        settings = WebKit2.NetworkProxySettings.new(f"http://127.0.0.1:{self.proxy.port}", None)
        data.set_network_proxy_settings(WebKit2.NetworkProxyMode.CUSTOM, settings)
        data.set_tls_errors_policy(WebKit2.TLSErrorsPolicy.IGNORE)
        self.blockers = WebKit2.UserContentManager()
        self.view = WebKit2.WebView(web_context=context, user_content_manager=self.blockers, settings=plain_settings())
        self.begun: set[str] = set()  # addresses of loads that WebKit began
        self.view.connect("resource-load-started", lambda _, __, request: self.begun.add(request.get_uri()))
        window = Gtk.OffscreenWindow()
        window.add(self.view)
        window.show_all()

    def compile(self, name: str, path: str) -> dict[str, object]:
        """Compile one content blocker and keep it under a name."""
        data = GLib.Bytes.new(Path(path).read_bytes())

        def start(done) -> None:
            def saved(_: object, result: object) -> None:
                try:
                    done((self.store.save_finish(result), ""))
                except GLib.Error as error:
                    done((None, error.message))

            self.store.save(name.replace("/", "-"), data, None, saved)

        began = time.process_time(), time.perf_counter()
        found, error = wait(start, 600) or (None, "no answer in 600 s")
        cpu, wall = time.process_time() - began[0], time.perf_counter() - began[1]
        if found is not None:
            self.filters[name] = found
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        return {"error": error, "cpu_s": round(cpu, 3), "wall_s": round(wall, 3), "peak_mb": peak}

    def forget(self, name: str) -> None:
        """Drop a content blocker."""
        del self.filters[name]
        wait(lambda done: self.store.remove(name.replace("/", "-"), None, lambda *_: done(True)), 60)

    def use(self, names: list[str]) -> None:
        """Put these content blockers in force, and no others. A large one takes WebKit a while."""
        if names == self.used:
            return
        self.used = list(names)
        self.blockers.remove_all_filters()
        for name in names:
            self.blockers.add_filter(self.filters[name])

    def open(self, page: str) -> str:
        """Navigate, and wait until the page is there or refused; return why it was refused."""
        if self.page:
            self.run("window.stop(); return ''")  # loads under way would keep the next page waiting
        for _ in range(4):
            if (refused := self._navigate(page)) is not None:
                self.made = 0
                self.page = "" if refused else page
                return refused
            self.view.stop_loading()
            wait(lambda done: None, 0.5)  # what it says of that concerns nobody
        return "late"

    def _navigate(self, page: str) -> str | None:
        handlers = []

        def start(done) -> None:
            def failed(*said: object) -> bool:
                done(said[3].message)  # type: ignore[attr-defined]
                return True  # no page of its own about the error

            def changed(_: object, event: object) -> None:
                if event == WebKit2.LoadEvent.FINISHED:
                    done("")

            handlers.append(self.view.connect("load-changed", changed))
            handlers.append(self.view.connect("load-failed", failed))
            self.view.load_uri(page)

        found = wait(start, 20)
        for handler in handlers:
            self.view.disconnect(handler)
        return found  # type: ignore[no-any-return]

    def enter(self, page: str) -> None:
        """Open a page to ask from, without content blockers where they block it."""
        refused, used = self.open(page), self.used
        if BLOCKED in refused:
            self.use([])
            refused = self.open(page)
            self.use(used)
        if refused:
            raise SystemExit(f"{page} cannot be opened: {refused}")

    def run(self, body: str, **texts: str) -> str:
        """Run a script in the page."""
        arguments = GLib.Variant("a{sv}", {key: GLib.Variant("s", value) for key, value in texts.items()})

        def start(done) -> None:
            def finished(view: object, result: object) -> None:
                try:
                    done(view.call_async_javascript_function_finish(result).to_string())  # type: ignore[attr-defined]
                except GLib.Error as error:
                    done(error)

            self.view.call_async_javascript_function(body, -1, arguments, None, None, None, finished)

        found = wait(start, 120)
        if not isinstance(found, str):
            raise SystemExit(f"no answer from {self.page}: {found}")
        return found

    def ask(self, question: dict[str, object]) -> dict[str, object]:
        """Answer one question."""
        page, use = str(question["page"]), question["use"]
        requests: list[list[str]] = question.get("requests", [])  # type: ignore[assignment]
        selectors = question.get("selectors", [])
        self.use(use)  # type: ignore[arg-type]
        if "html" in question:
            self.proxy.pages[page] = f"{PAGE}{question['html']}"
        if selectors or page != self.page:
            self.enter(page)
        hidden = json.loads(self.run(HIDDEN, selectors=json.dumps(selectors))) if selectors else []
        verdicts: list[Verdict] = [None] * len(requests)
        rest = [at for at, (_, kind) in enumerate(requests) if kind != "document"]
        for at, sent in zip(rest, self.sent([requests[at] for at in rest]), strict=True):
            verdicts[at] = not sent
        for at, (url, kind) in enumerate(requests):
            if kind == "document":
                refused = self.open(url)
                verdicts[at] = True if BLOCKED in refused else None if refused else False
        return {"verdicts": verdicts, "hidden": hidden}

    def ask_all(self, questions: list[dict[str, object]]) -> list[dict[str, object]]:
        """Answer questions; what is blocked is tried without content blockers too, once for each page."""
        answers = [self.ask(question) for question in questions]
        blocked = [
            (str(question["page"]), url, kind, answer["verdicts"], at)
            for question, answer in zip(questions, answers, strict=True)
            for at, (url, kind) in enumerate(question.get("requests", []))  # type: ignore[arg-type, var-annotated]
            if kind != "document" and answer["verdicts"][at]  # type: ignore[index]
        ]
        unknown: dict[str, dict[tuple[str, str], None]] = {}
        for page, url, kind, _, _ in blocked:
            if (page, url, kind) not in self.loads:
                unknown.setdefault(page, {})[url, kind] = None
        self.use([])
        for page in sorted(unknown, key=lambda page: page != self.page):
            if page != self.page:
                self.enter(page)
            for (url, kind), sent in zip(unknown[page], self.sent([list(one) for one in unknown[page]]), strict=True):
                self.loads[page, url, kind] = sent
        for page, url, kind, verdicts, at in blocked:
            if not self.loads[page, url, kind]:
                verdicts[at] = None  # type: ignore[index]
        return answers

    def sent(self, requests: list[list[str]]) -> list[bool]:
        """Make requests and say which came through; once more those that a busy machine may have begun too late."""
        found = self._once(dict.fromkeys((url, kind) for url, kind in requests))
        if late := [(url, kind) for (url, kind), sent in found.items() if kind in LATE and not sent]:
            found |= self._once(late)
        return [found[url, kind] for url, kind in requests]

    def _once(self, requests: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bool]:
        found: dict[tuple[str, str], bool] = {}
        for group in _told_apart(requests):
            if self.made + len(group) > AT_MOST:
                self.enter(self.page)
            self.made += len(group)
            self.begun.clear()
            words = json.loads(self.run(ASK, requests=json.dumps(group)))
            for one, (address, word) in zip(group, words, strict=True):
                found[one] = word == "through" or (word == "begun" and address in self.begun)
        return found


def _told_apart(requests: Iterable[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Return the requests in groups, in none of which an address is asked for twice."""
    groups: list[dict[str, tuple[str, str]]] = []
    for url, kind in requests:
        plain = url.partition("#")[0].lower()
        group = next((each for each in groups if plain not in each and len(each) < AT_MOST), None)
        if group is None:
            groups.append(group := {})
        group[plain] = url, kind
    return [list(group.values()) for group in groups]


def answer(engine: Engine, job: dict[str, object]) -> object:
    if "compile" in job:
        return {name: engine.compile(name, path) for name, path in job["compile"].items()}  # type: ignore[attr-defined]
    if "ask" in job:
        return engine.ask_all(job["ask"])  # type: ignore[arg-type]
    if "unreadable" in job:
        engine.use([])
        engine.open("http://selectors.example/")
        return json.loads(engine.run(UNREADABLE, selectors=json.dumps(job["unreadable"])))
    for name in job["forget"]:  # type: ignore[attr-defined]
        engine.forget(name)
    return {}


def main() -> None:
    Gtk.init(None)
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(folder)
        for line in sys.stdin:
            print(json.dumps(answer(engine, json.loads(line))), flush=True)


main()
