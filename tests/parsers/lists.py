"""Strategies for list texts: lines as lists have them, good, bad and odd, and plain junk."""

from __future__ import annotations

from hypothesis import strategies as st

LABELS = ("a", "b", "ads", "x-1", "_t", "xn--bcher-kva", "1", "co", "com", "uk", "ck", "local", "rpz-ip", "a" * 64)
NAMES = st.one_of(
    st.sampled_from(("a.example", "ads.example", "b.ads.example", "A.Example", "co.uk", "x.ck", "b\u00fccher.example")),
    st.lists(st.sampled_from(LABELS), min_size=1, max_size=5).map(".".join),
)
SPELLED = st.builds(
    lambda before, name, after: before + name + after,
    st.sampled_from(("", "", "", "*.", ".", "=", "||", "@@||", "http://", "\u200b")),
    NAMES,
    st.sampled_from(("", "", "", ".", "^", "/x", ":80", "\u00a0", "..")),
)
TAIL = st.sampled_from(("", "", "", " ", "\t", " # note", "#x", " ; note", " b.example"))
JUNK = st.text(
    alphabet=st.one_of(
        st.sampled_from(" \t#!;/.|^*=\"'()$@,:abc019\u00a0\u200b\ufffd\u0130"),
        st.characters(exclude_categories=("Cs",)),
    ),
    max_size=30,
).map(lambda text: text.replace("\n", " ").replace("\r", " "))

_SHAPES = {
    "hosts": ("0.0.0.0 {}", "127.0.0.1\t{}", "::1 {}", "0 {}", "192.168.1.5 {}", "0.0.0.0 a.example {}"),
    "domains": ("{}", "{}", "*.{}", ".{}"),
    "dnsmasq": ("address=/{}/#", "address=/{}/", "server=/{}/", "server=/{}/#", "server=/{}/9.9.9.9",
                "local=/a.example/{}/"),
    "unbound": (
        'local-zone: "{}" always_null', 'local-zone: "{}." static', 'local-data: "{} A 0.0.0.0"',
        'local-data: "{} A 10.0.0.1"', 'local-zone: "{}" transparent', "server:",
    ),
    "rpz": (
        "{} CNAME .", "{} CNAME .", "*.{} CNAME .", "{}. CNAME .", "{} CNAME rpz-passthru.", "{} A 0.0.0.0",
        "  A 0.0.0.0",        "*.{} IN CNAME rpz-passthru.", "$ORIGIN {}", "{} IN SOA a. b. (", " 1 1 1 1 1 )", "; {}",
        "  CNAME rpz-passthru. ; {}",
    ),
}  # fmt: skip


def lines(format_: str) -> st.SearchStrategy[str]:
    """Return lines for one format, some of other formats, some of none."""
    own = st.builds(
        lambda shape, name, tail: shape.format(name) + tail, st.sampled_from(_SHAPES[format_]), SPELLED, TAIL
    )
    other = st.builds(lambda shape, name: shape.format(name), st.sampled_from(sum(_SHAPES.values(), ())), SPELLED)
    return st.one_of(own, own, own, other, st.sampled_from(("", "# note", "! note", "; note")), JUNK)


def texts(format_: str) -> st.SearchStrategy[str]:
    """Return texts of one format."""
    return st.lists(lines(format_), max_size=25).map("\n".join)
