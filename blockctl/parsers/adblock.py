"""Adblock filter lists, in the dialects of EasyList, uBlock Origin and AdGuard (its DNS syntax too).

A line is a comment (`!`, `#` and a blank, `[Adblock Plus 2.0]`), a directive (`!#if`), a cosmetic filter (`##`), a line
of a hosts file, or a network filter. A plain `||name^` and its exception become columns, the rest rules.
A bare `name.example` is a part of an address in EasyList's dialect, `||name.example^` in uBO's, and that name alone in
a list for DNS; the dialect is told by the list's header and marks. Where they say nothing it is EasyList's, but for
a list that no browser obeys: that is read as AdGuard's DNS engine reads it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice

from blockctl.model.diagnostic import Diagnostic, Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.rule import Cosmetic, Effect, Rule, Scope
from blockctl.parsers import hosts
from blockctl.parsers.adblock_cosmetic import read_cosmetic
from blockctl.parsers.adblock_directives import HEADER_SIZE, Directives, read_header
from blockctl.parsers.adblock_network import HOST_FILTER, PLAIN, Cancelled, Dialect, may_be_unlistable, read_network
from blockctl.parsers.bulk import ADBLOCK_HOST, NOTHING, Taken, take
from blockctl.parsers.lines import Said, place, read_with, report
from blockctl.parsers.listed import Fault, clean_blanks, is_ip, shown
from blockctl.parsers.text import MAX_LINE

Read = list[Rule] | Cosmetic | Cancelled | Said | Fault | None

_COMMENT = re.compile(r"!|#(?:(?!#|@?(?:\$\?|[?$%])?#)|#+\s|#+$|###)|\[(?!\$)[^\]]*\]$")
_HOSTS_LINE = re.compile(r"[0-9a-fA-F.:]+(?:%\w+)?[ \t]++[^$#|/]+(?:#.*)?")
BARE_NAME = re.compile(r"(?:[^\s/|^$*#@,:=\"'<>(){}\[\]?&;!~%+\\.]+\.)+[^\s/|^$*#@,:=\"'<>(){}\[\]?&;!~%+\\.]+")
_REMARK = re.compile(r"(?<!\s)\s++#.*")
_PLAIN_HOST = re.compile(r"(?:@@)?\|\|[^\s/^*$|]+\^\|?")  # as `lookup.find` finds them

# Every line of a list for DNS fits; `_DNS_MARKS` are what no other list has.
_DNS_OPTION = r"(?:important|badfilter|(?:denyallow|dnstype|dnsrewrite|client|ctag)(?:=[^,]*+)?)"
_DNS_ADDRESS = r"\[?[0-9a-fA-F]*[.:][0-9a-fA-F.:]*\]?(?:/[0-9]+|\*)?"
_DNS_LINE = re.compile(
    rf"(?:@@)?(?:\|{{0,2}}(?:[^\s/|^$:=?&#]+|{_DNS_ADDRESS})\^?\|?|/.*/)"
    rf"(?:\${_DNS_OPTION}(?:,{_DNS_OPTION})*)?(?:\s++#.*)?"
)
_DNS_MARKS = re.compile(r"[^$]*+\$(?:.*[,$])?(?:dnstype|dnsrewrite|client|ctag)(?:=|,|$)")
_DNS_HEADER = re.compile(r"\b(?:DNS|hosts?|domains?)\b", re.IGNORECASE)
_UBO_HEADER = re.compile(r"\b(?:uBlock(?: Origin)?|uBO|uAssets)\b", re.IGNORECASE)
DNS_FORMAT = "adblock-dns"  # of a list with rules that a line alone, without its list, would not give
NAMES_FORMAT = "adblock-names"  # of a list with bare names that mean names because it is for DNS alone
SAMPLE = 500  # lines that say what a list's dialect is


def parse(text: str, file: str, *, dns_only: bool = False) -> FilterList:
    """Read a list. `dns_only`: no browser obeys it."""
    parsed = FilterList(file, "adblock", header=read_header(text))
    taken = _take(text)
    parsed.clean = taken.clean()
    parsed.counts.lines = taken.lines
    parsed.counts.rules = taken.clean_lines
    told = dialect = _dialect(text, taken)
    if dns_only and told.bare is None:
        dialect = replace(told, bare=Scope.EXACT)
    directives = Directives()
    for number, line in taken.residue():
        _take_line(parsed, directives, dialect, number, line)
    parsed.put("subtree", taken.plain)
    if directives.includes:
        parsed.header["include"] = "\n".join(directives.includes)
    if unclosed := directives.unclosed():
        number, fault = unclosed
        report(parsed, fault, number)
    if dialect is not told and parsed.exact:
        parsed.format = NAMES_FORMAT
    elif dialect.hosts and any(parse_line(rule.text, rule.origin) != rule for rule in parsed.rules):
        parsed.format = DNS_FORMAT
    return parsed


def parse_line(line: str, origin: Origin, dialect: Dialect = PLAIN) -> Rule | Cosmetic | Cancelled | Diagnostic | None:
    """Return what one line makes by itself: the same rule that `parse` makes of it, where the dialects agree.

    Of a line that makes several (a hosts line with several names) it is the first.
    """
    read = _read(line.strip(), origin, dialect)
    if isinstance(read, Said):
        if not read.words:
            return _diagnostic(origin, read.faults[0]) if read.faults else None
        word = read.words[0]
        return Rule(word.effect, origin, line.strip(), word.host, word.scope)
    if isinstance(read, list):
        return read[0]
    return _diagnostic(origin, read) if isinstance(read, Fault) else read


def _take_line(parsed: FilterList, directives: Directives, dialect: Dialect, number: int, line: str) -> None:
    """Put one line where it belongs, and count it."""
    counts = parsed.counts
    if line.startswith("!#"):
        fault = directives.take(line, number) if len(line) <= MAX_LINE else _too_long(line)
        if fault is None:
            counts.nothing += 1
        else:
            counts.refused += 1
            report(parsed, fault, number)
        return
    if not line or line[0] == "!" or not directives.reading:
        counts.nothing += 1
        return
    if line[-1] == "^" and (host := HOST_FILTER.fullmatch(line)) and not may_be_unlistable(host[1]):
        parsed.subtree.add(host[1])
        counts.rules += 1
        return
    _put(parsed, _read(line.strip(), Origin(parsed.file, number), dialect), line, number)


def _put(parsed: FilterList, read: Read, line: str, number: int) -> None:
    counts = parsed.counts
    if isinstance(read, Cosmetic):
        counts.rules += 1
        parsed.cosmetics.append(read)
    elif isinstance(read, list):
        counts.rules += 1
        if _is_plain(read[0], line):
            (parsed.subtree if read[0].effect is Effect.BLOCK else parsed.allow_subtree).add(read[0].host)
        else:
            parsed.rules += read
    elif isinstance(read, Cancelled):
        counts.rules += 1
        parsed.badfilters += read.rules
    elif read is None:
        counts.nothing += 1
    else:
        said = Said(faults=[read]) if isinstance(read, Fault) else read
        for word in said.words:
            place(parsed, word, number, line)
        for fault in said.faults:
            report(parsed, fault, number)
        counts.rules += bool(said.words)
        counts.refused += bool(said.faults and not said.words)
        counts.nothing += not (said.words or said.faults)


def _read(line: str, origin: Origin, dialect: Dialect) -> Read:
    """Read a stripped line that is no directive."""
    if len(line) > MAX_LINE:
        return _too_long(line)
    if not line or _COMMENT.match(line):
        return None
    if "\ufffd" in line:
        return Fault("L213", f"{shown(line)} has a NUL or broken characters in it")
    if "#" in line or "$$" in line or "$@$" in line or line.startswith("[$"):
        cosmetic = read_cosmetic(line, origin)
        if cosmetic is not None:
            return cosmetic
    if line[0] in "0123456789:fF" and _HOSTS_LINE.fullmatch(line) and is_ip(line.split()[0]):
        return read_with(hosts.read, line)
    if dialect.bare and (name := bare_name(line)) and not (dialect.bare is Scope.EXACT and is_ip(name)):
        said = Said()
        said.name(clean_blanks(name), dialect.bare)
        return said
    return read_network(_REMARK.sub("", line) if " #" in line or "\t#" in line else line, origin, dialect)


def bare_name(line: str) -> str:
    """Return the name that a stripped line is, but for a remark behind it; "" for any other line."""
    name = _REMARK.sub("", line) if "#" in line else line
    if not BARE_NAME.fullmatch(name):
        return ""
    return name if name == line or read_cosmetic(line, Origin("")) is None else ""


def _too_long(line: str) -> Fault:
    return Fault("L211", f"a line of {len(line):,} characters; no filter is that long")


def _is_plain(rule: Rule, line: str) -> bool:
    """Whether a line says of a host and all below it that they are blocked, or let through, and nothing more."""
    return bool(rule.host) and rule.scope is Scope.SUBTREE and bool(_PLAIN_HOST.fullmatch(line.strip()))


def _diagnostic(origin: Origin, fault: Fault) -> Diagnostic:
    return Diagnostic(fault.code, origin, fault.message, fault.hint, fault.severity)


def bare_scope(text: str, format_: str) -> Scope | None:
    """Return what a bare name stands for in a list of a format; None: it is a part of an address."""
    if format_ == NAMES_FORMAT:
        return Scope.EXACT
    return _dialect(text, _take(text)).bare


def speaks_of_hosts(text: str) -> bool:
    """Whether a list speaks of nothing but hosts, so that its patterns mean names and not addresses of files."""
    return _dialect(text, _take(text)).hosts


def _take(text: str) -> Taken:
    return take(text, NOTHING if "!#if" in text else ADBLOCK_HOST)  # a run of plain lines may be in a branch


def _dialect(text: str, taken: Taken) -> Dialect:
    """Tell the dialect of a list by what stands at its top and by a sample of its lines."""
    head = "\n".join(line for line in text[:HEADER_SIZE].split("\n") if line[:1] in ("!", "#", "["))
    lines = (line.strip() for _, line in taken.residue())
    sample = list(islice((line for line in lines if line and not _COMMENT.match(line)), SAMPLE))
    for_hosts = [bool(_HOSTS_LINE.fullmatch(line)) for line in sample]
    fitting = sum(is_hosts or bool(_DNS_LINE.fullmatch(line)) for is_hosts, line in zip(for_hosts, sample, strict=True))
    if (sample or taken.plain) and fitting * 20 >= len(sample) * 19:
        marked = any(for_hosts) or _DNS_HEADER.search(head) or any(map(_DNS_MARKS.match, sample))
        return Dialect(hosts=True, bare=Scope.EXACT if marked else None)
    return Dialect(bare=Scope.SUBTREE if _UBO_HEADER.search(head) else None)
