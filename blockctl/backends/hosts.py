"""A hosts file (hosts(5)): `0.0.0.0 name`, each line about that name alone.

The format has no wildcards: of a rule for a name and all below it, the name and what lists name below it are
written. So the file is not reduced, or names below would go free.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from blockctl.backends.dns_bodies import ANSWER, Form, Script, Span, answer, prepare_bodies, write
from blockctl.backends.dns_policy import Overlay, overlay
from blockctl.backends.output import Output, Prepared
from blockctl.model.diagnostic import BlockctlError, Origin
from blockctl.model.hostset import HostSet
from blockctl.model.policy import Policy
from blockctl.model.rule import Effect, Rule

OPTIONS = {"address": "the address of blocked names, 0.0.0.0 unless told", "answer": ANSWER}

LISTED = ("block_exact", "block_subtree", "covered")


def prepare(names: HostSet, options: dict[str, str]) -> Prepared:
    """Write the names of the lists."""
    prepared = prepare_bodies(names, _forms(_before(options)), {})
    count_wildcards(names, prepared)
    return prepared


def emit(policy: Policy, yields: Mapping[str, Rule], prepared: Prepared, options: dict[str, str]) -> Output:
    """Lay the policy over the names."""
    notes = (
        () if answer(options) == "null" else ("a hosts file answers with an address (null), whatever `answer` says",)
    )
    return write_listed("hosts file", _before(options), policy, yields, prepared, notes)


def _before(options: dict[str, str]) -> str:
    address = options.get("address", "0.0.0.0")  # noqa: S104 - an address that nobody answers at
    try:
        return f"{ip_address(address)} "
    except ValueError:
        raise BlockctlError(f"option address: {address!r} is no IP address", "0.0.0.0 unless told") from None


def _forms(before: str) -> list[Form]:
    return [Form(column, before) for column in LISTED]


def count_wildcards(names: HostSet, prepared: Prepared) -> None:
    """Count the rules that mean more names than can be listed."""
    for name in ("block_subtree", "block_below"):
        if count := names.count(name):
            column = getattr(names, name)
            first = column[: column.find(b"\n")].decode("ascii")
            prepared.gaps.add("wildcard", Origin("lists"), f"||{first}^ and the like", count)


def write_listed(
    title: str, before: str, policy: Policy, yields: Mapping[str, Rule], prepared: Prepared, notes: tuple[str, ...]
) -> Output:
    """Write an output that lists names one by one."""
    title = f"blockctl: {title}; blocked names, each for itself"
    again = overlay(policy, yields).repeated
    head = "".join(f"{before}{name}\n" for name in again)
    script = Script(title, "#", _forms(before), lambda laid, name: _entry(before, laid, name), listed_spans, head)
    output = write(script, policy, yields, prepared, notes)
    output.rules_out += len(again)
    for host in policy.hosts.values():
        if not host.allow:
            output.gaps.add("wildcard", host.origin, f"hosts: deny: {host.host}")
    return output


def _entry(before: str, laid: Overlay, name: str) -> str:
    return f"{before}{name}\n" if laid.entries[name] is Effect.BLOCK else f"# let through: {name}\n"


def listed_spans(body: memoryview, form: Form, laid: Overlay) -> list[Span]:
    """Return what the policy frees; below a name that it denies, what lists name stays, for it is denied too."""
    spans: list[Span] = []
    for name, effect in laid.entries.items():
        low, high = form.region(body, name)
        if effect is Effect.ALLOW:
            for low_denied, high_denied in (form.region(body, other) for other in laid.nested.get(name, ())):
                spans.append((low, low_denied))
                low = high_denied
            spans.append((low, high))
        elif span := form.alone(body, name):
            spans.append(span)
    spans += [span for name in laid.repeated if (span := form.alone(body, name))]
    return [span for span in spans if span[0] < span[1]]
