"""What the API says of the policy, and what it writes into it."""

from __future__ import annotations

import json
import threading
import time

from tests.api.serving import Api


def test_a_site_is_told_as_it_applies(api: Api) -> None:
    found = api.call("GET", "/v1/site?host=www.rant.example").json()
    assert (found["site"], found["domain"], found["javascript"], found["blocking"]) == (
        "rant.example", "rant.example", "deny", True,
    )  # fmt: skip
    assert found["words"] == ["JavaScript: denied here.", "Ads and trackers: blocked here."]
    assert found["source"]["line"] == found["applies"]["javascript"]["line"] == 4
    assert found["applies"]["blocking"] == {"value": True, "by": "defaults", "line": None}
    news = api.call("GET", "/v1/site?host=news.example").json()
    assert [(each["host"], each["verdict"]) for each in news["hosts"]] == [("cdn.partner.example", "allow")]
    assert news["hide"] == [".modal"]


def test_an_edit_changes_the_file_and_nothing_else(api: Api) -> None:
    before = api.text
    changed = api.call("PATCH", "/v1/site?host=rant.example", {"javascript": "allow"})
    assert (changed.status, changed.json()["javascript"]) == (200, "allow")
    assert api.text == before.replace("javascript: deny, note", "javascript: allow, note")
    api.call("PATCH", "/v1/site?host=rant.example", {"javascript": "deny"})
    assert api.text == before


def test_null_resets_a_key_and_for_ends_an_entry(api: Api) -> None:
    before = api.text
    told = api.call("PATCH", "/v1/site?host=shop.example", {"blocking": False, "for": "1h", "note": "checkout"}).json()
    assert told["blocking"] is False
    assert told["until"] is not None
    told = api.call("PATCH", "/v1/site?host=shop.example", {"for": None, "hide": ["#banner", ".x > a"]}).json()
    assert (told["until"], told["blocking"], told["hide"]) == (None, False, ["#banner", ".x > a"])
    told = api.call("PATCH", "/v1/site?host=shop.example", {"blocking": None, "hide": None, "note": None}).json()
    assert told["blocking"] is True
    api.call("DELETE", "/v1/site?host=shop.example")
    assert api.text == before


def test_hosts_are_added_and_forgotten(api: Api) -> None:
    before = api.text
    asked = {"host": "cdn.shop.example", "verdict": "allow", "site": "news.example", "for": "1d"}
    told = api.call("POST", "/v1/hosts", asked).json()
    mine = next(each for each in told["hosts"] if each["host"] == "cdn.shop.example")
    assert (told["changed"], mine["site"], mine["verdict"]) == (True, "news.example", "allow")
    assert mine["until"] is not None
    assert api.call("DELETE", "/v1/hosts?host=cdn.shop.example&site=news.example").json()["changed"] is True
    assert api.text == before


def test_a_pause_leaves_the_file_alone(api: Api) -> None:
    before = api.text
    assert api.call("POST", "/v1/pause", {"for": "10m"}).json()["in_force"] is True
    site = api.call("GET", "/v1/site?host=rant.example").json()
    assert site["paused"]["in_force"] is True
    assert site["words"][0] == "Paused: everything is let through."
    assert api.call("GET", "/v1/rules/dnr?browser=chromium").json()["dynamic"] == []
    assert api.call("DELETE", "/v1/pause").json() == {
        "in_force": False, "until": None, "groups": {}, "revision": api.call("GET", "/v1/changes").json()["revision"],
    }  # fmt: skip
    assert api.text == before


def test_wrong_input_is_told_and_changes_nothing(api: Api) -> None:
    before = api.text
    for method, path, body in (
        ("PATCH", "/v1/site?host=co.uk", {"javascript": "deny"}),
        ("PATCH", "/v1/site?host=rant.example", {"javascript": "maybe"}),
        ("PATCH", "/v1/site?host=rant.example", {"hide": ["a { color: red }"]}),
        ("PATCH", "/v1/site?host=rant.example", {"unknown": 1}),
        ("PATCH", "/v1/site?host=rant.example", {"for": "soon"}),
        ("POST", "/v1/hosts", {"host": "not a host", "verdict": "deny"}),
        ("POST", "/v1/pause", {"for": "10m", "group": "nobody"}),
    ):
        answer = api.call(method, path, body)
        assert answer.status == 422, (method, path, body, answer.body)
        assert answer.json()["error"]["message"]
    assert api.text == before
    error = api.call("GET", "/v1/site?host=co.uk").json()["error"]  # what is shown where there is one line for it
    assert "public suffix" in error["message"]
    assert "name the site below it" in error["hint"]


def test_a_file_with_errors_is_told_and_left(api: Api) -> None:
    before = api.text
    known = api.call("GET", "/v1/changes").json()["revision"]
    try:
        api.running.policy.write_text(before + "nonsense: 1\n", encoding="utf-8")
        answer = api.call("GET", "/v1/site?host=rant.example")
        assert answer.status == 409
        assert answer.json()["error"]["diagnostics"][0]["line"] == before.count("\n") + 1
        assert api.call("GET", f"/v1/changes?revision={known}&seconds=0").json()["changed"] is False
    finally:
        api.running.policy.write_text(before, encoding="utf-8")
    assert api.call("GET", "/v1/site?host=rant.example").status == 200


def test_why_says_which_line(api: Api) -> None:
    found = api.call("GET", "/v1/why?url=https://ads.example/a.js&site=news.example").json()
    assert (found["blocked"], found["rule"]["file"], found["rule"]["line"]) == (True, "own.txt", 1)
    (api.running.folder / "own.txt").write_text("||other.example^\n||ads.example^\n", encoding="utf-8")
    assert api.call("GET", "/v1/why?url=ads.example&site=news.example").json()["rule"]["line"] == 2
    assert api.call("GET", "/v1/why?url=rant.example&kind=nonsense").status == 422


def test_rules_have_one_rule_for_each_mode(api: Api) -> None:
    answer = api.call("GET", "/v1/rules/dnr?browser=chromium")
    rules = answer.json()
    sandbox = [each for each in rules["dynamic"] if each["action"]["type"] == "modifyHeaders"]
    assert [each["condition"]["requestDomains"] for each in sandbox] == [["rant.example"]]
    assert rules["modes"]["javascript"] == {"default": "allow", "sites": {"rant.example": "deny"}}
    assert rules["cosmetic"]["hide"] == {"news.example": [".modal"]}
    assert api.call("GET", "/v1/rules/dnr?browser=chromium", If_None_Match=answer.headers["etag"]).status == 304
    api.call("PATCH", "/v1/site?host=temp.example", {"javascript": "deny", "for": "1h"})
    temporary = api.call("GET", "/v1/rules/dnr?browser=firefox").json()
    assert temporary["until"] == temporary["later"][0]["at"]
    assert "temp.example" in json.dumps(temporary["dynamic"])
    assert "temp.example" not in json.dumps(temporary["later"])
    api.call("DELETE", "/v1/site?host=temp.example")


def test_news_of_an_edit_comes_at_once_and_a_lapse_is_news(api: Api) -> None:
    before = api.text
    known = api.call("GET", "/v1/changes").json()["revision"]
    edit = threading.Timer(0.5, api.running.policy.write_text, [before + "protect: [bank.example]\n"])
    edit.start()
    news = api.call("GET", f"/v1/changes?revision={known}").json()
    edit.join()
    assert news["changed"] is True
    api.running.policy.write_text(before, encoding="utf-8")
    api.call("PATCH", "/v1/site?host=soon.example", {"javascript": "deny", "for": "2s"})
    known = api.call("GET", "/v1/changes").json()["revision"]
    begun = time.monotonic()
    assert api.call("GET", f"/v1/changes?revision={known}").json()["changed"] is True
    assert time.monotonic() - begun < 20  # not the end of the patience, which changes nothing
    assert api.call("GET", "/v1/site?host=soon.example").json()["javascript"] == "allow"
    api.call("DELETE", "/v1/site?host=soon.example")
    assert api.text == before


def test_what_is_over_later_is_told_at_once_and_of_a_large_policy_less(api: Api) -> None:
    """Each moment brings all rules: the next ones and the last are told, fewer where they are long."""
    before = api.text
    ends = [f"2036-01-{day:02}T00:00:00Z" for day in range(1, 13)]
    some = "".join(f"  soon{each}.example: {{javascript: deny, until: {end}}}\n" for each, end in enumerate(ends))
    many = "".join(f"  site{each}.example: {{javascript: deny}}\n" for each in range(4000))
    try:
        for sites, told in ((some, [*ends[:7], ends[-1]]), (some + many, [ends[0], ends[-1]])):
            api.running.policy.write_text(before.replace("sites:\n", f"sites:\n{sites}"), encoding="utf-8")
            later = api.call("GET", "/v1/rules/dnr?browser=chromium").json()["later"]
            assert [each["at"] for each in later] == told
    finally:
        api.running.policy.write_text(before, encoding="utf-8")


def test_the_log_is_followed(api: Api) -> None:
    first = api.call("GET", "/v1/log").json()["last"]
    with api.raw() as link:
        head = f"GET /v1/log/live?blocked=1&after={first} HTTP/1.1\r\nHost: 127.0.0.1:{api.port}\r\n"
        link.sendall(f"{head}Authorization: Bearer {api.token}\r\n\r\n".encode())
        api.running.code("tracker.example")
        said = b""
        while b'"tracker.example"' not in said:
            said += link.recv(65536)
        assert b"text/event-stream" in said
    rows = api.call("GET", "/v1/log?blocked=1&name=tracker").json()["queries"]
    assert rows[-1]["outcome"] == "blocked"
    assert api.call("GET", "/v1/stats?days=1").json()["queries"] >= 1


def test_lists_and_their_addresses(api: Api) -> None:
    assert [each["name"] for each in api.call("GET", "/v1/lists").json()["lists"]] == ["own"]
    done = api.call("POST", "/v1/lists/sync", {}).json()
    assert done["status"] == 0
    address = api.call("GET", "/v1/lists/addresses").json()["addresses"][0]
    assert address in api.running.run("lists", "--addresses").stdout
    path = address.removeprefix(api.base)
    got = api.call("GET", path, Authorization="")
    assert b"||ads.example^" in got.body
    assert api.call("GET", path, Authorization="", If_None_Match=got.headers["etag"]).status == 304
    assert api.call("GET", path + "?_=3", Authorization="").status == 200  # as uBlock Origin asks
    assert api.call("POST", "/v1/lists/accept", {"list": "nobody"}).status == 422
    api.running.run("lists", "--addresses", "--renew")
    assert api.call("GET", path, Authorization="").status == 404


def test_what_stood_there_comes_back_when_an_hour_is_over(api: Api) -> None:
    before = api.text
    told = api.call("PATCH", "/v1/site?host=rant.example", {"javascript": "allow", "for": "2s"}).json()
    assert told["javascript"] == "allow"
    end = time.monotonic() + 60
    while api.text != before and time.monotonic() < end:
        time.sleep(0.1)
    assert api.text == before
    assert api.call("GET", "/v1/site?host=rant.example").json()["javascript"] == "deny"
