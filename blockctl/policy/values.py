"""Single values of the policy: words, names, moments, selectors, addresses. Every fault is collected."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from blockctl.model.diagnostic import Diagnostic, Origin, Severity
from blockctl.model.names import is_address, is_listed_suffix, normalize_host
from blockctl.model.request import complete_url, url_host
from blockctl.policy import tree
from blockctl.policy.tree import CONTROL, Node, Scalar
from blockctl.policy.words import advice, nearest, spelled

Value = TypeVar("Value")
MAX_FAULTS = 1000  # a file of millions of faults must not cost millions of objects
MAX_GUESSES = 200  # a nearest word takes 0.1 ms


class Reader:
    """Reads nodes of one file and keeps what is wrong with them. A method that returns None has told a fault."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Diagnostic] = []
        self.untold = 0
        self._guesses = 0

    def origin(self, node: Node) -> Origin:
        """Return where a node begins."""
        return Origin(self.file, node.line, node.column)

    def fault(self, code: str, node: Node, message: str, hint: str = "", severity: Severity = Severity.ERROR) -> None:
        """Keep a fault; those beyond the limit are counted."""
        if len(self.faults) < MAX_FAULTS:
            if not message.isprintable():  # what a terminal would obey, or hide
                message = "".join(each if each.isprintable() else f"U+{ord(each):04X}" for each in message)
            self.faults.append(Diagnostic(code, self.origin(node), message, hint, severity))
        else:
            self.untold += 1

    def advise(self, word: str, right: Iterable[str], meant: Mapping[str, str] | None = None) -> str:
        """Return a hint about a wrong word; for the first faults only, it takes time."""
        self._guesses += 1
        right = list(right)
        return advice(word, right, meant) if self._guesses <= MAX_GUESSES else f"it is {spelled(right)}"

    def mapping(
        self, node: Node, what: str, known: Iterable[str], meant: Mapping[str, str] | None = None, *, more: bool = False
    ) -> dict[str, tuple[Scalar, Node]]:
        """Return the entries of a mapping by key, `block` as `deny`. `more` lets unknown keys pass."""
        found: dict[str, tuple[Scalar, Node]] = {}
        for key, value in self.entries(node, what):
            name = "deny" if key.text == "block" and "deny" in known else key.text
            if name in found:
                same = (
                    f"{key.text!r} is here twice"
                    if key.text == name
                    else f"{key.text!r} is {name!r}, which is here twice"
                )
                self.fault("P005", key, same, f"the first is in line {found[name][0].line}")
            elif name not in known and not more:
                guess = nearest(name, known, meant) if self._guesses < MAX_GUESSES else ""
                self._guesses += 1
                hint = f"did you mean `{guess}`?" if guess else f"{what} has {spelled(known)}"
                self.fault("P006", key, f"{what} has no key {_short(name)}", hint)
            else:
                found[name] = (key, value)
        return found

    def entries(self, node: Node, what: str) -> list[tuple[Scalar, Node]]:
        """Return the entries of a mapping; nothing written is an empty one."""
        if isinstance(node, tree.Mapping):
            return node.entries
        if not (isinstance(node, Scalar) and (node.empty or node.style == "*")):
            kind = "a list" if isinstance(node, tree.Sequence) else f"the word {_short(node.text)}"
            self.fault("P003", node, f"{what} is {kind} where `key: value` entries should be")
        return []

    def items(self, node: Node, what: str) -> list[Node]:
        """Return the items of a list; nothing written is an empty one."""
        if isinstance(node, tree.Sequence):
            return node.items
        if not (isinstance(node, Scalar) and (node.empty or node.style == "*")):
            hint = f"write [{node.text}]" if isinstance(node, Scalar) and len(node.text) < 80 else ""
            self.fault("P003", node, f"{what} should be a list", hint)
        return []

    def text(self, node: Node, what: str) -> str | None:
        """Return a text that is not empty."""
        if isinstance(node, Scalar):
            if node.style == "*":
                return None
            if node.text.strip() and not node.empty:
                return node.text
            self.fault("P003", node, f"{what} has no value")
        else:
            kind = "list" if isinstance(node, tree.Sequence) else "mapping"
            self.fault("P003", node, f"{what} is a {kind} where one value should be")
        return None

    def prose(self, node: Node, what: str) -> str | None:
        """Return a text for people, without the space around it; no characters that a text file may not hold."""
        text = self.text(node, what)
        if text is not None and (found := CONTROL.search(text)):
            self.fault("P001", node, f"{what} holds the character U+{ord(found[0]):04X}", "leave it out")
            return None
        return text.strip() if text is not None else None

    def word(
        self, node: Node, what: str, right: Mapping[str, Value], meant: Mapping[str, str] | None = None
    ) -> Value | None:
        """Return what a word stands for. The spellings `block`, `yes`, `true`... are not offered in hints."""
        if isinstance(node, Scalar) and node.text == "null" and "null" in right:
            return right["null"]  # a word here, and not YAML's way to say nothing
        text = self.text(node, what)
        if text is None:
            return None
        if text in right:
            return right[text]
        if text.lower() in right and isinstance(right[text.lower()], bool):  # YAML 1.1 knows `On` and `YES` too
            return right[text.lower()]
        offered: dict[Value, str] = {}
        for word, value in right.items():
            offered.setdefault(value, word)
        self.fault("P007", node, f"{what} cannot be {_short(text)}", self.advise(text, offered.values(), meant))
        return None

    def moment(self, node: Node, what: str = "until") -> datetime | None:
        """Return a moment in UTC (ISO 8601 with a time zone)."""
        text = self.text(node, what)
        if text is None:
            return None
        example = "write it like 2026-12-01T12:00:00Z (UTC) or 2026-12-01T13:00:00+01:00"
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fault("P014", node, f"{what} is no moment: {_short(text)}", example)
            return None
        zoned = text + ("T00:00:00Z" if len(text) <= len("2026-12-01") else "Z")
        self.fault(
            "P014", node, f"{what} has no time zone: {_short(text)}", f"write {zoned} for UTC, or {zoned[:-1]}+01:00"
        )
        return None

    def selector(self, node: Node) -> str | None:
        """Return a CSS selector that cannot break out of its rule."""
        text = self.text(node, "hide")
        if text is None:
            return None
        text = text.strip()
        if "##" in text or "#@#" in text:
            bare = text.rpartition("#")[2]
            self.fault(
                "P018", node, f"a filter rule, not a selector: {_short(text)}", f"write {bare!r}" if bare else ""
            )
            return None
        wrong = _not_css(text) or _selector_fault(text)
        if wrong:
            self.fault("P018", node, f"not a CSS selector: {_short(text)}", wrong)
            return None
        return text

    def site(self, node: Scalar) -> str | None:
        """Return a site in normal form; an address is one, a public suffix is not."""
        host = host_name(node.text)
        if host is None:
            self._not_a_host(node, "site")
        elif is_listed_suffix(host):
            self._suffix_as_site(node, host)
            return None
        return host

    def host(self, node: Node, what: str, *, everywhere: bool) -> str | None:
        """Return a host in normal form. One that holds `everywhere` is for DNS too, and so no address."""
        text = self.text(node, what)
        if text is None or not isinstance(node, Scalar):
            return None
        host = host_name(text)
        if host is None:
            self._not_a_host(node, "host")
        elif everywhere and is_address(host):
            verb = what.rpartition(".")[2]
            hint = f"DNS never sees addresses; for one page: sites: PAGE: {verb}: [{_quoted(host)}]"
            hint = hint if verb in ("allow", "deny") else ""
            self.fault("P012", node, f"{what} takes names, not the address {text}", hint)
            return None
        return host

    def _suffix_as_site(self, node: Scalar, host: str) -> None:
        below = f"name the site below it, as in name.{host}"
        message = f"{host} is a public suffix: nobody's site, but what sites are registered under"
        self.fault("P011", node, message, f"{below}; for every site there is `defaults:`")

    def _not_a_host(self, node: Scalar, what: str) -> None:
        text = node.text.strip()
        if not text:
            self.fault("P010", node, f"an empty name where a {what} should be")
            return
        message, hint = explain_host(text, what)
        self.fault("P010", node, message, hint)


def host_name(text: str) -> str | None:
    """Return a name in normal form, or an address as browsers write it in a URL; None when it is neither."""
    host = normalize_host(text)
    if host is not None or not is_address(text):
        return host
    from ipaddress import IPv6Address, ip_address

    try:
        address = ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    return f"[{address.compressed}]" if isinstance(address, IPv6Address) else str(address)


def explain_host(text: str, what: str = "host") -> tuple[str, str]:
    """Say why a text is not a host name, and which host was probably meant."""
    bare = text.strip("|^ ")
    meant = normalize_host(bare.lstrip("*.")) or ""
    if text == "*":
        return f"* is not a {what}", "for every site there is `defaults:`"
    if meant and bare[:1] in "*.":
        return f"{_short(text)} has a wildcard", f"write {meant}: it covers everything below it"
    if "/" in text or "://" in text:
        meant = normalize_host(url_host(complete_url(bare))) or ""
        return f"{_short(text)} is a URL, not a {what}", f"write {meant}" if meant else ""
    if "@" in text:
        meant = normalize_host(bare.rpartition("@")[2]) or ""
        return f"{_short(text)} is a mail address, not a {what}", f"write {meant}" if meant else ""
    name, colon, port = bare.rpartition(":")
    if colon and port.isdigit() and normalize_host(name):
        return f"{_short(text)} has a port", f"write {normalize_host(name)}: it covers every port"
    if meant:
        return f"{_short(text)} is not a {what} name", f"write {meant}"
    if "," in text or " " in text:
        return f"{_short(text)} is not one {what} name", "each name is an entry of its own"
    if is_address(bare):
        return f"{_short(text)} is not an address as browsers show it", "write four numbers, as in 192.0.2.1"
    return f"{_short(text)} is not a {what} name", "a name has letters, digits, hyphens and dots"


def _quoted(host: str) -> str:
    return f'"{host}"' if host.startswith("[") else host


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


_FILTERS = re.compile(
    r"\+js\(|^[+^@$%]|:(?:style|remove|remove-attr|remove-class|has-text|matches-path|matches-css(?:-before|-after)?"
    r"|upward|xpath|watch-attr|min-text-length|matches-attr|matches-media|others|contains|-abp-[a-z-]+)\("
)


def _not_css(text: str) -> str:
    """Return why a text selects nothing in a browser though its brackets and quotes are right, "" when it may."""
    if found := _FILTERS.search(text):
        return f"{found[0]!r} is filter syntax of an extension; here are plain CSS selectors"
    odd = next((each for each in text if not each.isprintable() and not CONTROL.match(each)), "")
    return f"it holds the character U+{ord(odd):04X}: leave it out" if odd else ""


def _selector_fault(text: str) -> str:
    """Return why a selector would end early or swallow what follows it, "" when it is whole."""
    closing = {"(": ")", "[": "]"}
    waiting: list[str] = []
    quote, escaped = "", False
    for character in text:
        if escaped or character == "\\":
            escaped = not escaped
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in closing:
            waiting.append(closing[character])
        elif character in ")]" and (not waiting or waiting.pop() != character):
            return f"a {character} closes nothing"
        elif character in "{};":
            return f"a selector holds no {character}: write what selects, without the style"
        if character in "\r\n\x0c":
            return "write it in one line"
    if quote or escaped:
        return "a quote is not closed" if quote else "it ends in a backslash"
    return f"a {waiting[-1]} is missing" if waiting else ""
