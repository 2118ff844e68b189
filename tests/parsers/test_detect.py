import gzip

import pytest

from blockctl.parsers import MAX_BYTES, decode, parse
from blockctl.parsers.detect import detect


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        pytest.param("# Title\n127.0.0.1 localhost\n0.0.0.0 ads.example\n", "hosts", id="hosts"),
        pytest.param("::1 ads.example\n", "hosts", id="IPv6 hosts"),
        pytest.param("# Title\nads.example\nb.example # x\n", "domains", id="domains"),
        pytest.param("b\u00fccher.example\n", "domains", id="international domains"),
        pytest.param("*.ads.example\n.b.example\n", "wildcard", id="wildcard"),
        pytest.param("*.ads.example\nb.example\nc.example\n", "domains", id="more names than wildcards"),
        pytest.param("! Title: x\n||ads.example^\n", "adblock", id="adblock"),
        pytest.param("203.0.113.7\n" * 300 + "ads.example\n" * 300, "domains", id="addresses first"),
        pytest.param(
            "[Adblock Plus 2.0]\n-ad-banner.\n_chartbeat.js\nads.example\n", "adblock", id="adblock by its head"
        ),
        pytest.param("! x\n##.banner\na.example##.ad\n", "adblock", id="cosmetic only"),
        pytest.param("ads.example\nb.example\n" * 4 + "||c.example^\n", "adblock", id="a few rules among names"),
        pytest.param("@@||ok.example^\n", "adblock", id="exceptions only"),
        pytest.param("!#if ext_ublock\n!#include x.txt\n!#endif\n", "adblock", id="includes only"),
        pytest.param("||ads.example^\n0.0.0.0 b.example\n", "adblock", id="adblock with hosts lines"),
        pytest.param("address=/ads.example/#\n", "dnsmasq", id="dnsmasq"),
        pytest.param("server=/ads.example/\n", "dnsmasq", id="dnsmasq server"),
        pytest.param('server:\nlocal-zone: "ads.example." always_null\n', "unbound", id="unbound"),
        pytest.param("$TTL 60\n@ IN SOA a. b. (1 1 1 1 1)\nads.example CNAME .\n", "rpz", id="rpz"),
        pytest.param("ads.example CNAME .\n*.ads.example CNAME .\n", "rpz", id="rpz without a head"),
    ],
)
def test_formats(text: str, format_: str) -> None:
    assert detect(text) == format_


NOT_LISTS = [
    pytest.param(b"", "L002", "empty", id="empty"),
    pytest.param(b"\xef\xbb\xbf\n \n", "L002", "empty", id="blank"),
    pytest.param(b"<!DOCTYPE html>\n<html><body>see ads.example\n</body>", "L003", "web page", id="HTML"),
    pytest.param(b"\n<html>\n", "L003", "web page", id="HTML after a blank line"),
    pytest.param(b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>', "L003", "web page", id="XML error"),
    pytest.param(b'{"message": "Not Found"}', "L004", "JSON", id="JSON error"),
    pytest.param(b'["ads.example", "b.example"]', "L004", "JSON", id="JSON array"),
    pytest.param(b"404: Not Found", "L005", "404", id="404"),
    pytest.param(b"429: Too Many Requests\nFor more on scraping see https://docs.example/\n", "L005", "429", id="429"),
    pytest.param(b"Access denied | cdn.example used Cloudflare", "L005", "Access denied", id="access denied"),
    pytest.param(gzip.compress(b"ads.example\n"), "L006", "gzip", id="gzip"),
    pytest.param(b"PK\x03\x04\x14\x00", "L006", "zip", id="zip"),
    pytest.param(bytes(range(256)) * 4, "L006", "binary", id="binary"),
    pytest.param(b"a\0d\0s\0.\0e\0x\0\n\0" * 20, "L006", "binary", id="UTF-16 without a mark"),
    pytest.param(b"DOMAIN-SUFFIX,ads.example,REJECT\nDOMAIN,b.example\n", "L007", "Quantumult", id="Surge"),
    pytest.param(b"HOST-SUFFIX, ads.example, reject\n", "L007", "Quantumult", id="Quantumult"),
    pytest.param(b"payload:\n  - '+.ads.example'\n  - 'b.example'\n", "L007", "Clash", id="Clash"),
    pytest.param(b"=ads.example\n=b.example\n", "L007", "dnscrypt", id="dnscrypt"),
    pytest.param(b'zone "ads.example" { type master; file "x"; };\n', "L007", "BIND", id="BIND zones"),
    pytest.param(b"ads.example,malware,2026\nb.example,ads,2026\n", "L007", "CSV", id="CSV"),
    pytest.param(b"203.0.113.7\n198.51.100.0/24\n", "L007", "addresses", id="addresses"),
    pytest.param(b"http://a.example/x\nhttps://b.example/y\n", "L007", "URLs", id="URLs"),
    pytest.param(b"^ads[0-9]+\\.\n(^|\\.)b\\.example$\n", "L007", "regular expressions", id="regular expressions"),
    pytest.param(b"Once upon a time there was a list.\nIt had no rules.\n", "L009", "no list", id="prose"),
    pytest.param(b"# nothing today\n! at all\n", "L010", "not one rule", id="comments only"),
]


@pytest.mark.parametrize(("data", "code", "words"), NOT_LISTS)
def test_what_is_no_list(data: bytes, code: str, words: str) -> None:
    parsed = parse(data, "t")
    (diagnostic,) = parsed.diagnostics
    assert (diagnostic.code, parsed.format) == (code, "")
    assert words in diagnostic.message
    assert diagnostic.hint
    assert not (parsed.exact or parsed.subtree or parsed.rules)
    assert parsed.counts.refused == parsed.counts.lines


@pytest.mark.parametrize("format_", ["hosts", "domains", "dnsmasq", "unbound", "rpz"])
def test_a_web_page_is_no_list_whatever_the_policy_says(format_: str) -> None:
    assert parse(b"<!DOCTYPE html>\nads.example\n", "t", format_).format == ""


def test_a_format_that_is_told_is_not_guessed() -> None:
    assert parse(b"address=/a.example/#\n", "t", "domains").counts.refused == 1
    assert parse(b"# nothing yet\n", "t", "hosts").format == "hosts"


def test_a_list_over_the_limit_is_not_read() -> None:
    parsed = parse(b"ads.example\n" * (MAX_BYTES // 12 + 1), "t")
    (diagnostic,) = parsed.diagnostics
    assert diagnostic.code == "L008"
    assert "134 MB" in diagnostic.message


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(b"\xef\xbb\xbfa.example\r\nb.example", "a.example\nb.example", id="mark and CRLF"),
        pytest.param(b"a.example\rb.example\r", "a.example\nb.example\n", id="CR"),
        pytest.param("a.example\n".encode("utf-16"), "a.example\n", id="UTF-16"),
        pytest.param(b"a\0b\xff\n", "a\ufffdb\ufffd\n", id="NUL and broken UTF-8"),
        pytest.param(b"\xff\xfea", "\ufffd", id="cut-off UTF-16"),
    ],
)
def test_decode(data: bytes, text: str) -> None:
    assert decode(data) == text


def test_a_mark_does_not_cost_the_first_rule() -> None:
    assert parse(b"\xef\xbb\xbf0.0.0.0 a.example\r\n0.0.0.0 b.example\r\n", "t").exact == {"a.example", "b.example"}
