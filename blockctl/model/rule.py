"""One rule of a list or of the policy: what it decides, on which requests, and the line that made it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from blockctl.model.diagnostic import Origin
from blockctl.model.request import ALL_KINDS, Kind


class Effect(Enum):
    """What a rule does with a request it matches."""

    BLOCK = "block"
    ALLOW = "allow"


class Scope(Enum):
    """Which names a host rule means."""

    EXACT = "exact"  # that name alone
    SUBTREE = "subtree"  # the name and all below it
    BELOW = "below"  # all below it, not the name itself (RPZ `*.name`)


class Party(Enum):
    """Whose request a rule is about, by registrable domain."""

    ANY = "any"
    FIRST = "first"
    THIRD = "third"


@dataclass(frozen=True, slots=True)
class Rule:
    """One decision, and the line that made it.

    Exactly one of these says what the rule is about: `host` (with `scope`), or `pattern`, an adblock URL
    pattern (or a regular expression, if `regex`); both empty means every request.

    `sites`/`not_sites` limit the page, `to`/`not_to` the host asked for. Their entries are names in normal
    form that cover their subdomains, `name.*` (any public suffix), or `/regex/`.
    """

    effect: Effect
    origin: Origin
    text: str  # the line as written, for people; never parsed again
    host: str = ""
    scope: Scope = Scope.SUBTREE
    pattern: str = ""
    regex: bool = False
    match_case: bool = False
    kinds: Kind = ALL_KINDS  # a pattern without kinds says SUBRESOURCES; a host rule without kinds ALL_KINDS
    party: Party = Party.ANY
    sites: tuple[str, ...] = ()
    not_sites: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    not_to: tuple[str, ...] = ()  # $denyallow, $to=~
    important: bool = False
    action: str = ""  # another thing than block or let through: csp, removeparam, redirect-rule, generichide...
    needs: tuple[str, ...] = ()  # conditions that a Request does not carry: method=post, dnstype=A, popup...
    value: str = ""  # what the action works with: directives, a parameter, the resource of a redirect

    @property
    def decides(self) -> bool:
        """Whether `decide()` can heed this rule: it blocks or lets through, on what a Request says."""
        return not self.action and not self.needs

    def identity(self) -> tuple[object, ...]:
        """Return what the rule says without where it was written: `$badfilter` drops rules of equal identity."""
        return (self.effect, self.host, self.scope, self.pattern, self.regex, self.match_case, self.kinds, self.party,
                frozenset(self.sites), frozenset(self.not_sites), frozenset(self.to), frozenset(self.not_to),
                self.important, self.action, frozenset(self.needs), self.value)  # fmt: skip

    @property
    def names_only(self) -> bool:
        """Whether the rule speaks of a host and nothing else, so that DNS can say it too.

        `$denyallow` and `$important` are allowed: both are about names.
        """
        return (
            self.party is Party.ANY
            and bool(self.host)
            and not (self.action or self.needs or self.sites or self.not_sites or self.to)
            and self.kinds & HOST_KINDS == HOST_KINDS  # last: to ask a flag takes longer than all the others
        )


# `$document` or `$all` on a whole host stops the site itself, which is what DNS does.
HOST_KINDS = Kind.DOCUMENT


class CosmeticForm(Enum):
    """What a cosmetic rule asks of the engine."""

    CSS = "css"  # hide what a plain CSS selector matches
    PROCEDURAL = "procedural"  # :has-text(), :upward()...
    STYLE = "style"  # set CSS properties
    SCRIPTLET = "scriptlet"  # ##+js(...), #%#...
    HTML = "html"  # ##^..., $$...: filter the document's text
    REMOVE = "remove"  # :remove(), :remove-attr(), :remove-class()


@dataclass(frozen=True, slots=True)
class Cosmetic:
    """A rule about what a page shows. `effect` BLOCK hides, ALLOW takes a hiding back (`#@#`)."""

    effect: Effect
    origin: Origin
    text: str
    selector: str  # what stands behind the separator, without it
    form: CosmeticForm = CosmeticForm.CSS
    sites: tuple[str, ...] = ()  # as in Rule; empty is every page ("generic")
    not_sites: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()  # conditions on the page's path or the app, which engines lack
