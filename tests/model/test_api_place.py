"""Where the web API may listen."""

from __future__ import annotations

import pytest

from blockctl.model.api_place import is_local, read_place


@pytest.mark.parametrize(
    ("text", "expected", "local"),
    [
        pytest.param("127.0.0.1:5380", "http://127.0.0.1:5380", True, id="this machine"),
        pytest.param("127.0.0.1", "http://127.0.0.1:5380", True, id="the usual port"),
        pytest.param("[::1]:80", "http://[::1]:80", True, id="IPv6"),
        pytest.param("https://192.168.1.2", "https://192.168.1.2:5380", False, id="the network, encrypted"),
        pytest.param("http://192.168.1.2:81", "http://192.168.1.2:81", False, id="the network, plain by wish"),
        pytest.param("https://0.0.0.0:5380/", "https://0.0.0.0:5380", False, id="every address"),
    ],
)
def test_places(text: str, expected: str, local: bool) -> None:
    place = read_place(text)
    assert (str(place), is_local(place)) == (expected, local)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("192.168.1.2:5380", "other devices reach", id="the network, unsaid"),
        pytest.param("http://93.184.215.14:80", "private address", id="public"),
        pytest.param("https://[2606:4700::1111]", "private address", id="public IPv6"),
        pytest.param("localhost:80", "address of this machine", id="a name"),
        pytest.param("tls://127.0.0.1", "https://ADDRESS", id="a scheme of DNS"),
        pytest.param("127.0.0.1:0", "a port is", id="any port"),
        pytest.param("127.0.0.1:99999", "a port is", id="no port"),
        pytest.param("", "address of this machine", id="nothing"),
    ],
)
def test_no_places(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_place(text)
