"""The browsers' enterprise policies and NoScript's settings: what they say, in which form, and what they leave out."""

from __future__ import annotations

import json
import plistlib
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from blockctl.backends import chromium_policy, firefox_policy, noscript
from blockctl.backends.output import Output
from blockctl.model.decide import decide
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.index import Index
from blockctl.model.names import parents
from blockctl.model.policy import JavaScript, Policy, Resolver
from blockctl.model.request import Kind, Request
from tests.backends.test_ublock import policy, site

DENY, ALLOW, FIRST = JavaScript.DENY, JavaScript.ALLOW, JavaScript.FIRST_PARTY
SAID = policy(
    site("rant.test", javascript=DENY), site("fine.rant.test", javascript=ALLOW), site("own.test", javascript=FIRST),
    site("news.test", deny=("chat.test",), hide=(".x",), blocking=False), site("192.0.2.7", javascript=DENY),
)  # fmt: skip
DOH = replace(SAID, resolver=Resolver(listen=("127.0.0.1:5335", "https://0.0.0.0:8443/dns-query")))


def chromium(said: Policy, **options: str) -> Output:
    named = {key.replace("_", "-"): value for key, value in options.items()}
    return chromium_policy.emit(said, chromium_policy.prepare([], named), named)


def whole(output: Output) -> bytes:
    return b"".join(output.files[""])


def test_chromium() -> None:
    output = chromium(SAID)
    assert json.loads(whole(output)) == {
        "JavaScriptAllowedForUrls": ["[*.]own.test", "[*.]fine.rant.test"],
        "JavaScriptBlockedForUrls": ["192.0.2.7", "[*.]rant.test"],
    }
    assert output.gaps.count == {"first-party": 1, "requests": 3}
    assert chromium_policy.policies(replace(SAID, paused=True)) == {}
    assert chromium_policy.policies(policy(javascript=DENY)) == {"DefaultJavaScriptSetting": 2}


def test_chromium_asks_our_resolver() -> None:
    said = json.loads(whole(chromium(DOH)))
    assert (said["DnsOverHttpsMode"], said["DnsOverHttpsTemplates"]) == (
        "automatic", "https://127.0.0.1:8443/dns-query",
    )  # fmt: skip
    assert "DnsOverHttpsMode" not in json.loads(whole(chromium(DOH, doh="off")))
    other = json.loads(whole(chromium(SAID, doh="https://dns.home.example/dns-query", doh_mode="secure")))
    assert (other["DnsOverHttpsMode"], other["DnsOverHttpsTemplates"]) == (
        "secure", "https://dns.home.example/dns-query",
    )  # fmt: skip


def test_chromium_on_macos() -> None:
    output = chromium(SAID, form="mobileconfig", browser="brave")
    profile = plistlib.loads(whole(output))
    (inner,) = profile["PayloadContent"]
    assert (profile["PayloadType"], inner["PayloadType"]) == ("Configuration", "com.brave.Browser")
    assert inner["JavaScriptBlockedForUrls"] == ["192.0.2.7", "[*.]rant.test"]
    assert profile["PayloadUUID"] != inner["PayloadUUID"]
    assert whole(chromium(SAID, form="mobileconfig", browser="brave")) == whole(output)


def test_chromium_on_windows() -> None:
    text = whole(chromium(DOH, form="reg", browser="edge")).decode("utf-16")
    root = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Edge"
    lines = text.split("\r\n")
    assert lines[0] == "Windows Registry Editor Version 5.00"
    assert lines.index(rf"[-{root}\JavaScriptBlockedForUrls]") < lines.index(rf"[{root}\JavaScriptBlockedForUrls]")
    assert '"2"="[*.]rant.test"' in lines
    assert '"DefaultJavaScriptSetting"=-' in lines  # what an earlier file set is unset again
    assert '"DnsOverHttpsTemplates"="https://127.0.0.1:8443/dns-query"' in lines
    denied = whole(chromium(policy(javascript=DENY), form="reg")).decode("utf-16")
    assert '"DefaultJavaScriptSetting"=dword:00000002' in denied


@pytest.mark.parametrize(
    "options",
    [{"form": "xml"}, {"browser": "opera"}, {"doh-mode": "on"}, {"doh": "http://x/"}, {"doh": 'https://x/"'}],
)
def test_options_that_are_none(options: dict[str, str]) -> None:
    with pytest.raises(BlockctlError):
        chromium_policy.emit(SAID, chromium_policy.prepare([], options), options)


def firefox(said: Policy, **options: str) -> tuple[dict[str, Any], Output]:
    output = firefox_policy.emit(said, firefox_policy.prepare([], options), options)
    return json.loads(whole(output))["policies"], output


def test_firefox() -> None:
    said, output = firefox(DOH)
    managed = said["3rdparty"]["Extensions"]["uBlock0@raymondhill.net"]
    assert "no-scripting: rant.test true" in json.loads(managed["adminSettings"])["hostnameSwitchesString"]
    assert said["ExtensionSettings"]["uBlock0@raymondhill.net"]["installation_mode"] == "normal_installed"
    assert said["DNSOverHTTPS"] == {
        "Enabled": True, "ProviderURL": "https://127.0.0.1:8443/dns-query", "Fallback": True,
    }  # fmt: skip
    assert "javascript" not in output.gaps.count
    kept, _ = firefox(DOH, ublock="keep")
    assert set(kept) == {"3rdparty", "DNSOverHTTPS"}
    bare, output = firefox(DOH, ublock="off")
    assert set(bare) == {"DNSOverHTTPS"}
    assert output.gaps.count == {"javascript": 4, "requests": 3}
    with pytest.raises(BlockctlError):
        firefox(SAID, ublock="yes")


def noscript_of(said: Policy) -> dict[str, Any]:
    output = noscript.emit(said, noscript.prepare([], {}), {})
    found: dict[str, Any] = json.loads(whole(output))["policy"]
    return found


def runs(settings: dict[str, Any], page: str, origin: str) -> bool:
    """Whether NoScript lets a script from a host run on a page, as its sources have it.

    The entry of the nearest name of the origin, else that of its scheme, else the default; of that the nearest context.
    """
    entries = settings["sites"]["custom"]
    key = next((name for name in (*parents(origin), "https:") if name in entries), None)
    permissions = entries[key] if key else settings["DEFAULT"]
    context = permissions.get("contextual", {})
    nearest = next((name for name in parents(page) if name in context), None)
    if nearest:
        permissions = context[nearest]
    return "script" in permissions["capabilities"]


def test_noscript_decides_as_the_policy_does() -> None:
    """Small policies at random; under `first-party` what is written in a foreign frame is a named gap."""
    draw = Random(20261121)
    names = ("a.test", "b.a.test", "c.b.a.test", "shop.co.uk", "www.shop.co.uk", "other.test")
    lists = Index.build([])
    for _ in range(400):
        sites = [site(name, javascript=draw.choice((DENY, ALLOW, FIRST))) for name in draw.sample(names, 3)]
        said = policy(*sites, javascript=draw.choice((DENY, ALLOW)), paused=draw.random() < 0.1)
        settings = noscript_of(said)
        for page in names:
            for origin in (*names, "cdn.net"):
                request = Request.parse(f"https://{origin}/x.js", f"https://{page}/", Kind.SCRIPT)
                assert runs(settings, page, origin) is not decide(said, lists, request).blocked, (said, page, origin)


def test_noscript_replaces_its_own_sites_and_names_what_it_cannot_say() -> None:
    output = noscript.emit(SAID, noscript.prepare([], {}), {})
    assert output.gaps.count == {"first-party-frame": 1, "requests": 3}
    settings = noscript_of(SAID)
    assert settings["sites"]["trusted"] == settings["sites"]["untrusted"] == []
    assert set(settings["sites"]["custom"]) == {"http:", "https:", "own.test"}
    first = noscript.emit(policy(javascript=FIRST), noscript.prepare([], {}), {})
    assert first.gaps.count == {"first-party-default": 1}
