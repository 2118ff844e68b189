"""The companion extension in real Chromium and Firefox, beside a real web API.

A browser takes half a minute, so Firefox's part runs only when $BLOCKCTL_BROWSERS asks for it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from blockctl.backends.dnr_live import Live
from blockctl.backends.scripts import CLAIMS, ELSEWHERE, WAYS, Claim
from blockctl.backends.ublock_regions import javascript_of
from blockctl.io import api_rules
from blockctl.model.diagnostic import Origin
from blockctl.model.policy import JavaScript, Policy
from blockctl.model.policy import Site as Entry
from tests.engines.companion import BROWSERS, Api, Browser, pair, press, state, until
from tests.engines.probe import Site
from tests.engines.require import require

POLICY = """\
version: 1
sites:
  rant.test: {javascript: deny}  # they do not need it
  fine.rant.test: {javascript: allow}
  own.test: {javascript: first-party}
  news.test: {hide: [".modal"], scroll: unlock}
"""
SETS_TITLE = "<!doctype html><title>before</title><script>document.title = 'ran'</script>" + "Something to read. " * 9
BY_SCRIPT = "<!doctype html><title>app</title><div id=root></div><script>root.textContent = 'shown'</script>"
MARK = "http://mark.test/made"
WORKER = f"""
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', event => event.waitUntil(clients.claim()));
self.addEventListener('fetch', event => event.request.mode === 'navigate' && event.respondWith(new Response(
  "<!doctype html><title>made</title><script>new Image().src = '{MARK}'; document.title = 'made, and ran'</script>",
  {{headers: {{'content-type': 'text/html'}}}})));
"""
WITH_WORKER = SETS_TITLE + "<script>navigator.serviceWorker.register('/worker.js')</script>"


@pytest.fixture(scope="module", params=list(BROWSERS))
def pairing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, Api]]:
    """Return a browser with the extension, paired, and the API."""
    if request.param == "firefox" and not os.environ.get("BLOCKCTL_BROWSERS"):
        pytest.skip("$BLOCKCTL_BROWSERS does not ask for it")
    require(request.param)
    api = Api(tmp_path_factory.mktemp("api"), POLICY)
    browser = BROWSERS[request.param]()
    try:
        for site in ("rant", "fine", "other", "third", "news", "app", "lapse"):
            browser.web.pages |= {f"http://{site}.test/": SETS_TITLE}
        browser.visit("http://fine.test/")
        pair(browser, api)
        yield browser, api
    finally:
        browser.end()
        api.stop()


@pytest.fixture
def browser(pairing: tuple[Browser, Api]) -> Browser:
    return pairing[0]


@pytest.fixture
def api(pairing: tuple[Browser, Api], browser: Browser) -> Iterator[Api]:
    """Return the API over the policy as it was in the beginning, in force."""
    api = pairing[1]
    yield api
    api.write(POLICY)
    obeys(browser, "http://rant.test/", "before")
    obeys(browser, "http://fine.test/", "ran")


def obeys(browser: Browser, url: str, title: str) -> None:
    """Load a page until its title is that one."""

    def look() -> bool:
        browser.visit(url)
        return bool(browser.page("document.title") == title)

    until(f"{title!r} at {url}", look)


def titled(browser: Browser, title: str) -> None:
    """Wait for a title of the page that is there."""
    until(title, lambda: browser.page("document.title") == title)


@pytest.mark.parametrize("host", ["rant.test", "www.rant.test", "fine.rant.test", "own.test", "other.test"])
def test_every_way(browser: Browser, host: str) -> None:
    """All that can run under each mode is what `dnr` claims: Firefox's rules know no page above a frame."""
    modes = {"rant": JavaScript.DENY, "www": JavaScript.DENY, "own": JavaScript.FIRST_PARTY}
    kind = "dnr" if type(browser).__name__ == "InChromium" else "dnr, firefox"
    claims = CLAIMS[kind][modes.get(host.partition(".")[0], JavaScript.ALLOW)]
    claimed = {way for way in WAYS if claims[way] is Claim.RUNS} | ELSEWHERE.keys()
    worked = browser.probe(Site(host))
    if claimed - worked:  # a busy machine: what comes, comes late
        worked |= browser.probe(Site(host))
    assert worked == claimed


AREAS = """
const { modeOf, areas } = await import('/sites.js');
const matches = (pattern, host) => {
  const name = pattern.slice(4, -2);
  return name === '*' || name === host || (name.startsWith('*.') && ('.' + host).endsWith(name.slice(1)));
};
return MODES.map(mode => HOSTS.map(host => [modeOf(mode, host), areas(mode, 'deny').some(area =>
  area.matches.some(each => matches(each, host)) && !(area.excludeMatches.some(each => matches(each, host))))]));
"""


def test_nesting(browser: Browser) -> None:
    """Which sites are denied is what the policy means, however entries nest."""
    hosts = ["test", "a.test", "b.a.test", "c.b.a.test", "d.c.b.a.test", "ba.test", "x.b.a.test", "192.0.2.7", "0.2.7"]
    random = Random(6)
    modes: list[tuple[str, dict[str, str]]] = []
    for _ in range(200):
        sites = {host: random.choice(["allow", "deny", "first-party"]) for host in hosts if random.random() < 0.6}
        modes.append((random.choice(["allow", "deny"]), sites))
    told = [{"default": default, "sites": sites} for default, sites in modes]
    found = browser.popup(f"const MODES = {json.dumps(told)}, HOSTS = {json.dumps(hosts)};{AREAS}")
    for mode, said in zip(modes, found, strict=True):
        entries = {host: Entry(host, Origin("p"), JavaScript(value)) for host, value in mode[1].items()}
        policy = Policy("p", JavaScript(mode[0]), sites=entries)
        meant = [javascript_of(policy, host) for host in hosts]
        assert said == [[each.value, each is JavaScript.DENY] for each in meant], mode


def test_flip_for_good(browser: Browser, api: Api) -> None:
    """A button of the popup changes the file and nothing else in it, and the page, once."""
    browser.visit("http://fine.test/")
    assert state(browser)["words"] == ["JavaScript: allowed here.", "Ads and trackers: blocked here."]
    before = browser.web.hits.count("http://fine.test/")
    press(browser, "javascript", "deny", "always")
    titled(browser, "before")
    until("the file", lambda: api.text() == POLICY + "  fine.test: {javascript: deny}\n")
    until("no overlay", lambda: state(browser).get("visit") is None)
    assert state(browser)["words"][0] == "JavaScript: denied here."
    assert browser.web.hits.count("http://fine.test/") == before + 1
    press(browser, "javascript", "allow", "always")
    titled(browser, "ran")
    until("the file", lambda: "  fine.test: {javascript: allow}\n" in api.text())


def test_another_browser(tmp_path: Path) -> None:
    """What one browser is told, the other obeys."""
    if not os.environ.get("BLOCKCTL_BROWSERS"):
        pytest.skip("$BLOCKCTL_BROWSERS does not ask for two browsers at once")
    for each in BROWSERS:
        require(each)
    api = Api(tmp_path, POLICY)
    first, second = (BROWSERS[each]() for each in BROWSERS)
    try:
        for browser in (first, second):
            browser.web.pages["http://fine.test/"] = SETS_TITLE
            browser.visit("http://fine.test/")
            pair(browser, api)
        press(first, "javascript", "deny", "always")
        obeys(second, "http://fine.test/", "before")
        press(second, "javascript", "allow", "always")
        obeys(first, "http://fine.test/", "ran")
    finally:
        first.end()
        second.end()
        api.stop()


def test_an_edit_of_the_file(browser: Browser, api: Api) -> None:
    api.write(POLICY + "  other.test: {javascript: deny}\n")
    obeys(browser, "http://other.test/", "before")
    api.write(POLICY)
    obeys(browser, "http://other.test/", "ran")


def test_an_hour(browser: Browser, api: Api) -> None:
    """The file gets an end; what ends is over by itself, without blockctl too."""
    browser.visit("http://lapse.test/")
    press(browser, "javascript", "deny", "hour")
    until("the file", lambda: "lapse.test: {javascript: deny, until: " in api.text())
    titled(browser, "before")
    end = datetime.now(UTC) + timedelta(seconds=4)
    api.write(POLICY + f"  lapse.test: {{javascript: deny, until: {end:%Y-%m-%dT%H:%M:%SZ}}}\n")
    obeys(browser, "http://lapse.test/", "ran")


def test_an_hour_ends_without_blockctl(browser: Browser, api: Api) -> None:
    end = datetime.now(UTC) + timedelta(seconds=8)
    api.write(POLICY + f"  lapse.test: {{javascript: deny, until: {end:%Y-%m-%dT%H:%M:%SZ}}}\n")
    obeys(browser, "http://lapse.test/", "before")
    api.stop()
    try:
        obeys(browser, "http://lapse.test/", "ran")
        obeys(browser, "http://rant.test/", "before")
    finally:
        api.start()


def test_an_hour_beside_an_entry_for_good(browser: Browser, api: Api) -> None:
    """An end would be the end of the whole entry, so the file stays as it is and the tab has its hour."""
    obeys(browser, "http://rant.test/", "before")
    until("the entry", lambda: "line 3" in str(browser.popup("return document.getElementById('hint').textContent")))
    press(browser, "javascript", "allow", "hour")
    titled(browser, "ran")
    assert api.text() == POLICY
    press(browser, "javascript", "deny", "always")
    titled(browser, "before")


def test_this_visit(browser: Browser, api: Api) -> None:
    """Only the tab obeys, frames with it, and hosts that are denied everywhere stay denied in it."""
    bad = "http://bad.test/tracker.js"
    browser.web.pages["http://rant.test/"] = f"{SETS_TITLE}<script src='{bad}'></script>"
    api.write(f"{POLICY}hosts: {{deny: [bad.test]}}\n")
    obeys(browser, "http://rant.test/", "before")
    until(
        "hosts",
        lambda: (
            "bad.test"
            in str(
                browser.popup(
                    "return (await (globalThis.browser ?? chrome)"
                    ".declarativeNetRequest.getDynamicRules())"
                    ".flatMap(rule => rule.condition.requestDomains ?? [])"
                )
            )
        ),
    )
    press(browser, "javascript", "allow", "visit")
    titled(browser, "ran")
    assert bad not in browser.web.hits
    assert api.text().startswith(POLICY)
    obeys(browser, "http://www.rant.test/", "empty")
    assert state(browser)["words"][0] == "JavaScript: allowed here."
    press(browser, "javascript", "deny", "visit")
    obeys(browser, "http://rant.test/", "before")


def test_without_blockctl(browser: Browser, api: Api) -> None:
    """The last rules hold, a visit can be changed, and blockctl is found again."""
    api.stop()
    try:
        until(
            "the word",
            lambda: (
                "blockctl is not running. Its last rules hold ("
                in browser.popup("return document.getElementById('problem').textContent")
            ),
        )
        obeys(browser, "http://rant.test/", "before")
        press(browser, "javascript", "allow", "visit")
        titled(browser, "ran")
        press(browser, "javascript", "deny", "visit")
        titled(browser, "before")
    finally:
        api.start()
    api.write(POLICY + "  other.test: {javascript: deny}\n")
    obeys(browser, "http://other.test/", "before")
    until("no complaint", lambda: not browser.popup("return document.getElementById('problem').textContent"))


def test_a_rule_that_the_browser_refuses(browser: Browser, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are in force all the same, and it is told."""
    bad = {"id": 5000, "action": {"type": "modifyHeaders"}, "condition": {"requestDomains": ["other.test"]}}  # which?
    made = api_rules.live

    def with_a_fault(policy: Policy, options: Mapping[str, str]) -> Live:
        found = made(policy, options)
        return replace(found, rules=[found.rules[0], bad, *found.rules[1:]])

    monkeypatch.setattr(api_rules, "live", with_a_fault)
    api.write(POLICY + "  lapse.test: {javascript: deny}\n")
    obeys(browser, "http://lapse.test/", "before")
    obeys(browser, "http://rant.test/", "before")
    told = until("the word", lambda: browser.popup("return document.getElementById('problem').textContent"))
    assert "refuses 1 of " in told
    assert "(modifyHeaders)" in told
    monkeypatch.undo()
    api.write(POLICY)
    until("no complaint", lambda: not browser.popup("return document.getElementById('problem').textContent"))


def test_names_of_all_kinds(browser: Browser, api: Api) -> None:
    """No name that the policy takes is one that a browser refuses, with all others in its rule."""
    names = [
        "192.0.2.7",
        '"[2001:db8::1]"',
        "localhost",
        "x_y.test",
        "xn--fa-hia.test",
        "b\u00fccher.test",
        "TOP.Test.",
    ]
    api.write(POLICY + "".join(f"  {name}: {{javascript: deny}}\n" for name in names))
    for url in ("http://top.test/", "http://xn--bcher-kva.test/", "http://x_y.test/", "http://192.0.2.7/"):
        browser.web.pages[url] = SETS_TITLE
        obeys(browser, url, "before")
    assert (state(browser)["refused"], state(browser)["problem"]) == ("", "")
    api.write(POLICY)
    obeys(browser, "http://192.0.2.7/", "ran")
    press(browser, "javascript", "deny", "always")
    titled(browser, "before")
    until("the file", lambda: "  192.0.2.7: {javascript: deny}\n" in api.text())


def test_hide_and_scroll(browser: Browser, api: Api) -> None:
    """What the policy hides is hidden, and a page that a banner locked can be scrolled."""
    style = "<style>html, body { overflow: hidden; position: fixed }</style>"
    browser.web.pages["http://news.test/"] = f"<!doctype html>{style}<p class=modal>Subscribe</p><p>The news of the day"
    browser.visit("http://news.test/")
    until("hidden", lambda: browser.page("getComputedStyle(document.querySelector('.modal')).display") == "none")
    assert browser.page("getComputedStyle(document.body).overflowY") in ("auto", "visible")
    assert browser.page("getComputedStyle(document.body).position") == "static"
    browser.web.pages["http://fine.test/"] = "<!doctype html><title>ran</title><p class=modal>Subscribe"
    browser.visit("http://fine.test/")
    assert browser.page("getComputedStyle(document.querySelector('.modal')).display") == "block"
    browser.web.pages["http://fine.test/"] = SETS_TITLE


def test_an_empty_page(browser: Browser, api: Api) -> None:
    """A page that shows nothing without JavaScript is noticed, and one tap shows it."""
    browser.web.pages["http://app.rant.test/"] = BY_SCRIPT
    browser.visit("http://app.rant.test/")
    until("noticed", lambda: state(browser)["isEmpty"])
    until("offered", lambda: browser.popup("return document.getElementById('empty').hidden") is False)
    browser.popup("document.getElementById('allow-visit').click()")
    until("shown", lambda: browser.page("document.body.innerText") == "shown")
    press(browser, "javascript", "deny", "visit")
    until("empty again", lambda: state(browser)["isEmpty"])
    browser.tap()  # what is offered in the page
    until("shown by a tap", lambda: browser.page("document.body.innerText") == "shown")
    press(browser, "javascript", "deny", "visit")
    until("empty once more", lambda: state(browser)["isEmpty"])
    browser.visit("http://rant.test/")
    assert not state(browser)["isEmpty"]


@pytest.mark.parametrize("host", ["app.localhost", "deep.app.localhost", "ported.app.localhost:8088"])
def test_a_service_worker(browser: Browser, api: Api, host: str) -> None:
    """A page that a site's own worker makes runs no script: no header of ours reaches it, so the worker goes."""
    page = f"http://{host}/"
    script = 200, {"Content-Type": "text/javascript"}, WORKER.encode()
    browser.web.pages[page], browser.web.answers[f"{page}worker.js"] = WITH_WORKER, script
    obeys(browser, page, "made, and ran")
    api.write(POLICY + "  app.localhost: {javascript: deny}\n")
    until("the rules", lambda: state(browser)["words"][0] == "JavaScript: denied here.")
    browser.web.hits.clear()
    obeys(browser, page, "before")
    assert MARK not in browser.web.hits


def test_pause(browser: Browser, api: Api) -> None:
    obeys(browser, "http://rant.test/", "before")
    browser.popup("document.getElementById('pause').click()")
    obeys(browser, "http://rant.test/", "ran")
    assert state(browser)["words"] == ["Paused: everything is let through."]
    until("a way back", lambda: browser.popup("return document.getElementById('pause').textContent") == "End the pause")
    browser.popup("document.getElementById('pause').click()")
    obeys(browser, "http://rant.test/", "before")


def test_blocking(browser: Browser, api: Api) -> None:
    """Lists are elsewhere, so the file is told; a visit is an hour at most."""
    browser.visit("http://fine.test/")
    press(browser, "blocking", "allow", "visit")
    until("the file", lambda: "fine.test: {blocking: off, until: " in api.text())
    until("words", lambda: state(browser)["words"][1] == "Ads and trackers: allowed here.")
    press(browser, "javascript", "deny", "always")  # for good is for good, and makes nothing else so
    until("the file", lambda: api.text() == POLICY + "  fine.test: {javascript: deny}\n")
    until("the entry", lambda: "line 7" in str(browser.popup("return document.getElementById('hint').textContent")))
    press(browser, "blocking", "allow", "hour")
    assert api.text() == POLICY + "  fine.test: {javascript: deny}\n"


def test_a_wrong_code(browser: Browser, api: Api, tmp_path: Path) -> None:
    """A device that is revoked is asked to pair; a wrong code says so."""
    api.revoke()
    until("asked to pair", lambda: browser.popup("return document.getElementById('pairing').hidden") is False)
    obeys(browser, "http://rant.test/", "before")
    browser.popup("document.getElementById('code').value = '000 000'; document.querySelector('#pair .main').click()")
    until("refused", lambda: "not good" in browser.popup("return document.getElementById('problem').textContent"))
    pair(browser, api)
