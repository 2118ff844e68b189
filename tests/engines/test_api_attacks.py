"""A page of a stranger, in real Chromium, against the web API on the same machine: forms, fetches, rebinding, frames.

Chromium's own protection of local networks is off (see FLAGS of the driver): the API has to stand without it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.api.serving import Api, serving
from tests.engines.chromium import Chromium
from tests.engines.require import require

EVIL = "http://evil.test/"
POLICY = "sites:\n  rant.example: {javascript: deny}\ntargets: {ublock: {path: out/ublock.txt}}\n"
SITE = "/v1/site?host=rant.example"

FETCH = """
async (address, options) => {
  try {
    const answer = await fetch(address, options);
    return [answer.type, answer.status, (await answer.text()).length];
  } catch (error) { return ["failed", 0, 0]; }
}
"""
SOCKET = """
address => new Promise(done => {
  const socket = new WebSocket(address);
  socket.onopen = () => done("open");
  socket.onerror = () => done("refused");
})
"""
LOADED = """
(kind, address) => new Promise(done => {
  const made = document.createElement(kind);
  made.onload = () => done("loaded");
  made.onerror = () => done("refused");
  made.src = address;
  document.documentElement.append(made);
})
"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    require("chromium")
    with serving(tmp_path_factory.mktemp("api"), POLICY) as found:
        found.pair()
        assert found.running.run("compile").returncode in (0, 1)
        yield found


@pytest.fixture(scope="module")
def browser(api: Api) -> Iterator[Chromium]:
    # the API's address and a name that leads to it are asked directly, everything else is the attacker's
    flags = ["--proxy-bypass-list=127.0.0.1;rebind.test", "--host-resolver-rules=MAP rebind.test 127.0.0.1"]
    with Chromium(flags=flags) as chromium:
        chromium.web.pages[EVIL] = "<!doctype html><title>a page</title><body>"
        yield chromium


@pytest.fixture(autouse=True)
def _untouched(api: Api, browser: Chromium) -> Iterator[None]:
    before = api.text
    browser.open(EVIL)
    yield
    assert api.text == before
    assert api.call("GET", "/v1/pause").json()["in_force"] is False


def fetched(browser: Chromium, address: str, **options: object) -> list[object]:
    """Return the type, the status and the length of what a page's fetch got."""
    found = browser.evaluate(f"({FETCH})({json.dumps(address)}, {json.dumps(options)})")
    assert isinstance(found, list)
    return found


def submitted(browser: Chromium, address: str, kind: str, fields: dict[str, str]) -> str:
    """Send a form of the open page, and return what the browser shows then."""
    fill = (
        "(form, fields) => { for (const [name, value] of Object.entries(fields)) { "
        "const field = document.createElement('input'); field.name = name; field.value = value; form.append(field); } "
        f"form.method = 'post'; form.enctype = {json.dumps(kind)}; form.action = {json.dumps(address)}; "
        "document.body.append(form); form.submit(); }"
    )
    browser.evaluate(f"({fill})(document.createElement('form'), {json.dumps(fields)})")
    end = time.monotonic() + 30
    while browser.evaluate("location.href") != address and time.monotonic() < end:
        time.sleep(0.1)
    return str(browser.evaluate("document.documentElement.textContent"))


def test_the_attacker_reaches_what_lets_him(browser: Chromium) -> None:
    """Or the tests below would prove nothing: the same page, against a server that allows it."""
    browser.web.answers["http://open.test/"] = 200, {"Access-Control-Allow-Origin": "*"}, b"hello"
    assert fetched(browser, "http://open.test/") == ["cors", 200, 5]


@pytest.mark.parametrize("mode", ["cors", "no-cors"])
def test_fetches(api: Api, browser: Chromium, mode: str) -> None:
    for path in ("/v1/hello", SITE, "/", "/v1/rules/dnr?browser=chromium"):
        kind, status, length = fetched(browser, api.base + path, mode=mode, credentials="include")
        assert (status, length) == (0, 0), path
        assert kind in ("failed", "opaque"), path
    sent = {"method": "POST", "mode": mode, "body": '{"for": "1h"}', "headers": {"Content-Type": "text/plain"}}
    assert fetched(browser, f"{api.base}/v1/pause", **sent)[1:] == [0, 0]
    sent |= {"headers": {"Content-Type": "application/json", "Authorization": f"Bearer {api.token}"}}
    if mode == "cors":  # even with a stolen token: the browser asks first, and is told no
        assert fetched(browser, f"{api.base}/v1/pause", **sent) == ["failed", 0, 0]


def test_a_form_that_is_sent_in_the_address_bar(api: Api, browser: Chromium) -> None:
    """The one that Chromium's protection of local networks lets through."""
    for path, name, value in (
        ("/v1/pause", '{"for": "1h", "group": null, "x": "', '"}'),
        ("/v1/hosts", '{"host": "tracker.example", "verdict": "allow", "note": "', '"}'),
    ):
        assert '"error"' in submitted(browser, api.base + path, "text/plain", {name: value})
        browser.open(EVIL)


@pytest.mark.parametrize("policy", ["unsafe-url", "no-referrer"])
def test_a_form_to_the_page_that_takes_forms(api: Api, browser: Chromium, policy: str) -> None:
    """The page without JavaScript takes forms of its own only, even where a stranger's has stolen a token."""
    for token in (api.token, ""):
        browser.evaluate(f"document.head.insertAdjacentHTML('beforeend', '<meta name=referrer content={policy}>')")
        fields = {"token": token, "do": "allow tracker.example", "view": "log"}
        said = submitted(browser, f"{api.base}/plain", "application/x-www-form-urlencoded", fields)
        assert "Nothing was done" in said
        assert "no page of another origin may ask" in said
        browser.open(EVIL)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        sent = {"method": "POST", "mode": "no-cors", "body": urlencode(fields), "headers": kind}
        assert fetched(browser, f"{api.base}/plain", **sent)[1:] == [0, 0]


def test_a_name_of_the_attacker_that_leads_here(api: Api, browser: Chromium) -> None:
    """DNS rebinding: the page is of the same origin as the API then, and may send any header."""
    browser.open(f"http://rebind.test:{api.port}/")
    assert "another host" in browser.evaluate("document.documentElement.textContent")
    for headers in ({}, {"Authorization": f"Bearer {api.token}"}):
        assert fetched(browser, f"http://rebind.test:{api.port}{SITE}", headers=headers)[:2] == ["basic", 421]


def test_websockets_of_a_page(api: Api, browser: Chromium) -> None:
    for path in ("/", "/v1/log/live"):
        assert browser.evaluate(f"({SOCKET})({json.dumps(f'ws://127.0.0.1:{api.port}{path}')})") == "refused"


def test_lists_are_read_by_no_page(api: Api, browser: Chromium) -> None:
    address = api.call("GET", "/v1/lists/addresses").json()["addresses"][0]
    assert api.call("GET", address.removeprefix(api.base), Authorization="").status == 200
    for mode in ("cors", "no-cors"):
        assert fetched(browser, address, mode=mode)[1:] == [0, 0]
    for kind in ("script", "img"):
        assert browser.evaluate(f"({LOADED})({json.dumps(kind)}, {json.dumps(address)})") == "refused"


def test_the_page_is_shown_in_no_frame(api: Api, browser: Chromium) -> None:
    browser.evaluate(f"({LOADED})('iframe', {json.dumps(api.base + '/')})")
    assert browser.evaluate("document.querySelector('iframe').contentDocument") is None
    shown = "(() => { try { return frames[0].location.href } catch { return 'out of reach' } })()"
    assert browser.evaluate(shown) == "out of reach"


def test_the_token_works_where_it_should(api: Api, browser: Chromium, tmp_path: Path) -> None:
    """From the API's own page; the same fetches that failed above."""
    browser.open(f"{api.base}/v1/hello")
    headers = {"Authorization": f"Bearer {api.token}"}
    kind, status, length = fetched(browser, f"{api.base}{SITE}", headers=headers)
    assert (kind, status) == ("basic", 200)
    assert isinstance(length, int)
    assert length > 100
