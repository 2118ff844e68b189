"""What Apple says of the payloads of our profiles, as a table of our own, and a reader of profiles that obeys it.

Source: github.com/apple/device-management, mdm/profiles: TopLevel.yaml, CommonPayloadKeys.yaml,
com.apple.dnsSettings.managed.yaml, com.apple.security.root.yaml. Where the prose is stricter than the table (ServerURL
with HTTPS alone, ServerName with TLS alone, ActionParameters with EvaluateConnection), `_prose` is the prose.
"""

from __future__ import annotations

import ipaddress
import plistlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Key:
    """One key of a dictionary."""

    kind: type
    required: bool = False
    values: tuple[object, ...] = ()
    inside: type | dict[str, Key] | None = None  # of an array: the kind of its elements, or their keys


TEXTS = Key(list, inside=str)
COMMON = {
    "PayloadIdentifier": Key(str, True),
    "PayloadUUID": Key(str, True),
    "PayloadType": Key(str, True),
    "PayloadVersion": Key(int, True, (1,)),
    "PayloadDescription": Key(str),
    "PayloadDisplayName": Key(str),
    "PayloadOrganization": Key(str),
}
TOP = COMMON | {
    "PayloadType": Key(str, True, ("Configuration",)),
    "PayloadContent": Key(list, True, inside=dict),
    "PayloadScope": Key(str, values=("System", "User")),
    "PayloadRemovalDisallowed": Key(bool),
}
PARAMETER = {
    "Domains": Key(list, True, inside=str),
    "DomainAction": Key(str, True, ("NeverConnect", "ConnectIfNeeded")),
}
RULE = {
    "Action": Key(str, True, ("Connect", "Disconnect", "EvaluateConnection")),
    "ActionParameters": Key(list, inside=PARAMETER),
    "DNSDomainMatch": TEXTS,
    "DNSServerAddressMatch": TEXTS,
    "InterfaceTypeMatch": Key(str, values=("Ethernet", "WiFi", "Cellular")),
    "SSIDMatch": TEXTS,
    "URLStringProbe": Key(str),
}
SETTINGS = {
    "DNSProtocol": Key(str, True, ("HTTPS", "TLS")),
    "ServerURL": Key(str),
    "ServerName": Key(str),
    "ServerAddresses": TEXTS,
    "AllowFailover": Key(bool),
    "SupplementalMatchDomains": TEXTS,
}
PAYLOADS: dict[str, dict[str, Key]] = {
    "com.apple.dnsSettings.managed": COMMON
    | {
        "DNSSettings": Key(dict, True, inside=SETTINGS),
        "OnDemandRules": Key(list, inside=RULE),
        "ProhibitDisablement": Key(bool),
        "PayloadCertificateUUID": Key(str),
    },
    "com.apple.security.root": COMMON | {"PayloadCertificateFileName": Key(str), "PayloadContent": Key(bytes, True)},
}


def faults(profile: bytes) -> list[str]:
    """Return everything in a profile that Apple's schema does not allow."""
    whole = plistlib.loads(profile)
    found = list(_dictionary(whole, TOP, "profile"))
    payloads = whole.get("PayloadContent", [])
    for number, payload in enumerate(payloads):
        keys = PAYLOADS.get(payload.get("PayloadType"))
        where = f"payload {number}"
        found += _dictionary(payload, keys, where) if keys else [f"{where}: unknown type"]
        found += _prose(payload, where)
    for key in ("PayloadIdentifier", "PayloadUUID"):
        said = [each.get(key) for each in (whole, *payloads)]
        if len(set(said)) != len(said):
            found.append(f"{key}: not unique")
    return found


def _dictionary(said: dict[str, Any], keys: dict[str, Key], where: str) -> Iterator[str]:
    yield from (f"{where}: {key} is missing" for key, rule in keys.items() if rule.required and key not in said)
    for key, value in said.items():
        rule = keys.get(key)
        if rule is None:
            yield f"{where}: no key {key}"
        elif type(value) is not rule.kind:
            yield f"{where}: {key} is {type(value).__name__}"
        elif rule.values and value not in rule.values:
            yield f"{where}: {key} is {value!r}"
        elif rule.kind is str and not value:
            yield f"{where}: {key} is empty"
        elif isinstance(rule.inside, dict):
            below: list[Any] = value if isinstance(value, list) else [value]
            for each in below:
                yield from _dictionary(each, rule.inside, f"{where}: {key}")
        elif isinstance(rule.inside, type) and isinstance(value, list):
            yield from (f"{where}: {key} holds {each!r}" for each in value if type(each) is not rule.inside)
        if key == "PayloadUUID" and str(UUID(value)).upper() != value:
            yield f"{where}: {value} is no UUID"


def _prose(payload: dict[str, Any], where: str) -> Iterator[str]:
    settings = payload.get("DNSSettings", {})
    if settings:
        https = settings["DNSProtocol"] == "HTTPS"
        if ("ServerURL" in settings) is not https or ("ServerName" in settings) is https:
            yield f"{where}: the key of the other protocol"
        if https and not settings.get("ServerURL", "").startswith("https://"):
            yield f"{where}: ServerURL is no https:// address"
        for address in settings.get("ServerAddresses", ()):
            ipaddress.ip_address(address)
    for rule in payload.get("OnDemandRules", ()):
        if ("ActionParameters" in rule) is not (rule["Action"] == "EvaluateConnection"):
            yield f"{where}: ActionParameters with {rule['Action']}"
        if "SSIDMatch" in rule and rule.get("InterfaceTypeMatch", "WiFi") != "WiFi":
            yield f"{where}: an SSID on {rule['InterfaceTypeMatch']}"
