"""Apple's configuration profile: a phone, a tablet or a Mac asks our resolver, encrypted, where it should.

The payloads are com.apple.dnsSettings.managed (iOS 14, macOS 11) and com.apple.security.root, as Apple publishes them
in github.com/apple/device-management, mdm/profiles. Identifiers and UUIDs come from the profile's name alone: a profile
that is installed again replaces the one before.
"""

from __future__ import annotations

import plistlib
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from blockctl.model.addresses import LOOPBACK, is_within, read_address
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.listen import DEFAULT_PORT, Listen, read_listen
from blockctl.model.names import is_address, normalize_host

NAMESPACE = UUID("0c6f8e0a-52f4-5f0e-8f0d-6f6b1f6f6a11")
INTERFACES = {"wifi": "WiFi", "ethernet": "Ethernet", "cellular": "Cellular"}
LONGEST_SSID = 32  # bytes: IEEE 802.11, section 9.4.2.2
SPELLINGS = 'write "https://dns.home.arpa/dns-query" or "tls://dns.home.arpa"'


@dataclass(frozen=True, slots=True)
class Server:
    """The resolver as a device asks it."""

    protocol: str  # HTTPS or TLS
    where: str  # the address of DNS over HTTPS, the host name of DNS over TLS; the certificate must be for it
    addresses: tuple[str, ...] = ()  # where that name is found; none: the device asks other resolvers for it

    @property
    def is_here_alone(self) -> bool:
        """Whether no other machine reaches these addresses."""
        known = [address for text in self.addresses if (address := read_address(text)) is not None]
        return bool(known) and all(is_within(each, LOOPBACK) for each in known)


@dataclass(frozen=True, slots=True)
class Networks:
    """Where a device asks our resolver. Nothing said: everywhere, for every name."""

    ssids: tuple[str, ...] = ()  # names of wireless networks
    interfaces: tuple[str, ...] = ()  # keys of INTERFACES
    excluded: tuple[str, ...] = ()  # domains, with all below them, for which the network's own resolver is asked


def profile(
    server: Server, networks: Networks, *, name: str = "blockctl", authority: bytes = b"", failover: bool = False
) -> bytes:
    """Return the profile. `authority` is a root certificate (DER) that the device is to know.

    `failover`: where our resolver is silent, the device may ask the network's (iOS 26, macOS 26; older ones never do).
    """
    identifier = f"blockctl.dns.{uuid5(NAMESPACE, name).hex[:8]}"
    key = "ServerURL" if server.protocol == "HTTPS" else "ServerName"
    settings: dict[str, object] = {"DNSProtocol": server.protocol, key: server.where}
    if server.addresses:
        settings["ServerAddresses"] = list(server.addresses)
    if failover:
        settings["AllowFailover"] = True
    dns = _payload("com.apple.dnsSettings.managed", f"{identifier}.settings", f"{name}: encrypted DNS")
    dns |= {"DNSSettings": settings, "ProhibitDisablement": False}
    if rules := _on_demand(networks):
        dns["OnDemandRules"] = rules
    content = [dns]
    if authority:
        root = _payload("com.apple.security.root", f"{identifier}.authority", f"{name}: certificate authority")
        content.append(root | {"PayloadCertificateFileName": "authority.cer", "PayloadContent": authority})
    whole = _payload("Configuration", identifier, name) | {
        "PayloadDescription": f"This device asks {server.where} for names, encrypted. Remove the profile to end it.",
        "PayloadScope": "System",
        "PayloadRemovalDisallowed": False,
        "PayloadContent": content,
    }
    return plistlib.dumps(whole)


def _payload(kind: str, identifier: str, title: str) -> dict[str, object]:
    return {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": str(uuid5(NAMESPACE, identifier)).upper(),
        "PayloadDisplayName": title,
    }


def _on_demand(networks: Networks) -> list[dict[str, object]]:
    """Return the rules; the first that matches the network decides."""
    here: dict[str, object] = {"Action": "Connect"}
    if networks.excluded:
        never = {"Domains": list(networks.excluded), "DomainAction": "NeverConnect"}
        here = {"Action": "EvaluateConnection", "ActionParameters": [never]}
    if not networks.ssids and not networks.interfaces:
        return [here] if networks.excluded else []
    rules = []
    for each in networks.interfaces or ("wifi",):
        rule = here | {"InterfaceTypeMatch": INTERFACES[each]}
        if each == "wifi" and networks.ssids:
            rule["SSIDMatch"] = list(networks.ssids)
        rules.append(rule)
    return [*rules, {"Action": "Disconnect"}]


def read_networks(ssids: Iterable[str], interfaces: Iterable[str], excluded: Iterable[str]) -> Networks:
    """Check what a person wrote. Raises BlockctlError with what would be right."""
    ssids, interfaces = tuple(dict.fromkeys(ssids)), tuple(dict.fromkeys(interfaces))
    for ssid in ssids:
        if not 0 < len(ssid.encode()) <= LONGEST_SSID or not ssid.isprintable():
            raise BlockctlError(f"--ssid {ssid!r} is no name of a network", f"it has 1 to {LONGEST_SSID} bytes")
    for interface in interfaces:
        if interface not in INTERFACES:
            raise BlockctlError(f"--interface {interface!r} is none", f"there are: {', '.join(INTERFACES)}")
    if ssids and interfaces and "wifi" not in interfaces:
        raise BlockctlError("--ssid names wireless networks, and --interface leaves wifi out", "add --interface wifi")
    names = []
    for text in excluded:
        name = normalize_host(text.removeprefix("*."))
        if name is None or is_address(name):
            raise BlockctlError(f"--exclude {text!r} is no domain", "write corp.example: it is left out with all below")
        names.append(name)
    return Networks(ssids, interfaces, tuple(dict.fromkeys(names)))


def read_server(text: str, addresses: Iterable[str]) -> Server:
    """Read a server that a person named, and its addresses. Raises BlockctlError with what would be right."""
    found = []
    for each in addresses:
        address = read_address(each)
        if address is None or address.is_unspecified or "%" in each:
            raise BlockctlError(f"--address {each!r} is no address of a machine", "write 192.168.1.2")
        found.append(str(address))
    try:
        parts = urlsplit(text)
        host, port = normalize_host(parts.hostname or ""), parts.port
    except ValueError as error:
        raise BlockctlError(f"--server {text!r}: {error}", SPELLINGS) from error
    if host is None or parts.scheme not in ("https", "tls") or parts.username is not None or not text.isascii():
        raise BlockctlError(f"--server {text!r} is no encrypted DNS server", SPELLINGS)
    if parts.scheme == "https":
        if parts.path in ("", "/") or parts.query or parts.fragment or any(mark in text for mark in ' "<>\\'):
            raise BlockctlError(f"--server {text!r} names no path, or more than one", SPELLINGS)
        return Server("HTTPS", text, tuple(dict.fromkeys(found)))
    if is_address(host) or port not in (None, DEFAULT_PORT["tls"]) or parts.path:
        raise BlockctlError(f"--server {text!r}: Apple's DNS over TLS takes a name, at port 853", SPELLINGS)
    return Server("TLS", host, tuple(dict.fromkeys(found)))


def server_of(listen: Iterable[str], names: Iterable[str], own: Iterable[str]) -> Server:
    """Return the server that the policy's listeners make: https before tls.

    `names` are the names and addresses that its certificate is for, `own` the addresses of this machine, meant by a
    listener at 0.0.0.0 or ::. Raises BlockctlError when no device could ask it.
    """
    names, own = set(names), list(own)
    places = [place for place in map(read_listen, listen) if place.secure and place.port]
    if not places:
        hint = 'add one: resolver: {listen: ["127.0.0.1:5335", "https://0.0.0.0:443"], tls: {...}}, or name --server'
        raise BlockctlError("the resolver has no https:// or tls:// listener", hint)
    hosts = sorted(name for name in names if not is_address(name) and "*" not in name and name != "localhost")
    for place in sorted(places, key=lambda each: each.scheme != "https"):
        alike = [
            each for each in places if (each.scheme, each.port, each.path) == (place.scheme, place.port, place.path)
        ]
        addresses = _reached(alike, own)
        host = next(iter(hosts), "")
        if place.scheme == "tls":
            if host and place.port == DEFAULT_PORT["tls"]:
                return Server("TLS", host, addresses)
            continue
        host = host or next((each for each in addresses if each in names), "")
        if host:
            port = "" if place.port == DEFAULT_PORT["https"] else f":{place.port}"
            return Server("HTTPS", f"https://{f'[{host}]' if ':' in host else host}{port}{place.path}", addresses)
    told = ", ".join(sorted(names)) or "nothing that can be read"
    raise BlockctlError(
        f"no device would take the certificate: it is for {told}",
        "make one for a name such as dns.home.arpa (DNS over TLS also needs port 853), or name --server",
    )


def _reached(places: Iterable[Listen], own: Iterable[str]) -> tuple[str, ...]:
    """Return the addresses of the places; those of this machine itself only where there are no others."""
    found = []
    for place in places:
        address = read_address(place.address)
        if address is None:
            continue
        mine = (each for text in own if (each := read_address(text)) is not None)
        found += [each for each in mine if each.version == address.version] if address.is_unspecified else [address]
    away = [each for each in found if not is_within(each, LOOPBACK) and not each.is_link_local]
    return tuple(dict.fromkeys(str(each) for each in away or found))
