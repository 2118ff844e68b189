"""`fidelity`: what the engines answered when they were asked, and what the user's own targets cannot say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, load_policy, print_json
from blockctl.cli.compile import OfflineOption

if TYPE_CHECKING:
    from blockctl.cli.fidelity_own import Measured, Traffic

RequestsOption = Annotated[
    Path | None,
    typer.Option(
        "--requests",
        metavar="FILE",
        help="What your browser asked for: a HAR file, or JSON lines with url, page, kind. Else the query log.",
        show_default=False,
    ),
]


def fidelity_command(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Targets of the policy; all when none is named.", show_default=False)
    ] = None,
    requests: RequestsOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when a target has a gap.")] = False,
    offline: OfflineOption = False,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how the engines agree with the policy, what your targets cannot say, and how much traffic that concerns.

    The first table was measured when this version was made: each engine was asked, with our output, and its answers
    compared with what the policy means. The others are about your own policy and lists.

    Exit status: 0 shown, 1 a target has a gap (with --strict), 2 the policy or FILE is wrong, 3 reading failed.
    """
    from blockctl.io.policy_file import policy_path
    from blockctl.io.published import published

    table = published()
    path = policy_path(policy)
    if policy is None and not targets and requests is None and not _is_there(path):
        measured, traffic = None, None
    else:
        measured, traffic = _own(targets or [], requests, policy, state, offline=offline)
    if as_json:
        print_json({"version": 1, "published": table, **_own_json(measured, traffic)})
    else:
        from blockctl.cli.fidelity_show import show

        show(table, measured, traffic)
    if strict and measured and any(len(each.gaps) for each in measured):
        raise typer.Exit(1)


def _is_there(path: Path) -> bool:
    from blockctl.io.files import is_there

    return is_there(path)


def _own(
    targets: list[str], requests: Path | None, policy: Path | None, state: Path | None, *, offline: bool
) -> tuple[list[Measured], Traffic]:
    from rich.console import Console

    from blockctl.cli.build import choose_targets, open_compilation, problems
    from blockctl.cli.fidelity_own import measure

    loaded = load_policy(policy, state)
    choose_targets(loaded.policy, targets)  # a word that is no target is told before any work
    traffic = _traffic(requests, loaded.state)
    for fault in traffic.faults:
        typer.echo(str(fault), err=True)
    console = Console(stderr=True)
    with console.status(f"compiling, and judging {traffic.total:,} requests"):
        run = open_compilation(loaded, offline=offline)
        measured = measure(run, targets, traffic)
    for problem in problems(run):
        typer.echo(f"left out: {problem}", err=True)
    return measured, traffic


def _traffic(requests: Path | None, state: Path) -> Traffic:
    """Read the file of requests, else the names in the query log; nothing where there is neither."""
    from collections import Counter

    from blockctl.cli.fidelity_own import Traffic
    from blockctl.io.log_reader import open_log
    from blockctl.io.query_log import log_path
    from blockctl.io.request_file import read_requests

    if requests is not None:
        log = read_requests(requests)
        return Traffic(str(requests), requests=Counter(log.requests), faults=log.faults)
    reader = open_log(log_path(state))
    if reader is None:
        return Traffic()
    with reader:
        tops = reader.tops(0.0, MOST_NAMES)
    names: Counter[str] = Counter()
    for name, count in (*tops["names"], *tops["blocked"]):
        if name:
            names[name] += count
    return Traffic("the query log" if names else "", names=names)


MOST_NAMES = 20_000  # of those let through, and of those blocked: the most frequent


def _own_json(measured: list[Measured] | None, traffic: Traffic | None) -> dict[str, Any]:
    """Return the user's own targets for programs; of requests, the share is a number from 0 to 1."""
    if measured is None or traffic is None:
        return {"traffic": None, "targets": {}}
    return {
        "traffic": {"source": traffic.source, "requests": traffic.requests.total(), "queries": traffic.names.total()},
        "targets": {each.target.name: _target_json(each) for each in measured},
    }


def _target_json(each: Measured) -> dict[str, Any]:
    return {
        "backend": each.target.backend,
        "rules": each.rules_in,
        "gaps": len(each.gaps),
        "concerns": each.concern.by_reason.total(),
        "share": round(each.concern.share, 6),
        "reasons": [_reason_json(each, reason) for reason in each.reasons()],
    }


def _reason_json(each: Measured, reason: str) -> dict[str, Any]:
    known, concerned = each.known(reason), each.concern.by_reason[reason]
    place, text = each.witness(reason)
    return {
        "reason": reason,
        "fidelity": known.fidelity.value,
        "why": known.why,
        "rules": each.gaps.count[reason],
        "concerns": concerned,
        "share": round(concerned / each.concern.requests, 6) if each.concern.requests else None,
        "rule": {"place": place, "text": text},
    }
