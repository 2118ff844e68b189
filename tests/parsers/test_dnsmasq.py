import pytest

from blockctl.parsers import dnsmasq


@pytest.mark.parametrize(
    ("line", "subtree"),
    [
        pytest.param("address=/ads.example/", ["ads.example"], id="no answer"),
        pytest.param("address=/ads.example/#", ["ads.example"], id="null"),
        pytest.param("address=/ads.example/0.0.0.0", ["ads.example"], id="zero"),
        pytest.param("address=/ads.example/::", ["ads.example"], id="IPv6 zero"),
        pytest.param("address=/ads.example/127.0.0.1", ["ads.example"], id="loopback"),
        pytest.param("address=/a.example/b.example/#", ["a.example", "b.example"], id="several names"),
        pytest.param("local=/ads.example/", ["ads.example"], id="local"),
        pytest.param("server=/ads.example/", ["ads.example"], id="server without a server"),
        pytest.param("server=/a.example/b.example/", ["a.example", "b.example"], id="several names, server"),
        pytest.param("--address=/ads.example/#", ["ads.example"], id="as on a command line"),
        pytest.param("address=/Ads.Example./#", ["ads.example"], id="upper case, trailing dot"),
        pytest.param("address=/.ads.example/#", ["ads.example"], id="leading dot"),
        pytest.param("address=/*.ads.example/#", ["ads.example"], id="wildcard"),
        pytest.param("address=/b\u00fccher.example/#", ["xn--bcher-kva.example"], id="international"),
        pytest.param("address=/ads.example/# # why", ["ads.example"], id="comment"),
        pytest.param("  address=/ads.example/#  ", ["ads.example"], id="blanks"),
        pytest.param("#address=/ads.example/#", [], id="commented out"),
    ],
)
def test_blocks(line: str, subtree: list[str]) -> None:
    parsed = dnsmasq.parse(line, "t")
    assert sorted(parsed.subtree) == subtree
    assert not (parsed.exact or parsed.allow_subtree or len(parsed.diagnostics))


def test_the_usual_servers_let_through() -> None:
    parsed = dnsmasq.parse("server=/ok.example/#\nserver=/ads.example/\n", "t")
    assert (parsed.allow_subtree, parsed.subtree) == ({"ok.example"}, {"ads.example"})


@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param("address=/n.example/192.168.1.9", "L105", id="rewrite"),
        pytest.param("server=/n.example/9.9.9.9", "L105", id="forward"),
        pytest.param("server=/n.example/127.0.0.1#5353", "L105", id="forward to a port"),
        pytest.param("address=/#/0.0.0.0", "L103", id="every name"),
        pytest.param("local=//", "L103", id="names without a dot"),
        pytest.param("address=/com/#", "L103", id="top level"),
        pytest.param("address=/co.uk/#", "L103", id="public suffix"),
        pytest.param("local=/lan.local/", "L104", id="special use"),
        pytest.param("cache-size=1000", "L109", id="another option"),
        pytest.param("domain-needed", "L109", id="option without a value"),
        pytest.param("server=9.9.9.9", "L109", id="an upstream"),
        pytest.param("0.0.0.0 ads.example", "L108", id="hosts line"),
        pytest.param("address=/ads*.example/#", "L107", id="pattern"),
    ],
)
def test_refusals(line: str, code: str) -> None:
    parsed = dnsmasq.parse(line, "t")
    assert [each.code for each in parsed.diagnostics] == [code]
    assert not (parsed.subtree or parsed.allow_subtree)
    assert parsed.counts.refused == 1


def test_one_bad_name_does_not_sink_the_others() -> None:
    parsed = dnsmasq.parse("address=/a.example/com/b.example/#", "t")
    assert parsed.subtree == {"a.example", "b.example"}
    assert [each.code for each in parsed.diagnostics] == ["L103"]
