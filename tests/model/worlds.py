"""Small random worlds for Hypothesis: few names, words and pages, so that rules and requests often meet."""

from __future__ import annotations

from hypothesis import strategies as st

from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.policy import HostEntry, JavaScript, Policy, Site
from blockctl.model.request import ALL_KINDS, SUBRESOURCES, Kind, Request
from blockctl.model.rule import Effect, Party, Rule, Scope

NAMES = ("a.com", "b.a.com", "c.b.a.com", "ads.net", "x.ads.net", "shop.co.uk", "www.shop.co.uk", "192.0.2.7")
PLACES = (*NAMES[:7], "shop.*", "a.*", r"/^b\./")
PATTERNS = (
    "", "*", "/ad/", "/ad", "ad^", "||ads.net/ad", "||a.com^*x", "|https://a.com/", "x.js|", "||x.", "-ad-", "/ad*js",
    "||shop.co.uk/ad/x.js|", "a", "https://",
)  # fmt: skip
REGEXES = (r"^https:\/\/x\.", r"\/ad\/", r"x\.js$|y", "(", r"[ad]+\.net")
PATHS = ("/", "/ad/x.js", "/AD", "/x.js", "/-ad-?x", "/y/ad?u=https://a.com/")
ORIGIN = Origin("world", 1)

names = st.sampled_from(NAMES)
places = st.lists(st.sampled_from(PLACES), max_size=2, unique=True).map(tuple)
kinds = st.sampled_from((ALL_KINDS, SUBRESOURCES, Kind.SCRIPT, Kind.IMAGE | Kind.FRAME, Kind.DOCUMENT))
requests = st.builds(
    lambda host, path, page, kind, inline: Request.parse(
        f"https://{host}{path}", f"https://{page}/" if page else "", kind, inline=inline and kind is Kind.SCRIPT
    ),
    names,
    st.sampled_from(PATHS),
    st.sampled_from((*NAMES, "")),
    st.sampled_from([kind for kind in Kind if kind]),
    st.booleans(),
)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Draw a rule with a host, a pattern, a regular expression or none of them."""
    about = draw(st.sampled_from(("host", "pattern", "regex", "")))
    return Rule(
        draw(st.sampled_from(Effect)),
        Origin("world", draw(st.integers(1, 9))),
        "",
        host=draw(names) if about == "host" else "",
        scope=draw(st.sampled_from(Scope)),
        pattern=draw(st.sampled_from(REGEXES if about == "regex" else PATTERNS))
        if about in ("pattern", "regex")
        else "",
        regex=about == "regex",
        match_case=draw(st.booleans()),
        kinds=draw(kinds),
        party=draw(st.sampled_from(Party)),
        sites=draw(places),
        not_sites=draw(places),
        to=draw(places),
        not_to=draw(places),
        important=draw(st.booleans()),
        action=draw(st.sampled_from(("", "", "", "csp"))),
        needs=draw(st.sampled_from(((), (), (), ("popup",)))),
    )


columns = st.sets(names, max_size=2)
filter_lists = st.builds(
    FilterList,
    st.sampled_from(("one", "two")),
    st.sampled_from(("adblock", "hosts")),
    exact=columns,
    subtree=columns,
    allow_exact=columns,
    allow_subtree=columns,
    rules=st.lists(rules(), max_size=6),
)

entries = st.builds(HostEntry, names, st.booleans(), st.just(ORIGIN))
javascript = st.sampled_from(JavaScript)
sites = st.builds(
    Site,
    names,
    st.just(ORIGIN),
    javascript=st.none() | javascript,
    blocking=st.none() | st.booleans(),
    hosts=st.lists(entries, max_size=3).map(tuple),
    hide=st.sampled_from(((), (".x",))),
)
policies = st.builds(
    Policy,
    st.just("policy"),
    javascript=javascript,
    blocking=st.sampled_from((True, True, True, False)),
    sites=st.lists(sites, max_size=3).map(lambda found: {site.host: site for site in found}),
    hosts=st.lists(entries, max_size=3).map(lambda found: {entry.host: entry for entry in found}),
    protect=st.dictionaries(names, st.just(ORIGIN), max_size=1),
    paused=st.sampled_from((False, False, False, True)),
)
