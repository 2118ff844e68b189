"""The shipped lists block what they should, and nothing that pages or people need; the catalogue is whole."""

from __future__ import annotations

import re
from importlib import resources
from typing import Any

import pytest
import yaml

from blockctl.io.lists import builtin
from blockctl.model.names import is_public_suffix, is_special_use, parents
from blockctl.model.request import Kind, Request
from blockctl.model.rule import Effect, Scope
from blockctl.parsers import PARSERS
from tests.shipped import LISTS, index_of, shipped_list

CATALOGUE: dict[str, Any] = yaml.safe_load((resources.files("blockctl.lists") / "catalogue.yaml").read_bytes())
ENTRIES = CATALOGUE["lists"]
FORMATS = {"starter": "adblock", "starter-annoyances": "adblock", "starter-dns": "wildcard"}


@pytest.mark.parametrize("name", LISTS)
def test_every_line_is_understood(name: str) -> None:
    parsed = shipped_list(name)
    assert [str(each) for each in parsed.diagnostics] == []
    assert parsed.format == FORMATS[name]
    assert parsed.counts.refused == 0
    assert parsed.counts.lines == parsed.counts.rules + parsed.counts.nothing


@pytest.mark.parametrize(
    ("name", "hosts", "hidden"),
    [
        pytest.param("starter", 450, 110, id="starter"),
        pytest.param("starter-annoyances", 130, 150, id="annoyances"),
        pytest.param("starter-dns", 130, 0, id="dns"),
    ],
)
def test_there_is_enough_to_be_useful(name: str, hosts: int, hidden: int) -> None:
    parsed = shipped_list(name)
    named = parsed.subtree | {rule.host for rule in parsed.rules if rule.host and rule.effect is Effect.BLOCK}
    assert len(named) >= hosts
    assert len(parsed.cosmetics) >= hidden


@pytest.mark.parametrize("name", LISTS)
def test_each_group_says_why(name: str) -> None:
    blocks = re.split(r"\n\s*\n", builtin(name).decode().strip())
    unexplained = [block.splitlines()[0] for block in blocks if block[0] != ("#" if name == "starter-dns" else "!")]
    assert unexplained == []


@pytest.mark.parametrize("name", LISTS)
def test_no_name_is_too_wide_or_said_twice(name: str) -> None:
    parsed = shipped_list(name)
    whole = parsed.subtree | {rule.host for rule in parsed.rules if rule.names_only}
    named = whole | {rule.host for rule in parsed.rules if rule.host}
    assert [host for host in sorted(named) if is_public_suffix(host) or is_special_use(host)] == []
    assert [host for host in sorted(named) if any(above in whole for above in list(parents(host))[1:])] == []
    rules = [line for line in builtin(name).decode().splitlines() if line and not re.match(r"! |!$|# |#$", line)]
    assert sorted({line for line in rules if rules.count(line) > 1}) == []
    assert not parsed.exact
    assert all(rule.scope is Scope.SUBTREE for rule in parsed.rules if rule.host)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        pytest.param("https://securepubads.g.doubleclick.net/tag/js/gpt.js", "script", id="ad server"),
        pytest.param("https://www.google-analytics.com/analytics.js", "script", id="analytics"),
        pytest.param("https://connect.facebook.net/en_US/fbevents.js", "script", id="Facebook's pixel"),
        pytest.param("https://www.facebook.com/tr/?id=1&ev=PageView", "image", id="Facebook's pixel, image"),
        pytest.param("https://ib.adnxs.com/ut/v3/prebid", "xhr", id="auction"),
        pytest.param("https://static.hotjar.com/c/hotjar-1.js?sv=6", "script", id="recording"),
        pytest.param("https://cdn.taboola.com/libtrc/site/loader.js", "script", id="content ads"),
        pytest.param("https://sb.scorecardresearch.com/beacon.js", "script", id="audience"),
        pytest.param("https://match.adsrvr.org/track/cmf/generic", "image", id="cookie matching"),
        pytest.param("https://news.example/static/prebid.js?v=2", "script", id="auction under the site's own name"),
    ],
)
def test_what_the_starter_blocks(url: str, kind: str) -> None:
    verdict = index_of("starter").verdict(Request.parse(url, "https://news.example/", Kind[kind.upper()]))
    assert verdict is not None and verdict[0] is Effect.BLOCK


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        pytest.param("https://cdn.cookielaw.org/scripttemplates/otSDKStub.js", "script", id="consent"),
        pytest.param("https://cdn.onesignal.com/sdks/OneSignalSDK.js", "script", id="push"),
        pytest.param("https://widget.intercom.io/widget/abc", "script", id="chat"),
        pytest.param("https://a.omappapi.com/app/js/api.min.js", "script", id="newsletter"),
    ],
)
def test_what_the_annoyances_block(url: str, kind: str) -> None:
    verdict = index_of("starter-annoyances").verdict(Request.parse(url, "https://news.example/", Kind[kind.upper()]))
    assert verdict is not None and verdict[0] is Effect.BLOCK


@pytest.mark.parametrize("host", ["samsungads.com", "x.logs.roku.com", "ms.applovin.com", "metrics.icloud.com"])
def test_what_the_list_for_dns_blocks(host: str) -> None:
    assert [rule.effect for rule in index_of("starter-dns").naming(host)][:1] == [Effect.BLOCK]


# Sign-in, payment, maps, fonts, players, libraries, mail, system updates: what a starter must leave alone.
NEEDED = """
accounts.google.com oauth2.googleapis.com login.microsoftonline.com login.live.com appleid.apple.com github.com
connect.facebook.net graph.facebook.com www.facebook.com api.twitter.com platform.twitter.com www.linkedin.com
login.yahoo.com auth0.com okta.com cdn.auth0.com www.paypal.com www.paypalobjects.com js.stripe.com api.stripe.com
checkout.stripe.com js.braintreegateway.com x.klarnacdn.net pay.google.com applepay.cdn-apple.com live.adyen.com
www.google.com www.gstatic.com www.recaptcha.net hcaptcha.com challenges.cloudflare.com ajax.googleapis.com
fonts.googleapis.com fonts.gstatic.com maps.googleapis.com imasdk.googleapis.com www.googletagmanager.com
firebaseinstallations.googleapis.com cdn.jsdelivr.net unpkg.com cdnjs.cloudflare.com code.jquery.com
stackpath.bootstrapcdn.com d1.awsstatic.com s3.amazonaws.com www.amazon.com m.media-amazon.com images.unsplash.com
www.youtube.com i.ytimg.com player.vimeo.com open.spotify.com cdn.shopify.com www.shopify.com static.parastorage.com
www.squarespace.com wordpress.com s.w.org gravatar.com secure.gravatar.com disqus.com www.mailchimp.com
windowsupdate.com update.microsoft.com swscan.apple.com mesu.apple.com gs.apple.com push.apple.com
mtalk.google.com play.googleapis.com android.clients.google.com archive.ubuntu.com detectportal.firefox.com
outlook.office.com teams.microsoft.com zoom.us slack.com www.dropbox.com www.wikipedia.org bank.example
"""


@pytest.mark.parametrize("host", NEEDED.split())
def test_what_people_need_is_let_through(host: str) -> None:
    index = index_of(*LISTS)
    assert [rule.text for rule in index.naming(host)] == []
    for kind in (Kind.DOCUMENT, Kind.FRAME, Kind.SCRIPT, Kind.XHR):
        assert index.verdict(Request.parse(f"https://{host}/", "https://shop.example/", kind)) is None


@pytest.mark.parametrize(
    "host", ["www.hotjar.com", "www.criteo.com", "mixpanel.com", "www.cookiebot.com", "onesignal.com"]
)
def test_a_companys_own_site_opens(host: str) -> None:
    index = index_of(*LISTS)
    page = f"https://{host}/"
    assert index.naming(host) == []
    for kind in (Kind.DOCUMENT, Kind.SCRIPT, Kind.STYLE, Kind.IMAGE):
        assert index.verdict(Request.parse(f"{page}a", page, kind)) is None


def test_the_catalogue_names_every_shipped_list() -> None:
    shipped = {entry.name for entry in resources.files("blockctl.lists").iterdir() if entry.name.endswith(".txt")}
    assert {entry["file"] for entry in CATALOGUE["builtin"]} == shipped
    for entry in CATALOGUE["builtin"]:
        assert entry["file"] == entry["name"] + ".txt"
        assert set(entry) == {"name", "file", "format", "licence", "for", "use"}
        assert entry["format"] == shipped_list(entry["name"]).format


def test_the_catalogue_is_whole() -> None:
    assert CATALOGUE["version"] == 1
    assert len(ENTRIES) >= 40
    assert len({entry["name"] for entry in ENTRIES}) == len({entry["url"] for entry in ENTRIES}) == len(ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: str(entry["name"]))
def test_an_entry_of_the_catalogue(entry: dict[str, Any]) -> None:
    assert set(entry) == {"name", "url", "format", "licence", "homepage", "for", "use"}
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]*", entry["name"])
    assert entry["url"].startswith("https://") and entry["homepage"].startswith("https://")
    assert entry["format"] in PARSERS
    assert entry["use"] and set(entry["use"]) <= {"browser", "dns"}
    assert entry["licence"].strip() and entry["for"].strip()
