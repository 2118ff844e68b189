"""`doctor`: was it DNS? One sentence that says who is to blame, the command that mends it, and what was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, load_with_faults, print_json
from blockctl.cli.table import BOLD, DIM, GREEN, RED, YELLOW, styled

if TYPE_CHECKING:
    from blockctl.cli.common import Loaded
    from blockctl.dns.culprit import Finding, Seen
    from blockctl.dns.told import Told
    from blockctl.io.health import Check


def doctor_command(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="What cannot be reached: a host or a URL.", show_default=False)
    ] = "",
    reference: Annotated[
        list[str] | None,
        typer.Option("--reference", metavar="RESOLVER", help="Ask this one, which does not filter, to compare."),
    ] = None,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether DNS keeps a name from being found, who is to blame, and what mends it.

    The name is asked of our resolver, of each upstream, of the resolvers that this system names, and of public ones
    that do not filter (1.1.1.1, 9.9.9.10, dns.google). Takes 5 seconds at most.

    Exit status: 0 nothing is wrong, 1 something is, 2 the name is none, 3 a file could not be read.
    """
    from blockctl.dns.culprit import SURE_NAME, Culprit, judge
    from blockctl.io.checkup import REFERENCES, look
    from blockctl.io.health import Level, checks
    from blockctl.io.system_resolvers import with_upstreams

    host = _host(name) if name else SURE_NAME
    loaded = load_with_faults(policy, state)
    standing = with_upstreams(loaded.policy, lambda _: None)
    seen = look(host, standing, tuple(reference or REFERENCES))
    finding = judge(seen)
    if finding.culprit is Culprit.BLOCKCTL:
        finding = _dated(finding, host, loaded)
    looked = checks(loaded.policy, loaded.diagnostics, loaded.path, loaded.state, seen, loaded.now)
    if as_json:
        print_json(_to_json(seen, finding, looked))
    else:
        _show(seen, finding, looked, named=bool(name))
    if finding.culprit is not Culprit.NOBODY or any(each.level is Level.WRONG for each in looked):
        raise typer.Exit(1)


def _host(text: str) -> str:
    from blockctl.model.diagnostic import BlockctlError
    from blockctl.model.names import normalize_host
    from blockctl.model.request import complete_url, url_host

    host = normalize_host(url_host(complete_url(text)))
    if not host:
        raise BlockctlError(f"not a name: {text!r}", "give a host, such as shop.example, or a URL")
    return host


def _dated(finding: Finding, host: str, loaded: Loaded) -> Finding:
    """Say since which update the list has the line."""
    from dataclasses import replace

    from blockctl.cli.build import open_compilation
    from blockctl.cli.common import clock_time
    from blockctl.cli.verdicts import DNS, answer
    from blockctl.io.since import since
    from blockctl.model.diagnostic import BlockctlError
    from blockctl.model.request import Kind, Request

    try:
        run = open_compilation(loaded, offline=True)
        found = answer(run, Request.parse(host, "", Kind.DOCUMENT), loaded.text, loaded.now)
    except BlockctlError:  # the resolver's word is enough
        return finding
    rule = next((each.decision.rule for each in found.engines if each.engine == DNS), None)
    moment = since(rule, loaded.policy, loaded.state) if rule else None
    if moment is None:
        return finding
    when = clock_time(moment, loaded.now)
    return replace(finding, sentence=f"{finding.sentence} It came with the update of {when}.")


def _show(seen: Seen, finding: Finding, looked: list[Check], *, named: bool) -> None:
    from blockctl.dns.culprit import Culprit, remarks

    is_fine = finding.culprit is Culprit.NOBODY
    sentence = finding.sentence if named or not is_fine else "Names are found, here and elsewhere."
    _say(sentence, BOLD + (GREEN if is_fine else RED))
    if named or not is_fine:
        for step in finding.mend:
            _say(f"  {step}")
    typer.echo(f"\n{seen.name}, as it was answered:")
    rows = [(what, each) for what, several in _roles(seen) for each in several]
    width = max(len(each.who) for _, each in rows)
    for what, each in rows:
        _say(f"  {what:<10} {each.who:<{width}}  {_time(each)}  {each.withholds or each.verdict}", _colour(each))
    typer.echo("\nLooked at:")
    for check in looked:
        mend = f"   -> {check.mend}" if check.mend else ""
        _say(f"  {_MARKS[check.level.value]} {check.what:<11} {check.text}{mend}", _COLOURS[check.level.value])
    for remark in remarks(seen):
        _say(f"  ! {'system':<11} {remark}", YELLOW)


_MARKS = {"fine": "ok", "note": " !", "wrong": " x"}
_COLOURS = {"fine": DIM, "note": YELLOW, "wrong": RED}


def _roles(seen: Seen) -> list[tuple[str, tuple[Told, ...]]]:
    ours = (seen.ours,) if seen.ours else ()
    return [("blockctl", ours), ("upstream", seen.upstreams), ("unfiltered", seen.references), ("system", seen.system)]


def _time(told: Told) -> str:
    return f"{told.seconds * 1000:>5,.0f} ms" if told.answered else " " * 8


def _colour(told: Told) -> str:
    return "" if told.reachable else RED if not told.answered or told.withholds else YELLOW


def _say(line: str, style: str = "") -> None:
    """Print a line; what a resolver wrote into it is shown and not obeyed."""
    line = line if line.isprintable() else "".join(each if each.isprintable() else "\ufffd" for each in line)
    typer.echo(styled(line, style) if style else line)


def _to_json(seen: Seen, finding: Finding, looked: list[Check]) -> dict[str, Any]:
    from blockctl.dns.culprit import remarks

    return {
        "version": 1,
        "name": seen.name,
        "culprit": finding.culprit.value,
        "sentence": finding.sentence,
        "mend": list(finding.mend),
        "answers": [_told_json(role, each) for role, several in _roles(seen) for each in several],
        "why": list(seen.why),
        "system_asks_blockctl": seen.asks_us,
        "checks": [{"what": e.what, "level": e.level.value, "text": e.text, "mend": e.mend} for e in looked],
        "remarks": remarks(seen),
    }


def _told_json(role: str, told: Told) -> dict[str, Any]:
    return {
        "role": role,
        "resolver": told.who,
        "answered": told.answered,
        "rcode": told.rcode if told.answered else None,
        "addresses": list(told.addresses),
        "withholds": told.withholds,
        "errors": [{"code": code, "text": text} for code, text in told.explained],
        "milliseconds": round(told.seconds * 1000),
        "error": told.error if not told.answered else "",
    }
