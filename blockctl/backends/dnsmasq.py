"""dnsmasq configuration (dnsmasq(8), `--local`, `--server`, `--address`): the longest match wins.

`/name/` is the name and all below it; `/*.name/` is all below it alone, and being longer it wins there, so exact
names can be said too. `server=/name/#` asks the usual servers. Seen in dnsmasq 2.90; older than 2.86 it reads `*`
otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

from blockctl.backends.dns_bodies import ANSWER, Extras, Form, Script, answer, prepare_bodies, regions, write
from blockctl.backends.output import Output, Prepared
from blockctl.model.hostset import HostSet
from blockctl.model.policy import Policy
from blockctl.model.rule import Effect, Rule

OPTIONS = {"answer": ANSWER}


def prepare(names: HostSet, options: dict[str, str]) -> Prepared:
    """Write the names of the lists."""
    extras: Extras = {}
    for column, block, below in (
        (names.block_below, None, True),
        (names.allow_exact, False, True),
        (names.allow_subtree, False, None),
        (names.allow_below, None, False),
    ):
        for name in column.decode("ascii").split():
            said = [_line(name, block, options)] if block is not None else []
            said += [_line(f"*.{name}", below, options)] if below is not None else []
            extras[name] = "".join(said)
    return prepare_bodies(names, _forms(options), extras)


def emit(policy: Policy, yields: Mapping[str, Rule], prepared: Prepared, options: dict[str, str]) -> Output:
    """Lay the policy over the names."""
    script = Script(
        "blockctl: blocked names for dnsmasq",
        "#",
        _forms(options),
        lambda laid, name: _line(name, laid.entries[name] is Effect.BLOCK, options),
        regions,
    )
    said = answer(options)
    notes = (f"dnsmasq cannot answer {said}: blocked names get nxdomain",) if said in ("nodata", "refused") else ()
    return write(script, policy, yields, prepared, notes)


def _blocking(options: dict[str, str]) -> tuple[str, str]:
    return ("address=/", "/#") if answer(options) == "null" else ("local=/", "/")


def _line(pattern: str, block: bool, options: dict[str, str]) -> str:
    before, after = _blocking(options) if block else ("server=/", "/#")
    return f"{before}{pattern}{after}\n"


def _forms(options: dict[str, str]) -> list[Form]:
    before, after = _blocking(options)
    return [
        Form("block_subtree", before, after),
        Form("block_exact", before, after),
        Form("block_exact", "server=/*.", "/#"),
    ]
