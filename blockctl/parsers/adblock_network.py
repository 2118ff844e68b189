"""A network filter: `@@pattern$options`.

- `||name^` (the same as `||name^*`) is the whole host and all below it, and becomes `Rule.host`. Without kinds it
  stops pages too, as uBlock Origin's strict blocking does; every other pattern without kinds means what a page loads.
- In a list that speaks of nothing but hosts (`Dialect.hosts`) there are no addresses, only names: `||name^|` is
  `||name^`, `|name^` the name alone, `||*.name^` all below it, as AdGuard's "DNS filtering rules syntax" has it.
- `/.../` is a regular expression. Everything else is looked for in the address (see `model/pattern.py`).
- `$redirect=` blocks: the rule has no action, and the resource as its value. An exception with it takes back only
  the resource (`redirect-rule`), never the block.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from sys import intern

from blockctl.model.diagnostic import Origin
from blockctl.model.names import MAX_NAME, SPECIAL_USE, is_address, is_registry_suffix, normalize_host, suffix_rules
from blockctl.model.request import ALL_KINDS, SUBRESOURCES
from blockctl.model.rule import Effect, Party, Rule, Scope
from blockctl.parsers.adblock_options import NO_OPTIONS, Options, parse_options
from blockctl.parsers.adblock_sites import is_regular_expression
from blockctl.parsers.adblock_split import options_at
from blockctl.parsers.listed import TRIGGERS, Fault, refusal, shown

HOST_FILTER = re.compile(r"\|\|((?:[a-z0-9_-]{1,63}\.)+[a-z_-][a-z0-9_-]{0,62})\^")
_BELOW = re.compile(r"\|\|\*\.([a-z0-9.-]+)[\^|*]*")
_WHOLE_HOST = re.compile(r"\|\|([^\s/^*|?:$=&%,]+)\^\**")
_NAMED_HOST = re.compile(r"(\|\|\*\.|\|\|?)([^\s/^*|?:$=&%,]+)\^?\**\|?")
_BLANK = re.compile(r"\s")
_HOST_PART = re.compile(r"(\|\||\|https?://)([^/^*|?:$]+)")
_LAST_LABELS = SPECIAL_USE.union(trigger.rpartition(".")[2] for trigger in TRIGGERS)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the rest of a list tells of how to read a line."""

    hosts: bool = False  # the list speaks of nothing but hosts
    bare: Scope | None = None  # what a bare name stands for; None: a part of an address


PLAIN = Dialect()


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The rules that a `$badfilter` line takes out of all lists."""

    rules: tuple[Rule, ...]


def read_network(line: str, origin: Origin, dialect: Dialect) -> list[Rule] | Cancelled | Fault:
    """Read a network filter. It makes a second rule where an exception names both kinds and a switch."""
    text = line
    effect = Effect.BLOCK
    if line.startswith("@@"):
        effect = Effect.ALLOW
        line = line[2:]
    options = NO_OPTIONS
    if "$" in line and (at := options_at(line)) >= 0:
        parsed = parse_options(line[at + 1 :])
        if isinstance(parsed, Fault):
            return parsed
        options = parsed
        line = line[:at]
    made = _rule(effect, origin, text, line.strip(), options, dialect)
    if isinstance(made, Fault):
        return made
    rules = [made, replace(made, action=options.beside)] if options.beside else [made]
    if options.badfilter:
        return Cancelled(tuple(rules))
    return _refused(made, options) or rules


def _rule(effect: Effect, origin: Origin, text: str, pattern: str, options: Options, dialect: Dialect) -> Rule | Fault:
    host, scope = "", Scope.SUBTREE
    regex = len(pattern) > 2 and pattern[0] == "/" and pattern[-1] == "/"
    whole = False
    if regex:
        pattern = pattern[1:-1]
        if not is_regular_expression(pattern):
            return Fault("L204", f"not a regular expression: {shown(pattern)}")
    else:
        if _BLANK.search(pattern):
            return Fault("L206", f"no filter: {shown(text)} (no address has a blank in it)")
        named = _whole_host(pattern, dialect) if pattern.startswith("|") else None
        if named:
            host, scope = named
            whole, pattern = True, ""
            if is_address(host):
                host, pattern = "", f"||{host}^"
        elif not pattern.isascii():
            pattern = _ascii_host(pattern)
        if not pattern.strip("*"):
            pattern = ""
    kinds = options.kinds
    if kinds is None:
        kinds = ALL_KINDS if whole else SUBRESOURCES
    action = options.action
    if options.redirect and effect is Effect.ALLOW and not action:
        action = "redirect-rule"
    pages = options.pages
    return Rule(
        effect, origin, text, host, scope, pattern, regex, options.match_case, kinds, options.party,
        pages.names, pages.not_names, options.to, options.not_to, options.important, action, options.needs,
        options.value,
    )  # fmt: skip


def _whole_host(pattern: str, dialect: Dialect) -> tuple[str, Scope] | None:
    """Return the host that a pattern is about as a whole; an address may be one."""
    if match := HOST_FILTER.fullmatch(pattern):
        return intern(match[1]), Scope.SUBTREE
    if match := _WHOLE_HOST.fullmatch(pattern):
        host = _host(match[1])
        return (host, Scope.SUBTREE) if host else None
    if dialect.hosts and (match := _NAMED_HOST.fullmatch(pattern)) and pattern[-1] in "^|*":
        host = _host(match[2])
        scope = {"||": Scope.SUBTREE, "|": Scope.EXACT, "||*.": Scope.BELOW}[match[1]]
        return (host, scope) if host else None
    return None


def _host(name: str) -> str:
    """Return a host in normal form, an address as it stands, "" for neither."""
    return normalize_host(name) or (name if is_address(name) and re.fullmatch(r"[0-9.]+|\[[0-9a-f:]+\]", name) else "")


def _ascii_host(pattern: str) -> str:
    """Return a pattern that begins with an international name with the name as addresses have it."""
    match = _HOST_PART.match(pattern)
    if match is None:
        return pattern
    bare = match[2].strip(".")
    host = normalize_host(bare)
    return f"{match[1]}{match[2].replace(bare, host)}{pattern[match.end() :]}" if host else pattern


def _refused(rule: Rule, options: Options) -> Fault | None:
    """Return why a rule is not taken though it can be read."""
    if rule.host and rule.names_only and not rule.not_to:
        return refusal(rule.host, allowing=rule.effect is Effect.ALLOW) if may_be_unlistable(rule.host) else None
    if (fault := _of_a_registry(rule)) or rule.host:
        return fault
    limited = options.kinds is not None or rule.party is not Party.ANY or rule.sites or rule.to or not rule.decides
    if rule.regex or limited or len(rule.pattern.strip("|*^")) > 1:
        return None
    return Fault(
        "L205", f"{shown(rule.text)} speaks of every request there is",
        "`blocking` and `hosts` of the policy say such things",
    )  # fmt: skip


def _of_a_registry(rule: Rule) -> Fault | None:
    """Return why a rule is refused that blocks whatever lies below `net` or `co.uk`, on whatever page."""
    below = _BELOW.fullmatch(rule.pattern) if rule.pattern.startswith("||*.") else None
    host = below[1] if below else rule.host
    if not host or rule.effect is Effect.ALLOW or not rule.decides or rule.sites or rule.to or rule.not_to:
        return None
    if not may_be_unlistable(host) or not is_registry_suffix(host):
        return None
    return Fault(
        "L103",
        f"{shown(rule.text)} speaks of every site below {host}",
        "name it under `hosts: deny:` of the policy if you mean it",
    )


def may_be_unlistable(host: str) -> bool:
    """Whether `listed.refusal` is to be asked about a host: most are plainly no suffix and in no special zone."""
    suffixes, parents = suffix_rules()
    above, _, last = host.rpartition(".")
    return (
        not above
        or host in suffixes
        or last in _LAST_LABELS
        or len(host) > MAX_NAME
        or host.partition(".")[2] in parents
    )
