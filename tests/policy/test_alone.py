"""A resolver that the system asks must not need the system."""

from __future__ import annotations

import pytest

from blockctl.model.policy import Resolver
from blockctl.policy.alone import why_not_alone


@pytest.mark.parametrize(
    ("upstreams", "bootstrap", "word"),
    [
        pytest.param(("9.9.9.9",), (), "", id="an address"),
        pytest.param(("https://dns.quad9.net/dns-query",), ("9.9.9.9",), "", id="a name that is looked up elsewhere"),
        pytest.param(("https://dns.quad9.net/dns-query", "9.9.9.9"), (), "", id="a name that another one looks up"),
        pytest.param(("127.0.0.1:5400",), (), "", id="another resolver on this machine"),
        pytest.param((), (), "names no upstreams", id="none"),
        pytest.param(("tls://dns.quad9.net",), (), "can find dns.quad9.net", id="a name that nobody looks up"),
        pytest.param(("9.9.9.9", "127.0.0.53"), (), "127.0.0.53 is the resolver of this system", id="resolved's stub"),
        pytest.param(("[::1]:53",), (), "is the resolver of this system", id="itself"),
    ],
)
def test_why_not_alone(upstreams: tuple[str, ...], bootstrap: tuple[str, ...], word: str) -> None:
    said = why_not_alone(Resolver(upstreams=upstreams, bootstrap=bootstrap))
    assert word in said
    assert bool(said) == bool(word)
