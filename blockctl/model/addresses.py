"""Addresses of machines: their shortest spelling, and how far from this one they can be."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
PRIVATE: tuple[Network, ...] = (
    IPv4Network("10.0.0.0/8"),  # RFC 1918
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("169.254.0.0/16"),  # RFC 3927, link-local
    IPv4Network("100.64.0.0/10"),  # RFC 6598, behind a provider's translation; overlay networks use it too
    IPv6Network("fc00::/7"),  # RFC 4193, unique local
    IPv6Network("fe80::/10"),  # RFC 4291, link-local
)


def read_address(text: str) -> Address | None:
    """Return the address, None when the text is none.

    A zone is cut off; IPv4 inside IPv6 is IPv4 (RFC 4291, section 2.5.5.2).
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address


def read_network(text: str) -> Network | None:
    """Return the network (`192.168.7.0/24`, or one address), None when the text is none or has bits below its mask."""
    try:
        return ip_network(text)
    except ValueError:
        return None


def shortest(text: str) -> str:
    """Return the one spelling by which an address is compared; what is no address stays as it is."""
    address = read_address(text)
    return text if address is None else str(address)


def is_this_machine(text: str) -> bool:
    """Whether the text is an address by which this machine speaks to itself."""
    address = read_address(text)
    return address is not None and is_within(address, LOOPBACK)


def is_within(address: Address, networks: tuple[Network, ...]) -> bool:
    """Whether one of the networks holds the address."""
    return any(address in network for network in networks)
