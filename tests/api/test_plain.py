"""The page without JavaScript: what its forms do, and what a form of a stranger's cannot."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlencode

import pytest

from blockctl.io import api_guard
from blockctl.io.api_devices import Capabilities
from blockctl.io.api_plain import LONGEST, MOST_FIELDS
from blockctl.io.api_who import MOST_TRIES
from tests.api.serving import Answer, Api, serving
from tests.io.list_server import running as lists_running

FORM = "application/x-www-form-urlencoded"
LARGEST = 100_000  # bytes of a screen with its style sheet
EVIL = "<script>run()</script><img src=x onerror=run()>\"'`</title></code>"


class Seen(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, name: str) -> list[str | None]:
        return [each.get("value") for _, each in self.tags if each.get("name") == name]


def send(api: Api, *, headers: dict[str, str] | None = None, **fields: str) -> Answer:
    """Send a form as a browser does that shows this page; `for_` is `for`."""
    sent = {"Content_Type": FORM, "Origin": api.base, "Authorization": "", **(headers or {})}
    body = urlencode({name.rstrip("_"): value for name, value in fields.items()}).encode()
    return api.call("POST", "/plain", body, **sent)


def pair(api: Api, *words: str) -> str:
    """Pair by the form; return the token that its answer holds."""
    answer = send(api, do="pair", code=api.code(*words), name="lynx")
    assert answer.status == 200, answer.body
    tokens = set(Seen(answer.body).values("token"))
    assert len(tokens) == 1
    return str(tokens.pop())


@pytest.fixture(scope="module")
def token(api: Api) -> str:
    return pair(api)


@pytest.fixture(autouse=True)
def _text_stays(api: Api) -> Iterator[None]:
    before = api.text
    yield
    assert api.text == before


def test_a_site_is_searched_and_the_lines_that_speak_are_told(api: Api, token: str) -> None:
    said = Seen(send(api, token=token, what="www.rant.example").body).text
    assert "JavaScript: denied here." in said
    assert "from rant.example (policy.yaml, line 4)" in said
    assert "Note: too many pop-ups" in said
    found = Seen(send(api, token=token, what="https://ads.example/x.js").body)
    assert "own.txt:1  ||ads.example^" in found.text
    assert "allow ads.example" in found.values("do")
    said = Seen(send(api, token=token, look="news.example", view="log").body).text
    assert "cdn.partner.example allowed on news.example (line 6)" in said


def test_switches_of_a_site_write_what_the_json_api_writes(api: Api, token: str) -> None:
    before = api.text
    done = send(api, token=token, do="javascript deny", site="shop.example", what="shop.example")
    assert (done.status, "JavaScript: denied here." in Seen(done.body).text) == (200, True)
    assert "  shop.example: {javascript: deny}\n" in api.text
    send(api, token=token, do="blocking off", site="shop.example", for_="1h")
    told = api.call("GET", "/v1/site?host=shop.example", Authorization=f"Bearer {token}").json()
    assert (told["javascript"], told["blocking"], told["until"] is None) == ("deny", False, False)
    offered = Seen(send(api, token=token, what="shop.example").body)
    assert "as so far" in offered.text
    send(api, token=token, do="blocking off", site="shop.example", for_="good")
    assert "until" not in api.text
    assert "as every other site" in Seen(send(api, token=token, do="reset shop.example").body).text
    assert api.text == before


def test_hosts_on_a_site_and_everywhere(api: Api, token: str) -> None:
    before = api.text
    send(api, token=token, do="deny", host="cdn.shop.example", site="news.example")
    assert "deny: [cdn.shop.example]" in api.text
    assert send(api, token=token, do="forget cdn.shop.example news.example").status == 200
    assert api.text == before
    done = send(api, token=token, do="allow", host="cdn.shop.example", site="", for_="1h")
    assert "cdn.shop.example is allowed everywhere." in Seen(done.body).text
    assert "cdn.shop.example" in api.text
    done = send(api, token=token, do="forget cdn.shop.example ")
    assert "forgotten" in Seen(done.body).text


def test_the_log_lets_a_name_through(api: Api, token: str) -> None:
    assert api.running.code("tracker.example") == "NXDOMAIN"
    api.running.until(lambda: b"tracker.example" in send(api, token=token, view="log").body)
    seen = Seen(send(api, token=token, view="log", name="tracker", blocked="on").body)
    assert "allow tracker.example" in seen.values("do")
    assert "policy.yaml:8" in seen.text
    assert "tracker" not in Seen(send(api, token=token, view="log", name="nobody").body).text
    before = api.text
    send(api, token=token, view="log", do="allow tracker.example")
    assert api.text == before.replace("{deny: [tracker.example]}", "{allow: [tracker.example]}")
    send(api, token=token, view="log", do="deny tracker.example")
    assert api.text == before


def test_a_pause_and_its_end(api: Api, token: str) -> None:
    said = Seen(send(api, token=token, do="pause 10m").body)
    assert "Paused until " in said.text
    assert "resume" in said.values("do")
    assert send(api, token=token, do="resume").status == 200
    assert api.call("GET", "/v1/pause", Authorization=f"Bearer {token}").json()["in_force"] is False


def test_what_is_wrong_is_told_and_changes_nothing(api: Api, token: str) -> None:
    for fields, words in (
        ({"do": "javascript maybe", "site": "a.example"}, "javascript"),
        ({"do": "javascript deny", "site": "co.uk"}, "public suffix"),
        ({"do": "javascript deny", "site": "a.example", "for_": "soon"}, "not a time"),
        ({"do": "allow", "host": "not a host"}, "not a host"),
        ({"do": "allow", "host": "x" * 301}, "300"),
        ({"do": "nonsense"}, "nonsense"),
        ({"do": "accept-whole nobody", "view": "lists"}, "nobody"),
        ({"do": "accept-rest own\0", "view": "lists"}, "no list 'own\\x00'"),
    ):
        answer = send(api, token=token, **fields)
        assert answer.status == 422, (fields, answer.body)
        assert words in Seen(answer.body).text
    assert "is not one site" in Seen(send(api, token=token, what="not a host").body).text


def test_enter_in_the_field_for_a_host_changes_nothing(api: Api, token: str) -> None:
    """Enter presses the first button of a form (HTML, "implicit submission"), so it is one that shows something."""
    tags = Seen(send(api, token=token, what="rant.example").body).tags
    forms = [at for at, (tag, _) in enumerate(tags) if tag == "form"]
    typed = 0
    for at, end in pairwise([*forms, len(tags)]):
        fields = [each for tag, each in tags[at:end] if tag == "input" and each.get("type") != "hidden"]
        first = next((each for tag, each in tags[at:end] if tag == "button"), {})
        typed += bool(fields)
        assert not fields or first.get("name") != "do"
    assert typed >= 2
    before = api.text
    fields = {"what": "rant.example", "site": "rant.example", "host": "ads.example", "look": ""}
    said = Seen(send(api, token=token, **fields).body).text
    assert "own.txt:1" in said
    assert api.text == before


def test_what_is_no_way_to_ask_is_told_as_a_page(api: Api) -> None:
    for method, path in (("PUT", "/plain"), ("DELETE", "/plain"), ("GET", "/plain/")):
        body = b"a=b" if path == "/plain" else None
        answer = api.call(method, path, body, Content_Type=FORM if body else "", Origin=api.base)
        assert answer.status in (404, 405), (method, path, answer.body)
        assert answer.headers["content-type"].startswith("text/html")
        assert "Begin again" in Seen(answer.body).text
    for path in ("/plain", "/"):
        answer = api.call("HEAD", path)
        assert (answer.status, answer.body) == (200, b"")


def test_a_policy_with_errors_is_told_with_its_line(api: Api, token: str) -> None:
    before = api.text
    try:
        api.running.policy.write_text(before + "nonsense: 1\n", encoding="utf-8")
        for fields in ({}, {"do": "javascript deny", "site": "a.example"}):
            answer = send(api, token=token, **fields)
            assert answer.status == 409
            assert f"policy.yaml:{before.count(chr(10)) + 1}:" in Seen(answer.body).text
    finally:
        api.running.policy.write_text(before, encoding="utf-8")
    assert send(api, token=token).status == 200


def test_an_update_that_is_held_is_taken(tmp_path: Path) -> None:
    names = b"".join(b"0.0.0.0 ads%d.example\n" % number for number in range(300))
    with lists_running() as server:
        server.texts["/a.txt"] = names
        policy = f'lists: [{{name: a list, url: "{server.base}/a.txt", use: [dns]}}]\nprotect: [bank.example]\n'
        with serving(tmp_path, policy) as api:
            token = pair(api)
            assert send(api, token=token, do="sync").status == 200
            server.texts["/a.txt"] = names + b"0.0.0.0 bank.example\n0.0.0.0 fresh.example\n"
            api.running.run("sync", "--now")
            seen = Seen(send(api, token=token, view="lists").body)
            assert "Held back: " in seen.text
            assert "bank.example" in seen.text
            assert {"accept-rest a list", "accept-whole a list"} <= set(seen.values("do"))
            seen = Seen(send(api, token=token, view="lists", do="accept-rest a list").body)
            assert "a list is taken." in seen.text
            assert "Held back" not in seen.text
            api.running.until(lambda: api.running.code("fresh.example") == "NXDOMAIN")


# Attacks


def test_a_form_of_a_stranger_does_nothing(api: Api, token: str) -> None:
    for headers in (
        {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": ""}, {"Origin": f"https://127.0.0.1:{api.port}"},
        {"Origin": f"http://localhost:{api.port}"}, {"Origin": "chrome-extension://abcdefghijklmnopabcdefghijklmnop"},
        {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"},
    ):  # fmt: skip
        for secret in (token, ""):  # not even with the token
            answer = send(api, headers=headers, token=secret, do="javascript allow", site="rant.example")
            assert answer.status == 403, headers
            assert answer.headers["content-type"].startswith("text/html")
            assert "Nothing was done" in Seen(answer.body).text
    answer = send(api, headers={"Host": f"evil.example:{api.port}"}, token=token)
    assert answer.status == 421


def test_the_strangers_form_costs_no_code_a_try(api: Api) -> None:
    code = api.code()
    for _ in range(MOST_TRIES + 2):
        assert send(api, headers={"Origin": "null"}, do="pair", code="000000x").status == 403
    assert send(api, do="pair", code=code, name="lynx").status == 200


def test_only_the_token_in_the_form_counts(api: Api, token: str) -> None:
    stolen = Capabilities(api.running.folder / "state").get()
    for headers, secret in (
        ({}, ""), ({}, "wrong"), ({}, token[:-1]), ({}, f"{token}x"), ({}, f"Bearer {token}"), ({}, stolen),
        ({}, "\xff\0"), ({"Authorization": f"Bearer {token}"}, ""), ({"Cookie": f"token={token}"}, ""),
    ):  # fmt: skip
        answer = send(api, headers=headers, token=secret, do="pause 10m")
        assert answer.status == 403, (headers, secret)
        assert "needs a browser that is paired" in Seen(answer.body).text
        assert not Seen(answer.body).values("view")
    body = urlencode({"do": "pause 10m"}).encode()
    asked = {"Content_Type": FORM, "Origin": api.base, "Authorization": ""}
    assert api.call("POST", f"/plain?token={token}", body, **asked).status == 403
    assert api.call("GET", f"/plain?token={token}&do=pause+10m", Authorization="").status == 200
    assert api.call("GET", "/v1/pause", Authorization=f"Bearer {token}").json()["in_force"] is False


def test_a_token_that_was_revoked_and_one_that_leaves(api: Api) -> None:
    for leave in (True, False):
        mine = pair(api, "--name", "guest")
        assert send(api, token=mine).status == 200
        if leave:
            assert "guest is paired no longer" in Seen(send(api, token=mine, do="leave").body).text
        else:
            assert api.running.run("devices", "revoke", "guest").returncode == 0
        answer = send(api, token=mine, do="javascript allow", site="rant.example")
        assert (answer.status, mine in answer.body.decode()) == (403, False)


def test_a_device_that_may_only_read_is_shown_no_switch_and_has_none(api: Api) -> None:
    mine = pair(api, "--read-only")
    for fields in ({}, {"what": "rant.example"}, {"view": "log"}, {"view": "lists"}):
        answer = send(api, token=mine, **fields)
        assert answer.status == 200
        assert Seen(answer.body).values("do") == []
    for do in ("javascript allow", "reset rant.example", "allow", "forget tracker.example", "pause 10m", "resume",
               "sync", "accept-whole own", "leave"):  # fmt: skip
        answer = send(api, token=mine, do=do, site="rant.example", host="tracker.example")
        assert answer.status == 403, do
        assert "may only read" in Seen(answer.body).text


def test_a_device_that_may_do_nothing_sees_nothing(api: Api) -> None:
    mine = pair(api, "--name", "nobody")
    kept = api.running.folder / "state" / "api" / "devices.json"
    value = json.loads(kept.read_bytes())
    value["devices"][-1]["scopes"] = []
    kept.write_text(json.dumps(value))
    assert api.call("GET", "/v1/sites", Authorization=f"Bearer {mine}").status == 403
    for fields in ({}, {"view": "log"}, {"do": "pause 10m"}):
        answer = send(api, token=mine, **fields)
        assert (answer.status, b"rant.example" in answer.body) == (403, False)


def test_bodies_that_are_no_form_of_ours(api: Api, token: str) -> None:
    asked = {"Origin": api.base, "Authorization": ""}
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", ""):
        body = urlencode({"token": token, "do": "pause 10m"}).encode()
        assert api.call("POST", "/plain", body, Content_Type=kind, **asked).status == 415, kind
    for body, status in (
        (b"token=" + b"x" * api_guard.LARGEST, 413),
        (b"token=" + b"x" * (LONGEST + 1), 422),
        (f"token={token}&token={token}".encode(), 422),
        ("&".join(f"f{each}=1" for each in range(MOST_FIELDS + 1)).encode(), 422),
        (b"token=\xff", 422),
        (b"", 403),
        (b"&&==&%", 403),
    ):
        answer = api.call("POST", "/plain", body, Content_Type=FORM, **asked)
        assert answer.status == status, body[:40]
        assert answer.headers["content-type"].startswith("text/html")
    assert api.call("PUT", "/plain", b"", Content_Type=FORM, **asked).status == 405


def test_what_others_wrote_is_text(api: Api) -> None:
    before, own = api.text, api.running.folder / "own.txt"
    mine = pair(api, "--name", "<script>x</script><b>")
    rules = own.read_text()
    try:
        assert api.running.run("set", "bad.example", "javascript=deny", "--note", EVIL).returncode == 0
        own.write_text(f"||evil.example^$removeparam={EVIL}\n||evil.example^\n! {EVIL}\n")
        screens = [
            send(api, token=mine, **fields)
            for fields in (
                {"what": "bad.example"}, {"what": f"https://evil.example/{EVIL}"}, {"what": EVIL}, {"do": EVIL},
                {"view": "log", "name": EVIL, "blocked": EVIL}, {"view": EVIL, "site": EVIL}, {"view": "lists"},
                {"do": "allow", "host": EVIL}, {"do": "javascript " + EVIL, "site": "a.example"},
            )
        ]  # fmt: skip
        screens.append(send(api, do="pair", code=EVIL[:60], name=EVIL))
    finally:
        own.write_text(rules)
        api.running.policy.write_text(before, encoding="utf-8")
    assert all(each.status in (200, 403, 422) for each in screens)
    assert "<img src=x onerror=run()>" in Seen(screens[0].body).text
    for screen in screens:
        seen = Seen(screen.body)
        assert not {"script", "img", "b"} & {tag for tag, _ in seen.tags}
        assert not [name for _, each in seen.tags for name in each if name.startswith("on")]
        assert b"<img" not in screen.body


def test_no_answer_is_kept_runs_a_script_or_is_framed(api: Api, token: str) -> None:
    wanted = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    first = api.call("GET", "/plain", Authorization="")
    for answer in (first, send(api, token=token), send(api), send(api, headers={"Origin": "null"})):
        assert answer.headers["content-security-policy"] == wanted
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"  # or the forms' origin would be null
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "set-cookie" not in answer.headers
    assert b"token" not in re.sub(rb'<input name="token" type="password"[^>]*>', b"", first.body)
    assert api.call("GET", "/", Authorization="").headers["referrer-policy"] == "no-referrer"


def test_every_form_is_posted_here_and_every_field_has_a_label(api: Api, token: str) -> None:
    for fields in ({}, {"what": "news.example"}, {"view": "log"}, {"view": "lists"}):
        seen = Seen(send(api, token=token, **fields).body)
        forms = [each for tag, each in seen.tags if tag == "form"]
        assert {(each["method"], each["action"]) for each in forms} == {("post", "/plain")}
        assert len(seen.values("token")) == len(forms)
        levels = [int(tag[1]) for tag, _ in seen.tags if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels)), levels


def test_a_screen_is_small_however_much_there_is(api: Api, token: str) -> None:
    before, own = api.text, api.running.folder / "own.txt"
    rules = own.read_text()
    style = len(api.call("GET", "/page.css").body)
    sites = "".join(f"  site{each}.example: {{javascript: deny, note: '{'n' * 200}'}}\n" for each in range(5000))
    hosts = ", ".join(f"host{each}.example" for each in range(5000))
    try:
        text = before.replace("  news.example:\n", sites + "  news.example:\n").replace("deny: [", f"deny: [{hosts}, ")
        api.running.policy.write_text(text, encoding="utf-8")
        own.write_text(f"||ads.example^$domain={'|'.join(f'~page{each}.example' for each in range(3000))}\n")
        for fields in ({}, {"what": "https://ads.example/x.js"}, {"view": "log"}):
            answer = send(api, token=token, **fields)
            assert answer.status == 200
            assert len(answer.body) + style < LARGEST
        told = Seen(send(api, token=token, what="https://ads.example/x.js").body).text
        assert "own.txt:1  ||ads.example^$domain=~page0.example" in told
        assert "~page2999.example" not in told
        assert "And 4,902 more" in Seen(send(api, token=token).body).text
    finally:
        own.write_text(rules)
        api.running.policy.write_text(before, encoding="utf-8")


def test_nothing_secret_is_told(api: Api, token: str) -> None:
    said = api.running.said()
    assert token not in said
    assert "Traceback" not in said


def test_guessed_codes(api: Api) -> None:
    """The last of this file: for a minute nobody pairs."""
    code = api.code()
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    statuses = [send(api, do="pair", code=wrong).status for _ in range(MOST_TRIES + 4)]
    assert statuses[:5] == [403] * 5
    assert statuses[-1] == 429
    assert send(api, do="pair", code=code).status in (403, 429)
