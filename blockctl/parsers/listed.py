"""A host name as lists write it: what it means, or why it is none that a list may block."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from blockctl.model.diagnostic import Severity
from blockctl.model.names import MAX_LABEL, MAX_NAME, is_address, is_public_suffix, is_special_use, normalize_host

# Names that end so are no hosts but triggers of a response policy zone on addresses and name servers
# (draft-vixie-dnsop-dns-rpz, section 4); `rpz.ip` is a misspelling that public lists carry.
TRIGGERS = ("rpz-ip", "rpz-client-ip", "rpz-nsdname", "rpz-nsip", "rpz.ip")
_TRIGGER_ENDS = tuple(f".{trigger}" for trigger in TRIGGERS)

# Invisible characters that UTS 46 ignores, and blanks that are not ASCII: they come from copied web pages.
_ODD = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad"), "") | dict.fromkeys(
    map(ord, "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"), " "
)
_PORT = re.compile(r"[^:/]+:\d{1,5}")
_ADBLOCK = re.compile(r"\|\||\^|@@|#@?[#?$%]")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a line, or a part of it, makes no rule."""

    code: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR


def clean_blanks(line: str) -> str:
    """Return a line without invisible characters, its odd blanks as spaces."""
    return line if line.isascii() else line.translate(_ODD)


def read_name(text: str, *, allowing: bool = False) -> str | Fault:
    """Return the normal form of a name that a list may block (`allowing`: except), or what is wrong with it."""
    if text[-1:].isdigit() and is_ip(text):
        return Fault("L102", f"{shown(text)} is an address; DNS blocks names", severity=Severity.WARNING)
    host = normalize_host(text) if "*" not in text else None
    return _why_no_name(text) if host is None else refusal(host, allowing=allowing) or host


def is_listable(host: str) -> bool:
    """Whether a list may block this name, which is in normal form."""
    return refusal(host) is None


def refusal(host: str, *, allowing: bool = False) -> Fault | None:
    """Return why no list may block (`allowing`: except) a name in normal form, None when one may."""
    if host.endswith(_TRIGGER_ENDS):
        return _trigger(host)
    if is_special_use(host):
        return Fault("L104", f"{host} is set apart for local use (RFC 6761) and never blocked by a list")
    verb, does = ("allow", "let through") if allowing else ("deny", "cover")
    hint = f"name it under `hosts: {verb}:` of the policy if you mean it"
    if "." not in host:
        what = "exception" if allowing else "rule"
        return Fault("L103", f"{shown(host)} has one label: the {what} would {does} a whole top level domain", hint)
    if len(host) > MAX_NAME:
        return Fault("L101", f"{shown(host)} has {len(host)} characters; a name has at most {MAX_NAME}")
    if is_public_suffix(host):
        return Fault("L103", f"{host} is a public suffix: unrelated sites live below it", hint)
    return None


def shown(text: str) -> str:
    """Return a text of a list as messages quote it: short, and with nothing that a terminal would obey."""
    quoted = repr(text)
    return quoted if len(quoted) <= 80 else f"{quoted[:60]}...{quoted[-1]}"


def _trigger(text: str) -> Fault:
    return Fault("L110", f"{shown(text)} is a trigger on an address or a name server, not a host name")


def _why_no_name(text: str) -> Fault:
    """Say what a text is that is not a host name."""
    if text.lower().removesuffix(".").endswith(_TRIGGER_ENDS):
        return _trigger(text)
    if _ADBLOCK.search(text):
        return Fault(
            "L108", f"{shown(text)} is adblock syntax in a list of another format",
            "if the whole list is adblock, say `format: adblock`",
        )  # fmt: skip
    if is_ip(text):
        return Fault("L102", f"{shown(text)} is an address; DNS blocks names", severity=Severity.WARNING)
    if "/" in text or _PORT.fullmatch(text):
        return Fault(
            "L106", f"{shown(text)} is a part of a host (URL, path or port); DNS sees only whole hosts",
            "to block the whole host, write its name alone", Severity.WARNING,
        )  # fmt: skip
    if "*" in text:
        return Fault(
            "L107", f"{shown(text)} is a pattern; only a wildcard in front, `*.name`, stands for names",
            severity=Severity.WARNING,
        )  # fmt: skip
    return Fault("L101", f"not a host name: {shown(text)} ({_flaw(text)})")


def _flaw(text: str) -> str:
    labels = text.removesuffix(".").split(".")
    if not text.strip("."):
        return "it is empty"
    if "" in labels:
        return "it has an empty label: two dots, or one in front"
    if max(map(len, labels)) > MAX_LABEL and text.isascii():
        return f"a label has at most {MAX_LABEL} characters"
    if len(text) > MAX_NAME and text.isascii():
        return f"a name has at most {MAX_NAME} characters"
    if text.isascii():
        odd = re.sub(r"[A-Za-z0-9_.-]", "", text)
        return f"no name has {shown(odd[0])}" if odd else "it reads as an address"
    return "no international name has these characters"


def is_ip(text: str) -> bool:
    """Whether a text is an address, or a network of them."""
    if ":" not in text and "/" not in text:
        return is_address(text.lower().rstrip("."))
    try:
        ipaddress.ip_network(text.strip("[]").partition("%")[0], strict=False)
    except ValueError:
        return False
    return True
