"""A site that tries every way to run a script, and every way to live without one, and tells its server what happened.

Any driver can serve it: `Site(host).pages()` holds the answer to every address that its pages ask for, whatever the
host, all by plain http. The driver opens each of `Site.steps()`, clicks what the step names (as a user would, for
scripts may be off), waits until no more requests come, and hands the addresses that its server saw to `read()`.

A way leaves its mark by one request, `http://mark.test/ran/HOST/WAY`: an image that a script asks for or that the
markup shows. So nothing has to be asked of a page, and a site where all scripts are off answers as well as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from html import escape
from urllib.parse import quote

from blockctl.backends.scripts import NEVER, STAYS, WAYS, WITHOUT
from blockctl.model.decide import decide
from blockctl.model.index import Index
from blockctl.model.policy import Policy
from blockctl.model.request import Kind, Request

Answer = tuple[int, dict[str, str], bytes]  # status, headers, body

MARKS = "http://mark.test/ran/"
THIRD = "third.test"  # another site: its scripts and frames, and where links lead
OUTER = "outer.test"  # another site, which frames this one
QUIET = 1.5  # seconds without a request after which a page has done all it will

_PIXEL = b"<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>"


@dataclass(frozen=True)
class Step:
    """A page to open, and the CSS selectors of what to click there; the last click may lead away."""

    url: str
    clicks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Site:
    """The probe at a host. `sub.HOST` is framed too, so that a policy may say otherwise of it."""

    host: str

    def pages(self) -> dict[str, Answer]:
        """Return what to answer, by address without a fragment."""
        own, third = f"http://{self.host}", f"http://{THIRD}/{self.host}"
        plain = {
            f"{own}/probe": self._probe(),
            f"{own}/frame": self._framed("frame-own") + self._shown("noscript-frame"),
            f"{own}/object": self._framed("object"),
            f"{own}/framed": self._framed("framed-elsewhere"),
            f"http://sub.{self.host}/frame": self._framed("frame-below"),
            f"{third}/frame": self._framed("frame-third") + _script(src=f"{third}/frame.js"),
            f"http://{OUTER}/{self.host}": f'<iframe src="{own}/framed"></iframe>',
            f"{third}/link": _image(self.mark("link")),
            f"{third}/form?said=yes": _image(self.mark("form")),
            f"{third}/popup": _image(self.mark("popup")) + self._framed("popup-script"),
            f"{own}/link": _target("link", "a", f'href="{third}/link"'),
            f"{own}/clicks": self._clicks(),
        }
        found = {url: _html(body) for url, body in plain.items()}
        scripts = {
            f"{own}/own.js": "external-own",
            f"{own}/module.js": "module-external",
            f"{third}/third.js": "external-third",
            f"{third}/frame.js": "frame-third-external",
        }
        found |= {url: _answer("text/javascript", self.run(way)) for url, way in scripts.items()}
        workers = {
            f"{own}/worker.js": f"{self._fetch('worker')}; importScripts('{third}/import.js')",
            f"{own}/worker-module.js": self._fetch("worker-module"),
            f"{own}/worker-shared.js": self._fetch("worker-shared"),
            f"{third}/import.js": self._fetch("worker-third"),
        }
        found |= {url: _answer("text/javascript", text) for url, text in workers.items()}
        for way in ("svg-document", "svg-object", "svg-page", "svg-image"):
            svg = f'<svg xmlns="http://www.w3.org/2000/svg"><script>{self._fetch(way)}</script></svg>'
            found[f"{own}/{way}.svg"] = _answer("image/svg+xml", svg)
        found |= {self.mark(way): (200, _headers("image/svg+xml"), _PIXEL) for way in WAYS}
        return found

    def steps(self) -> list[Step]:
        """Return what to open and click, one after the other, each in the same tab."""
        own = f"http://{self.host}"
        return [
            Step(f"{own}/probe"),
            Step(f"http://{OUTER}/{self.host}"),
            Step(f"{own}/svg-page.svg"),
            Step(f"{own}/clicks", ("#handler", "#script", "#popup", "#form")),
            Step(f"{own}/link", ("#link",)),
        ]

    def mark(self, way: str) -> str:
        """Return the address by which a way is known to have worked."""
        return f"{MARKS}{self.host}/{way}"

    def run(self, way: str) -> str:
        """Return the script that leaves a way's mark."""
        return f"void (new Image().src = '{self.mark(way)}')"

    def _fetch(self, way: str) -> str:
        """Return the script that leaves a way's mark where no image is asked for: in a worker, in an SVG document."""
        return f"fetch('{self.mark(way)}', {{mode: 'no-cors'}})"

    def _framed(self, way: str) -> str:
        return _script(self.run(way))

    def _shown(self, way: str) -> str:
        return f"<noscript>{_image(self.mark(way))}</noscript>"

    def _clicks(self) -> str:
        third = f"http://{THIRD}/{self.host}"
        return "".join(
            (
                _target("handler", "button", f'onclick="{escape(self.run("handler-click"))}"'),
                _target("script", "a", f'href="javascript:{escape(self.run("javascript-link"))}"'),
                _target("popup", "a", f'href="{third}/popup" target="_blank"'),
                f'<form action="{third}/form"><input name="said" value="yes">{_target("form", "button")}</form>',
            )
        )

    def _probe(self) -> str:
        """Return the page that tries everything that needs no click."""
        own, third, run = f"http://{self.host}", f"http://{THIRD}/{self.host}", self.run
        in_frame = escape(_script(run("srcdoc")))
        blob = f"URL.createObjectURL(new Blob([`{run('blob')}`]))"
        data = quote(_script(run("data-frame")))
        return "\n".join(
            (
                _script(run("inline")),
                _script(src=f"{own}/own.js"),
                _script(src=f"{third}/third.js"),
                _script(run("module"), kind="module"),
                _script(src=f"{own}/module.js", kind="module"),
                _script(src="data:text/javascript," + quote(run("data-script"))),
                _script(f"document.head.append(Object.assign(document.createElement('script'), {{src: {blob}}}))"),
                _script(f"new Worker('{own}/worker.js')"),
                _script(f"new Worker('{own}/worker-module.js', {{type: 'module'}})"),
                _script(f"new SharedWorker('{own}/worker-shared.js')"),
                f'<body onload="{escape(run("handler-load"))}">',
                f'<img src="{own}/missing.png" onerror="{escape(run("handler-error"))}">',
                f"<svg><script>{run('svg-script')}</script></svg>",
                f'<svg onload="{escape(run("svg-handler"))}"></svg>',
                f'<iframe src="{own}/frame"></iframe>',
                f'<iframe src="http://sub.{self.host}/frame"></iframe>',
                f'<iframe src="{third}/frame"></iframe>',
                f'<iframe src="{own}/svg-document.svg"></iframe>',
                f'<object data="{own}/svg-object.svg" type="image/svg+xml"></object>',
                f'<img src="{own}/svg-image.svg" alt="">',
                f'<iframe srcdoc="{in_frame}"></iframe>',
                f'<iframe src="data:text/html,{data}"></iframe>',
                f'<iframe src="javascript:{escape(run("javascript-frame"))}"></iframe>',
                f'<object data="{own}/object" type="text/html"></object>',
                self._shown("noscript"),
            )
        )


def read(log: Iterable[str], host: str) -> set[str]:
    """Return the ways that left their mark for the site at a host, given the addresses that the server was asked."""
    start = f"{MARKS}{host}/"
    return {url.removeprefix(start) for url in log if url.startswith(start)}


def meant(policy: Policy, host: str) -> set[str]:
    """Return the ways that `decide()` lets work on the site at a host; lists play no part."""
    lists = Index.build([])
    return {way for way, asks in _QUESTIONS.items() if not decide(policy, lists, asks(host)).blocked} | {
        *STAYS,
        *(WITHOUT if decide(policy, lists, _written(host)).blocked else ()),
    }


def _written(host: str) -> Request:
    """Return the question for a script that is written in a page, or in a frame of it."""
    return Request.parse(f"http://{host}/probe", f"http://{host}/probe", Kind.SCRIPT, inline=True)


def _loaded(url: str) -> Callable[[str], Request]:
    """Return the question for a script that the page, or a frame of it, loads; {} stands for the site's host."""
    return lambda host: Request.parse(url.format(host), f"http://{host}/probe", Kind.SCRIPT)


def _elsewhere(page: str, _: str) -> Request:
    """Return the question for a script that is written in a page of another site."""
    return _written(page)


_ELSEWHERE = {"popup-script": THIRD, "framed-elsewhere": OUTER}  # way -> the page in whose tab it happens
_LOADED = {
    "external-own": "http://{}/own.js",
    "module-external": "http://{}/module.js",
    "worker": "http://{}/worker.js",
    "worker-module": "http://{}/worker-module.js",
    "worker-shared": "http://{}/worker-shared.js",
    "worker-third": f"http://{THIRD}/{{}}/import.js",
    "external-third": f"http://{THIRD}/{{}}/third.js",
    "frame-third-external": f"http://{THIRD}/{{}}/frame.js",
}
_QUESTIONS: dict[str, Callable[[str], Request]] = {
    **{way: _written for way in WAYS if way not in (*STAYS, *WITHOUT, *NEVER)},
    **{way: _loaded(url) for way, url in _LOADED.items()},
    **{way: partial(_elsewhere, page) for way, page in _ELSEWHERE.items()},
}


def _headers(kind: str) -> dict[str, str]:
    return {"Content-Type": kind, "Cache-Control": "no-store", "Access-Control-Allow-Origin": "*"}


def _answer(kind: str, body: str) -> Answer:
    return 200, _headers(f"{kind}; charset=utf-8"), body.encode()


def _html(body: str) -> Answer:
    return _answer("text/html", f"<!doctype html><title>probe</title>{body}")


def _script(text: str = "", *, src: str = "", kind: str = "") -> str:
    told = (f' src="{src}"' if src else "") + (f' type="{kind}"' if kind else "")
    return f"<script{told}>{text}</script>"


def _image(url: str) -> str:
    return f'<img src="{url}" alt="">'


def _target(name: str, tag: str, attributes: str = "") -> str:
    """Return something to click that is hard to miss."""
    return f'<{tag} id="{name}" {attributes} style="display: block; width: 200px; height: 60px">{name}</{tag}>'
