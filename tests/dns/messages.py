"""Messages made and read by dnslib, which is not what answers: queries, upstreams' replies, answers as lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import dnslib

from blockctl.dns.rewrite import read_rewrite
from blockctl.dns.types import TYPES, type_number
from blockctl.dns.wire import name_wire

CODES = {code: dnslib.RCODE.get(code) for code in range(17)} | {16: "BADVERS", 2: "SERVFAIL", 3: "NXDOMAIN"}
NUMBERS = {name: code for code, name in CODES.items()}
KINDS = {number: name for name, number in TYPES.items()}


def query(name: str, kind: str = "A", **said: int) -> bytes:
    """Return a query: `rd`, `ad`, `cd`, `id`, `klass`; with EDNS by `size`, `do`, `version`, `pad` (for padding)."""
    number = type_number(kind)
    assert number is not None, kind
    klass = said.get("klass", 1)
    header = dnslib.DNSHeader(id=said.get("id", 4711), rd=said.get("rd", 1), ad=said.get("ad", 0), cd=said.get("cd", 0))
    record = dnslib.DNSRecord(header)
    wire = bytearray(record.pack())
    wire[5] = 1
    wire += name_wire(name) + number.to_bytes(2, "big") + klass.to_bytes(2, "big")
    if said.keys() & {"size", "do", "version", "pad"}:
        wire[11] = 1
        options = b"\0\x0c\0\x04\0\0\0\0" if said.get("pad") else b""
        flags = bytes((0, said.get("version", 0), 0x80 * said.get("do", 0), 0))
        wire += (
            b"\0\0\x29" + said.get("size", 1232).to_bytes(2, "big") + flags + len(options).to_bytes(2, "big") + options
        )
    return bytes(wire)


def rdata(kind: str, text: str) -> bytes:
    """Return the data of a record of a zone file's line."""
    if kind in ("HTTPS", "SVCB", "SRV"):
        made = read_rewrite(f"NOERROR;{kind};{text}")
        assert made is not None, text
        return made.records[0][1]
    if kind in ("CNAME", "NS", "PTR", "DNAME"):
        return name_wire(text)
    if kind == "SOA":
        server, mailbox, *numbers = text.split()
        return name_wire(server) + name_wire(mailbox) + b"".join(int(each).to_bytes(4, "big") for each in numbers)
    if kind in dnslib.RDMAP:
        buffer = dnslib.DNSBuffer()
        dnslib.RR.fromZone(f"x. 1 {kind} {text}")[0].rdata.pack(buffer)
        return bytes(buffer.data)
    return bytes.fromhex(text)


def record(line: str) -> bytes:
    """Return a line of a zone file, `owner TTL type data`, as it stands in messages; nothing is compressed."""
    owner, ttl, kind, text = line.split(None, 3)
    data, number = rdata(kind, text), type_number(kind)
    assert number is not None, line
    return name_wire(owner) + b"".join(
        (number.to_bytes(2, "big"), b"\0\1", int(ttl).to_bytes(4, "big"), len(data).to_bytes(2, "big"), data)
    )


def response(
    asked: bytes, rcode: int = 0, answer: Iterable[str] = (), authority: Iterable[str] = (), ad: int = 0, ede: int = -1
) -> bytes:
    """Return what an upstream answers to a query."""
    end = 12 + _name_length(asked) + 4
    answers, authorities = [record(line) for line in answer], [record(line) for line in authority]
    option = b"\0\x0f\0\x02" + ede.to_bytes(2, "big") if ede >= 0 else b""
    opt = b"\0\0\x29\4\xd0" + bytes(4) + len(option).to_bytes(2, "big") + option
    flags = (0x8180 | ad << 5 | rcode).to_bytes(2, "big")
    counts = b"".join(number.to_bytes(2, "big") for number in (1, len(answers), len(authorities), 1))
    return asked[:2] + flags + counts + asked[12:end] + b"".join((*answers, *authorities)) + opt


def _name_length(asked: bytes) -> int:
    at = 12
    while asked[at]:
        at += 1 + asked[at]
    return at - 11


def lines(records: Sequence[dnslib.RR]) -> list[str]:
    """Return records as lines, `owner TTL type data`, names without closing dots but in HTTPS as dnslib has them."""
    return [f"{_bare(each.rname)} {each.ttl} {KINDS.get(each.rtype, each.rtype)} {_data(each)}" for each in records]


def _bare(label: object) -> str:
    text = str(label)
    return text.rstrip(".") or "."


def _data(each: dnslib.RR) -> str:
    if KINDS.get(each.rtype) in ("CNAME", "NS", "PTR"):
        return _bare(each.rdata.label)
    if each.rtype == TYPES["DNAME"]:
        return _bare(dnslib.DNSBuffer(each.rdata.data).decode_name())
    if each.rtype in (TYPES["HTTPS"], TYPES["SVCB"]):
        return f"{each.rdata.priority} {_bare(each.rdata.target if each.rdata.target else '.')}"
    return str(each.rdata)


def explanation(parsed: dnslib.DNSRecord) -> list[tuple[int, str]]:
    """Return the Extended DNS Errors of an answer."""
    found = []
    for each in parsed.ar:
        if each.rtype == dnslib.QTYPE.OPT:
            found += [
                (int.from_bytes(option.data[:2], "big"), option.data[2:].decode())
                for option in each.rdata
                if option.code == 15
            ]
    return found
