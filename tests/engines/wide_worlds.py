"""Worlds with what plain ones never have: rarer forms of lines and patterns, what lists do besides blocking, ports,
pages below a path, and documents that are opened there.

What a list does besides blocking changes no verdict of `decide()`, so it is here to be in the way of what does; but
for `$inline-script`, which stops what `decide()` is asked about: `test_ublock_worlds.py` has that. `$ipaddress` names
none that is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from random import Random
from urllib.parse import urlsplit

from blockctl.model.request import Kind
from tests.engines.worlds import ADDRESS, PATHS, Question, World, worlds

PATTERNS = (
    "||{0}^|", "||{0}|", "|https://{0}^", "|https://{0}/|", "||{0}:8443^", "||{0}/*/banner.js", "||*.{0}^", "{0}",
    "||{0}/ads", "||{0}/ads/*.js|", "://{0}/", ".js|", ".js", "/ads", "ads/banner", "|http://", "|https:", "||{0}*/x/",
    "||{0}^*/banner", "/ads/banner.js^", "||{0}/^ads", ":8443/", "?ads=", "&b=%C3%BC", "/b\u00fccher/", "^{0}^",
    "||{0}/",
)  # fmt: skip
REGEXES = (
    r"^https?:\/\/([a-z]+\.)*ads\.net(:\d+)?\/", r"\.js$", r"\/(ads|img)\/", r"[?&]ads=\d{1,3}",
    r"^https:\/\/[^\/]+\/$",
    r"\/Ads\/", r"ads.*banner", r"\/x\/(?:track|app)\b", r"\/x\/(?!app)", r"(?:a|i)[dm][sg]\/",
)  # fmt: skip
OPTIONS = (
    "1p", "3p", "from={0}", "from={0}|~{1}", "domain={0}|/^www\\./", "to={0}|~{1}", "to=~{0}", "to=ads.*", "all", "css",
    "xhr", "frame", "doc", "1p,script", "3p,~image", "denyallow={0},domain={1}", "denyallow={0},important",
    "domain=~{0}|~{1}", "domain=news.*|~{0}", "domain={0}|~www.{0}", "script,image,font,media,ping,websocket",
    "~script,~image,third-party", "match-case,from={0}", "xhr,match-case,important", "document,important",
    "popup", "method=post", "object", "redirect=noopjs,script", "redirect-rule=1x1.gif,image",
    "removeparam=ads", "csp=img-src 'none'", "permissions=camera=()", "header=x-ads:1", "ipaddress=203.0.113.7",
)  # fmt: skip
BESIDES = ("@@||{0}^$generichide", "@@||{0}^$elemhide", "{0}##.ad", "@@||{0}^$csp", "@@||{0}^$removeparam=ads")
MORE_PATHS = (
    *PATHS, "/ads", "/ads/x/banner.js", "/ads/banner.json", "/b%C3%BCcher/", "/img/b.gif?a=1&ads=12&b=%C3%BC", "/x/app",
    "/ads/banner.js?to=/x/", "/?ads=1",
)  # fmt: skip


def wide_worlds(seed: int, count: int, *, questions: int = 60, without: Collection[str] = ()) -> list[World]:
    """Return the worlds of that seed, each with a few lines more, and half of its questions asked otherwise.

    What is left out of the worlds is as in `worlds`; the lines that are added leave out none but addresses.
    """
    random = Random(seed)
    return [_widened(world, random) for world in worlds(seed, count, questions=questions, without=without)]


def _widened(world: World, random: Random) -> World:
    names = sorted({str(urlsplit(each.url).hostname) for each in world.questions})
    lines = world.lists["web.txt"].splitlines(keepends=True)
    lines += [f"{_line(random, names)}\n" for _ in range(random.randint(2, 6))]
    random.shuffle(lines)
    asked = dict.fromkeys(_asked_otherwise(random, each) if random.random() < 0.5 else each for each in world.questions)
    return replace(world, lists=world.lists | {"web.txt": "".join(lines)}, questions=list(asked))


def _line(random: Random, names: Sequence[str]) -> str:
    """Draw a line; a pattern that stands for every address has options."""
    some = random.sample([name for name in names if name != ADDRESS], 2)
    if random.random() < 0.12:
        return random.choice(BESIDES).format(*some)
    form = random.random()
    if form < 0.4:
        pattern = f"||{some[0]}^"
    elif form < 0.85:
        pattern = random.choice(PATTERNS).format(*some)
    else:
        pattern = f"/{random.choice(REGEXES)}/"
    exception = "@@" if random.random() < 0.25 else ""
    options = random.choice(OPTIONS).format(*random.sample(some, 2)) if random.random() < 0.65 else ""
    if exception and ("important" in options or "denyallow" in options):
        options = ""
    return f"{exception}{pattern}" + (f"${options}" if options else "")


def _asked_otherwise(random: Random, question: Question) -> Question:
    """Return the question with another path, a port, or on a page below a path."""
    page, url = (urlsplit(each) for each in (question.page, question.url))
    port = ":8443" if url.scheme in ("https", "wss") and random.random() < 0.15 else ""
    path = random.choice(MORE_PATHS)
    asked = f"{url.scheme}://{url.netloc}{port}{path}"
    if question.kind is Kind.DOCUMENT:
        return Question(asked, asked, question.kind)
    return Question(f"{page.scheme}://{page.netloc}{random.choice(MORE_PATHS)}", asked, question.kind)
