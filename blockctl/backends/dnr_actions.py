"""What lists ask of declarativeNetRequest besides blocking: headers, parameters, and something harmless in place.

Exceptions to these (`@@||site^$csp`) are not allows, which would free the request of every block as well: the host is
taken out of the rules that it excepts. A request that an exception lets through keeps its parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from json.encoder import encode_basestring_ascii as quote

from blockctl.backends.dnr_condition import Among, bodies, urls
from blockctl.backends.dnr_regex import Unsayable
from blockctl.backends.output import Gaps
from blockctl.model.request import ALL_KINDS, SUBRESOURCES, Kind
from blockctl.model.rule import Effect, Rule

FOLDER = "instead"
# What is sent in place of what is blocked, so that a page's own script goes on. Ours, and as small as they can be.
RESOURCES: dict[str, bytes] = {
    "noop.js": b"// nothing\n",
    "noop.css": b"/* nothing */\n",
    "noop.txt": b"\n",
    "noop.html": b"<!doctype html><title></title>\n",
    "noop.json": b"{}\n",
    "1x1.gif": bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"),
}
_NAMES = {  # as lists call them
    **dict.fromkeys(("noopjs", "noop.js", "blank-js", "abp-resource:blank-js"), "noop.js"),
    **dict.fromkeys(("noopcss", "noop.css", "blank-css", "abp-resource:blank-css"), "noop.css"),
    **dict.fromkeys(("nooptext", "noop.txt", "blank-text", "abp-resource:blank-text"), "noop.txt"),
    **dict.fromkeys(("noopframe", "noop.html", "blank-html", "abp-resource:blank-html"), "noop.html"),
    **dict.fromkeys(("noopjson", "noop.json"), "noop.json"),
    **dict.fromkeys(("1x1.gif", "1x1-transparent.gif", "2x2.png", "3x2.png", "32x32.png"), "1x1.gif"),
}

_HEADERS = {"csp": "content-security-policy", "permissions": "permissions-policy"}
_INLINE = {"inline-script": "script-src * 'unsafe-eval' data: blob:", "inline-font": "font-src *"}
_DOCUMENTS = Kind.DOCUMENT | Kind.FRAME


def resource(value: str) -> str:
    """Return the action that sends something harmless in place, "" when there is nothing of that name here."""
    name = _NAMES.get(value.partition(":")[0] if not value.startswith("abp-resource:") else value)
    return f'{{"type":"redirect","redirect":{{"extensionPath":"/{FOLDER}/{name}"}}}}' if name else ""


def append_header(name: str, value: str) -> str:
    """Return the action that adds a header to the answer."""
    return (
        f'{{"type":"modifyHeaders","responseHeaders":[{{"header":"{name}","operation":"append",'
        f'"value":{quote(value)}}}]}}'
    )


@dataclass(slots=True)
class Modifiers:
    """The lists' rules that change a request or an answer."""

    rules: list[Rule] = field(default_factory=list)
    exceptions: list[Rule] = field(default_factory=list)

    def add(self, rule: Rule) -> bool:
        """Take a rule; False when DNR has nothing of the kind."""
        if rule.needs or rule.action not in (*_HEADERS, *_INLINE, "removeparam"):
            return False
        (self.exceptions if rule.effect is Effect.ALLOW else self.rules).append(rule)
        return True

    def lines(self, gaps: Gaps, firefox: bool, headers: int, parameters: int) -> Iterator[tuple[int, str, str]]:
        """Yield the rules, parameters with the same conditions together; `headers` and `parameters` are priorities."""
        spared: dict[str, list[tuple[str, str]]] = {}
        for each in self.exceptions:
            if each.host and not (each.sites or each.not_sites or each.to or each.not_to):
                spared.setdefault(each.action, []).append((each.value, each.host))
            else:
                gaps.add("modifier-exception", each.origin, each.text)
        named: dict[str, dict[str, None]] = {}
        for rule in self.rules:
            but = tuple(host for value, host in spared.get(rule.action, ()) if value in ("", rule.value))
            try:
                for body in _bodies(rule, but, firefox):
                    if rule.action == "removeparam":
                        named.setdefault(body, {})[_parameter(rule.value)] = None
                    else:
                        yield headers, _header(rule), body
            except Unsayable as unsayable:
                gaps.add(unsayable.reason, rule.origin, rule.text)
        for body, names in named.items():
            yield parameters, _without(list(names)), body


def _bodies(rule: Rule, but: tuple[str, ...], firefox: bool) -> Iterator[str]:
    kinds = _DOCUMENTS
    if rule.action == "removeparam":
        _parameter(rule.value)
        kinds = rule.kinds if rule.kinds not in (ALL_KINDS, SUBRESOURCES) else _DOCUMENTS | Kind.XHR
    hosts: list[Among] = [(rule.to, rule.not_to)]
    if rule.host:
        hosts.append(((rule.host,), ()))
    if but:
        hosts.append(((), but))
    for url in urls(rule, firefox):
        yield from bodies(url, hosts, kinds, rule.party, rule.sites, rule.not_sites, firefox)


def _parameter(value: str) -> str:
    if value.startswith(("/", "~")) or not value.isascii():
        raise Unsayable("removeparam")
    return value


def _header(rule: Rule) -> str:
    if rule.action in _INLINE:
        return append_header("content-security-policy", _INLINE[rule.action])
    value = rule.value.replace("|", ", ") if rule.action == "permissions" else rule.value
    return append_header(_HEADERS[rule.action], value)


def _without(names: list[str]) -> str:
    if "" in names:
        transform = '{"query":""}'
    else:
        transform = f'{{"queryTransform":{{"removeParams":[{",".join(map(quote, sorted(names)))}]}}}}'
    return f'{{"type":"redirect","redirect":{{"transform":{transform}}}}}'
