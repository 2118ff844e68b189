"""Each example policy is valid, compiles for every target it names, and decides as its way of browsing promises."""

from __future__ import annotations

from functools import cache
from importlib import resources

import pytest

from blockctl.compiler import compile_texts
from blockctl.model.decide import Decision, Step, cosmetics_for, decide, decide_name, yields
from blockctl.model.policy import ListSource
from blockctl.model.request import Kind, Request
from blockctl.parsers import parse
from blockctl.policy.merge import page_exceptions
from tests.shipped import STRATEGIES, example_policy, index_of, list_texts, shipped_list

ADS = "https://securepubads.g.doubleclick.net/tag/js/gpt.js"
CONSENT = "https://cdn.cookielaw.org/otSDKStub.js"
LIBRARY = "https://cdn.library.example/library.js"
TELEMETRY = "https://x.telemetry.example/t"
PARTNER = "https://cdn.partner.example/a.js"
CHAT = "https://chat.vendor.example/a.js"


def test_each_way_of_browsing_has_its_policy() -> None:
    files = {entry.name for entry in resources.files("blockctl.configs").iterdir() if entry.name.endswith(".yaml")}
    assert files == {f"{name}.yaml" for name in STRATEGIES}


@pytest.mark.parametrize("name", STRATEGIES)
def test_each_policy_says_what_it_is(name: str) -> None:
    text = (resources.files("blockctl.configs") / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert text.count("#") >= 3
    assert max(map(len, text.splitlines())) <= 125


def shipped_name(source: ListSource) -> str:
    return source.path.removeprefix("builtin:")


def asked(name: str, url: str, page: str, kind: Kind, *, inline: bool = False) -> Decision:
    policy = example_policy(name)
    lists = index_of(*(shipped_name(source) for source in policy.lists if source.browser))
    return decide(policy, lists, Request.parse(url, f"https://{page}/", kind, inline=inline))


@pytest.mark.parametrize(
    ("name", "url", "page", "blocked", "step"),
    [
        pytest.param("js-allowlist", LIBRARY, "any.example", True, Step.JAVASCRIPT, id="allowlist, unknown site"),
        pytest.param("js-allowlist", LIBRARY, "www.mail.example", False, Step.DEFAULT, id="allowlist, allowed"),
        pytest.param("js-allowlist", LIBRARY, "news.example", True, Step.JAVASCRIPT, id="allowlist, third party"),
        pytest.param("js-allowlist", "news.example/a.js", "news.example", False, Step.DEFAULT, id="allowlist, own"),
        pytest.param("js-allowlist", ADS, "mail.example", True, Step.LIST_BLOCK, id="allowlist, ads"),
        pytest.param("js-allowlist", ADS, "tax-office.example", False, Step.BLOCKING_OFF, id="allowlist, off"),
        pytest.param("js-denylist", LIBRARY, "any.example", False, Step.DEFAULT, id="denylist, unknown site"),
        pytest.param("js-denylist", LIBRARY, "www.rant.example", True, Step.JAVASCRIPT, id="denylist, denied"),
        pytest.param("js-denylist", LIBRARY, "paper.example", True, Step.JAVASCRIPT, id="denylist, above"),
        pytest.param("js-denylist", LIBRARY, "crossword.paper.example", False, Step.DEFAULT, id="denylist, nearest"),
        pytest.param("js-denylist", ADS, "any.example", True, Step.LIST_BLOCK, id="denylist, ads"),
        pytest.param("js-denylist", PARTNER, "news.example", False, Step.SITE_HOST, id="denylist, site's host"),
        pytest.param("safari", LIBRARY, "any.example", False, Step.DEFAULT, id="safari, unknown site"),
        pytest.param("safari", LIBRARY, "rant.example", True, Step.JAVASCRIPT, id="safari, denied"),
        pytest.param("safari", CHAT, "news.example", True, Step.SITE_HOST, id="safari, denied host"),
        pytest.param("safari", CHAT, "any.example", False, Step.DEFAULT, id="safari, the host elsewhere"),
        pytest.param("safari", CONSENT, "any.example", True, Step.LIST_BLOCK, id="safari, consent"),
        pytest.param("ublock", ADS, "shop.example", False, Step.BLOCKING_OFF, id="ublock, off"),
        pytest.param("ublock", TELEMETRY, "shop.example", True, Step.HOST, id="ublock, denied host"),
        pytest.param("ublock", LIBRARY, "blog.example", True, Step.JAVASCRIPT, id="ublock, third party"),
        pytest.param("nothing", ADS, "any.example", False, Step.DEFAULT, id="nothing, ads"),
        pytest.param("nothing", TELEMETRY, "any.example", False, Step.DEFAULT, id="nothing, telemetry"),
        pytest.param("js-denylist-dns", ADS, "any.example", True, Step.LIST_BLOCK, id="dns, ads"),
        pytest.param("js-denylist-dns", ADS, "shop.example", False, Step.BLOCKING_OFF, id="dns, off"),
        pytest.param("js-denylist-dns", LIBRARY, "rant.example", True, Step.JAVASCRIPT, id="dns, denied"),
        pytest.param("js-denylist-dns", PARTNER, "news.example", False, Step.SITE_HOST, id="dns, site's host"),
        pytest.param("js-denylist-dns", "a.my-bank.example/", "any.example", False, Step.PROTECT, id="dns, protect"),
    ],
)
def test_what_a_policy_decides(name: str, url: str, page: str, blocked: bool, step: Step) -> None:
    decision = asked(name, url, page, Kind.SCRIPT)
    assert (decision.blocked, decision.step) == (blocked, step)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_script_in_the_page_follows_javascript_alone(name: str) -> None:
    denied = {"nothing": None, "js-allowlist": "any.example"}.get(name, "rant.example")
    if denied:
        assert asked(name, f"https://{denied}/", denied, Kind.SCRIPT, inline=True).step is Step.JAVASCRIPT
    assert not asked(name, "https://mail.example/", "mail.example", Kind.SCRIPT, inline=True).blocked


@pytest.mark.parametrize("name", STRATEGIES)
def test_documents_and_pictures_are_let_through(name: str) -> None:
    for kind in (Kind.DOCUMENT, Kind.IMAGE, Kind.STYLE):
        assert not asked(name, "https://any.example/a", "any.example", kind).blocked


@pytest.mark.parametrize(
    ("host", "blocked", "step"),
    [
        pytest.param("stats.g.doubleclick.net", True, Step.LIST_BLOCK, id="ads"),
        pytest.param("x.logs.roku.com", True, Step.LIST_BLOCK, id="devices"),
        pytest.param("x.telemetry.example", True, Step.HOST, id="denied"),
        pytest.param("my-own-site.example", False, Step.HOST, id="allowed"),
        pytest.param("cdn.partner.example", False, Step.YIELD, id="allowed on a site"),
        pytest.param("shop.example", False, Step.YIELD, id="a site without blocking"),
        pytest.param("chat.vendor.example", False, Step.DEFAULT, id="denied on one site alone"),
        pytest.param("cdn.cookielaw.org", False, Step.DEFAULT, id="a list for browsers"),
        pytest.param("hotjar.com", False, Step.DEFAULT, id="a condition is never stripped"),
        pytest.param("login.my-work.example", False, Step.PROTECT, id="protect"),
    ],
)
def test_what_the_recommended_policy_says_in_dns(host: str, blocked: bool, step: Step) -> None:
    policy = example_policy("js-denylist-dns")
    sources = [shipped_name(source) for source in policy.lists]
    yielded = yields(policy, page_exceptions([shipped_list(name) for name in sources]))
    lists = index_of(*(shipped_name(source) for source in policy.lists if source.dns))
    decision = decide_name(policy, lists, host, yielded)
    assert (decision.blocked, decision.step) == (blocked, step)


def test_hiding_follows_the_site() -> None:
    policy = example_policy("js-denylist-dns")
    lists = [shipped_list(shipped_name(source)) for source in policy.lists if source.browser]
    assert ".newsletter-modal" in cosmetics_for(policy, lists, "www.news.example")
    assert "#onetrust-banner-sdk" in cosmetics_for(policy, lists, "any.example")
    assert cosmetics_for(policy, lists, "shop.example") == []


@cache
def compiled(name: str) -> dict[str, tuple[int, bytes]]:
    """Return for each target how many rules it holds, and all its bytes."""
    policy = example_policy(name)
    outputs = compile_texts(policy, list_texts(policy), policy.targets.values())
    return {
        target: (output.rules_out, b"".join(bytes(piece) for pieces in output.files.values() for piece in pieces))
        for target, output in outputs.items()
    }


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_target_is_written(name: str) -> None:
    assert set(compiled(name)) == set(example_policy(name).targets)
    for rules, data in compiled(name).values():
        assert data
        assert name == "nothing" or rules


@pytest.mark.parametrize("target", ["unbound", "dnsmasq", "adguard", "rpz", "hosts"])
def test_dns_outputs_name_what_is_blocked(target: str) -> None:
    _, data = compiled("js-denylist-dns")[target]
    assert b"doubleclick.net" in data
    assert b"telemetry.example" in data
    assert b"cookielaw.org" not in data
    assert b"hotjar.com" not in data  # `$third-party` is a gap in DNS


def test_nothing_blocks_nothing() -> None:
    _, data = compiled("nothing")["ublock"]
    assert parse(data, "ublock.txt").counts.rules == 0
    assert b"local-zone" not in compiled("nothing")["unbound"][1]
