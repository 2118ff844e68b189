"""The types of DNS records by name (IANA, "Domain Name System Parameters"), those that people write in rules."""

from __future__ import annotations

import re

TYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "RP": 17, "AFSDB": 18,
    "SIG": 24, "KEY": 25, "AAAA": 28, "LOC": 29, "SRV": 33, "NAPTR": 35, "KX": 36, "CERT": 37, "DNAME": 39, "DS": 43,
    "SSHFP": 44, "IPSECKEY": 45, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "DHCID": 49, "NSEC3": 50, "NSEC3PARAM": 51,
    "TLSA": 52, "SMIMEA": 53, "HIP": 55, "CDS": 59, "CDNSKEY": 60, "OPENPGPKEY": 61, "CSYNC": 62, "ZONEMD": 63,
    "SVCB": 64, "HTTPS": 65, "SPF": 99, "EUI48": 108, "EUI64": 109, "TKEY": 249, "TSIG": 250, "ANY": 255, "URI": 256,
    "CAA": 257,
}  # fmt: skip

_BY_NUMBER = re.compile(r"TYPE([0-9]{1,5})")  # RFC 3597, section 5


def type_number(name: str) -> int | None:
    """Return the number of a type, None where there is none of that name."""
    name = name.strip().upper()
    match = _BY_NUMBER.fullmatch(name)
    if match:
        return int(match[1]) if int(match[1]) < 1 << 16 else None
    return TYPES.get(name)
