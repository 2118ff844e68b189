"""Small worlds, drawn from Hypothesis strategies: a policy, lists, and questions, over names so few that rules meet.

`worlds(seed, count)` gives the same worlds for the same seed (and release of Hypothesis). A world is text, as a user
writes it, so that a failure can be read, shrunk (`tests.engines.shrink`) and tried by hand.

The names: a host, one below it and one below that, one that only ends like it, registrable domains under public
suffixes of two labels and under a private one, an international name, and an address. Nothing is asked of the real
ones: engines ask by a proxy or an upstream of ours.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from blockctl.model.request import Kind, Request

ADDRESS = "192.0.2.7"
NAMES = (
    "ads.net", "img.ads.net", "x.img.ads.net", "xads.net", "news.com", "www.news.com", "news.co.uk", "shop.co.uk",
    "www.shop.co.uk", "u.github.io", "v.github.io", "xn--bcher-kva.com", ADDRESS,
)  # fmt: skip
PATHS = ("/", "/ads/banner.js", "/ads/", "/img/ad-1.png?ads=1", "/Ads/Banner.js", "/x/track?to=ads.net", "/app.js")
KINDS = {
    Kind.SCRIPT: "script", Kind.IMAGE: "image", Kind.FRAME: "subdocument", Kind.XHR: "xmlhttprequest",
    Kind.STYLE: "stylesheet", Kind.FONT: "font", Kind.MEDIA: "media", Kind.WEBSOCKET: "websocket", Kind.PING: "ping",
    Kind.OTHER: "other",
}  # fmt: skip
ASKED = (Kind.SCRIPT, Kind.SCRIPT, Kind.IMAGE, Kind.IMAGE, Kind.FRAME, Kind.XHR, Kind.XHR, *KINDS, Kind.DOCUMENT)
# What may be left out of worlds, for an engine that has none of it: what it lacks here and there is a gap to be named.
FEATURES = frozenset((
    "regex", "entity", "badfilter", "denyallow", "to", "match-case", "important", "party", "domain", "kinds",
    "document", "path", "javascript", "http", "address", "cosmetic", "site-regex",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """One request, asked of `decide()` and of an engine. For a document the page is the address itself."""

    page: str
    url: str
    kind: Kind
    inline: bool = False  # a script written in the page
    frame: str = ""  # the document within the page that asks, when it is not the page itself

    @property
    def request(self) -> Request:
        """Return the question as `decide()` takes it."""
        return Request.parse(self.url, self.page, self.kind, inline=self.inline)

    def __str__(self) -> str:
        kind = "inline script" if self.inline else str(self.kind.name).lower()
        return f"{kind} {self.url} on {self.page}" + (f", asked by a frame of {self.frame}" if self.frame else "")


@dataclass(frozen=True)
class World:
    """The text of a policy, the texts of the lists it names by these file names, and what to ask."""

    policy: str
    lists: dict[str, str]
    questions: list[Question]

    def __str__(self) -> str:
        files = {"policy.yaml": self.policy, **self.lists}
        texts = [f"--- {name}\n{text.rstrip()}" for name, text in files.items()]
        return "\n".join([*texts, "--- questions", *map(str, self.questions)])


def worlds(seed: int, count: int, *, questions: int = 60, without: Collection[str] = ()) -> list[World]:
    """Return `count` worlds of so many questions each. `without` are FEATURES to leave out."""
    unknown = set(without) - FEATURES
    assert not unknown, f"no such features: {unknown}"
    made: list[World] = []

    @seeded(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(world(questions, frozenset(without)))
    def collect(drawn: World) -> None:
        made.append(drawn)

    collect()
    return made


def some(values: Collection[str], most: int, least: int = 0) -> st.SearchStrategy[list[str]]:
    """Draw a few of these, none twice."""
    return st.lists(st.sampled_from(sorted(values)), min_size=least, max_size=min(most, len(values)), unique=True)


def seldom(one_in: int) -> st.SearchStrategy[bool]:
    """Draw a yes, once in so many."""
    return st.sampled_from([False] * (one_in - 1) + [True])


@st.composite
def world(draw: st.DrawFn, questions: int, without: frozenset[str]) -> World:
    """Draw a world over some of the names."""
    known = [name for name in NAMES if name != ADDRESS or "address" not in without]
    names = draw(some(known, 7, 4))
    lists = {
        "web.txt": "".join(f"{line}\n" for line in draw(adblock_lines(tuple(names), without))),
        "hosts.txt": "".join(f"0.0.0.0 {name}\n" for name in draw(some(set(names) - {ADDRESS}, 2))),
        "names.txt": "".join(f"{name}\n" for name in draw(some(set(names) - {ADDRESS}, 2))),
    }
    # questions come from one drawn number: each drawn by itself they take Hypothesis ten times as long, and repeat
    asked = asked_of(Random(draw(st.integers(0, 2**32))), questions, names, without)
    return World(draw(policy(tuple(names), without)), lists, asked)


@st.composite
def policy(draw: st.DrawFn, names: tuple[str, ...], without: frozenset[str]) -> str:
    """Draw a policy's text: defaults, sites that nest, hosts, protected names, and the three lists."""
    may_script = "javascript" not in without
    defaults = []
    if may_script and draw(seldom(8)):
        defaults.append(f"javascript: {draw(st.sampled_from(('deny', 'first-party')))}")
    if draw(seldom(12)):
        defaults.append("blocking: off")
    lines = ["version: 1", *([f"defaults: {{{', '.join(defaults)}}}"] if defaults else [])]
    sites = draw(some(names, 4))
    lines += ["sites:"] if sites else []
    for site in sites:
        lines.append(f'  "{site}": {{{", ".join(draw(site_entries(names, may_script)))}}}')
    if hosts := draw(allowed_and_denied(tuple(name for name in names if name != ADDRESS))):  # DNS sees no address
        lines += ["hosts:", *(f"  {entry}" for entry in hosts)]
    if protect := draw(some(set(names) - {ADDRESS}, 1)):
        lines.append(f"protect: [{_listed(protect)}]")
    lines += [
        "lists:",
        "  - {name: web, path: web.txt, format: adblock}",
        "  - {name: hosts, path: hosts.txt, format: hosts}",
        "  - {name: names, path: names.txt, format: domains, use: [dns]}",
    ]
    return "\n".join(lines) + "\n"


@st.composite
def site_entries(draw: st.DrawFn, names: tuple[str, ...], may_script: bool) -> list[str]:
    """Draw what a policy says of one site; it says something."""
    entries = []
    if may_script and draw(seldom(2)):
        entries.append(f"javascript: {draw(st.sampled_from(('allow', 'deny', 'first-party')))}")
    if draw(seldom(3)):
        entries.append(f"blocking: {draw(st.sampled_from(('on', 'off')))}")
    entries += draw(allowed_and_denied(names))
    return entries if entries and not draw(seldom(4)) else [*entries, 'hide: [".modal"]']


@st.composite
def allowed_and_denied(draw: st.DrawFn, names: tuple[str, ...]) -> list[str]:
    """Draw hosts to allow and to deny; none is both, for that is a fault."""
    allow = draw(some(names, 2))
    deny = [name for name in draw(some(names, 2)) if name not in allow]
    return [f"{verb}: [{_listed(named)}]" for verb, named in (("allow", allow), ("deny", deny)) if named]


def _listed(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


@st.composite
def adblock_lines(draw: st.DrawFn, names: tuple[str, ...], without: frozenset[str]) -> list[str]:
    """Draw the lines of a list in the syntax of ad blockers."""
    lines = draw(st.lists(adblock_line(names, without), min_size=3, max_size=12))
    if "badfilter" not in without and draw(seldom(5)):
        victim = draw(st.sampled_from(lines))
        lines.append(f"{victim}{',' if '$' in victim else '$'}badfilter")
    if "cosmetic" not in without and draw(seldom(4)):
        lines.append(f"{draw(st.sampled_from(('', *names[:2])))}##.ad")
    return lines


PATTERNS = (
    "/ads/", "/ads/*", "/ads/*.js", "-ad-1.", "ads=1|", "/banner.js|", "^ads^", "|https://", "||ads.", "/app.js",
    "/track?", "||news.*/ads/", "/ADS/", "*", "://*/img/", "?ads=*", "||net^", "ads.net/",
)  # fmt: skip
REGEXES = (r"\/ads\/[a-z]+\.js", r"^https:\/\/(img\.)?ads\.", r"banner|track", r"\/ad-\d\.", r"[^a-z]ads[.\/]")


@st.composite
def adblock_line(draw: st.DrawFn, names: tuple[str, ...], without: frozenset[str]) -> str:
    """Draw a block or an exception."""
    form = draw(st.sampled_from(("host", "host", "host", "host", "path", "path", "pattern", "pattern", "regex")))
    name = draw(st.sampled_from(names))
    written = "bücher.com" if name.startswith("xn--") and draw(st.booleans()) else name
    if form == "regex" and "regex" not in without:
        pattern = f"/{draw(st.sampled_from(REGEXES))}/"
    elif form == "pattern" and "path" not in without:
        pattern = draw(st.sampled_from(PATTERNS))
    elif form == "path" and "path" not in without:
        pattern = (
            f"{draw(st.sampled_from(('||', '|https://')))}{written}{draw(st.sampled_from(('/ads/', '/', '^*ads')))}"
        )
    else:
        pattern = f"||{written}^"
    exception = draw(seldom(4))
    options = draw(line_options(names, without, exception))
    if not options and pattern in ("*", "|https://"):
        options = ["script"]
    return ("@@" if exception else "") + pattern + (f"${','.join(options)}" if options else "")


@st.composite
def line_options(draw: st.DrawFn, names: tuple[str, ...], without: frozenset[str], exception: bool) -> list[str]:
    """Draw the options of a line; four in ten have none."""
    if draw(st.sampled_from((True, True, False, False, False))):
        return []
    options: list[str] = []
    if "kinds" not in without and draw(seldom(2)):
        mark = draw(st.sampled_from(("", "", "~")))
        options += [mark + word for word in draw(some(KINDS.values(), 2, 1))]
        if "document" not in without and not mark and draw(seldom(5)):
            options.append("document")
    if "party" not in without and draw(seldom(3)):
        options.append(draw(st.sampled_from(("third-party", "third-party", "~third-party"))))
    if "domain" not in without and draw(seldom(3)):
        options.append(f"domain={'|'.join(draw(places(names, without)))}")
    if "denyallow" not in without and not exception and draw(seldom(8)):
        options.append(f"denyallow={'|'.join(draw(some(names, 2, 1)))}")
    elif "to" not in without and draw(seldom(8)):
        options.append(f"to={'|'.join(draw(some(names, 2, 1)))}")
    if "important" not in without and not exception and draw(seldom(4)):
        options.append("important")
    if "match-case" not in without and draw(seldom(10)):
        options.append("match-case")
    return options


@st.composite
def places(draw: st.DrawFn, names: tuple[str, ...], without: frozenset[str]) -> list[str]:
    """Draw pages to which a line is limited, or those that it leaves out, or both."""
    known = [*names, *(() if "entity" in without else ("news.*", "ads.*"))]
    named = draw(some(known, 2, 1))
    if "site-regex" not in without and draw(seldom(20)):
        return ["/^www\\./"]
    match draw(st.sampled_from(("only", "only", "not", "both"))):
        case "not":
            return [f"~{name}" for name in named]
        case "both":
            return [*named, *(f"~{name}" for name in draw(some(names, 1, 1)) if name not in named)]
    return named


def asked_of(random: Random, count: int, names: list[str], without: frozenset[str]) -> list[Question]:
    """Return so many questions of some of these names on pages of others, none twice."""
    found: dict[Question, None] = {}
    for _ in range(count * 20):  # a bound, for a world of few names
        if len(found) == count:
            break
        scheme = "http" if "http" not in without and random.random() < 0.08 else "https"
        kind = random.choice(ASKED)
        page = f"{scheme}://{random.choice(names)}/"
        if kind is Kind.DOCUMENT:
            found[Question(page, page, kind)] = None
            continue
        if kind is Kind.WEBSOCKET:
            scheme = {"http": "ws", "https": "wss"}[scheme]
        found[Question(page, f"{scheme}://{random.choice(names)}{random.choice(PATHS)}", kind)] = None
    return list(found)
