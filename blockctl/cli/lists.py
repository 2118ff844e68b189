"""`lists`: those of the policy, and the catalogue of known ones."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blockctl.cli.common import JsonOption, Loaded, PolicyOption, StateOption, clock_time, load_policy, print_json, span
from blockctl.cli.table import print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from blockctl.cli.refreshing import Refreshing
    from blockctl.io.history import Past
    from blockctl.io.lock import Version
    from blockctl.model.policy import ListSource
    from blockctl.policy.catalogue import Known

ADD = "add"


def lists_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[add NAME... | WORD...]",
            help="`add` with names of the catalogue; else words to look for in it.",
            show_default=False,
        ),
    ] = None,
    catalogue: Annotated[bool, typer.Option("--catalogue", help="Show the known lists, not the policy's.")] = False,
    addresses: Annotated[
        bool, typer.Option("--addresses", help="Show where blockers subscribe to the outputs, while `serve` runs.")
    ] = False,
    renew: Annotated[bool, typer.Option("--renew", help="With --addresses: new ones; the old are no good.")] = False,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the policy's lists: their format, age, rules, next look, and which newer version is held or failed.
    Or search the catalogue.

    `lists WORD` and `lists --catalogue` show known lists; `lists add NAME` names one in the policy.
    `lists --addresses` is for uBlock Origin, AdGuard, wBlock and GNOME Web. Who has an address can read that output.

    Exit status: 0 done, 1 the catalogue has nothing like that, 2 the policy or a name is wrong, 3 reading or writing
    failed.
    """
    words = words or []
    if addresses or renew:
        show_addresses(load_policy(policy, state), renew=renew, as_json=as_json)
    elif words[:1] == [ADD] and not catalogue:
        add(load_policy(policy, state), words[1:], as_json=as_json)
    elif words or catalogue:
        show_catalogue(words, as_json=as_json)
    else:
        show_own(load_policy(policy, state), as_json=as_json)


def show_addresses(loaded: Loaded, *, renew: bool, as_json: bool) -> None:
    """Show the addresses of the outputs that are there."""
    from blockctl.io.api_devices import Capabilities
    from blockctl.io.api_places import list_addresses
    from blockctl.model.diagnostic import BlockctlError

    capabilities = Capabilities(loaded.state)
    found = list_addresses(loaded.policy, capabilities.renew() if renew else capabilities.get())
    if not loaded.policy.resolver.api:
        raise BlockctlError("the web API is switched off", "take `api: off` out of `resolver:`")
    if as_json:
        print_json({"version": 1, "addresses": found})
    elif found:
        typer.echo("\n".join(found))
    else:
        typer.echo("No target is written yet: blockctl compile, then ask again.")


def add(loaded: Loaded, names: list[str], *, as_json: bool) -> None:
    """Name lists of the catalogue in the policy, all or none."""
    from blockctl.io.policy_file import edit
    from blockctl.model.diagnostic import BlockctlError
    from blockctl.policy.edit import add_list
    from blockctl.policy.words import nearest

    known = {each.name: each for each in read_known()}
    own = {source.name: source for source in loaded.policy.lists}
    if not names:
        raise BlockctlError("add which list?", "`blockctl lists --catalogue` shows them")
    for name in names:
        if name not in known:
            guess = nearest(name, known)
            hint = f"did you mean `{guess}`? " if guess else ""
            raise BlockctlError(f"the catalogue has no list {name!r}", f"{hint}`blockctl lists --catalogue` shows them")
    fresh = [known[name].source for name in dict.fromkeys(names) if name not in own]

    def change(text: str) -> str:
        for source in fresh:
            text = add_list(text, source)
        return text

    changed = bool(fresh) and edit(loaded.path, change)
    if as_json:
        print_json({"version": 1, "policy": str(loaded.path), "changed": changed, "added": [s.name for s in fresh]})
        return
    for name in dict.fromkeys(names):
        typer.echo(f"{name} was there before" if name in own else f"added {name}: {known[name].purpose}")
    if changed:
        typer.echo("Next: blockctl sync")


def read_known() -> list[Known]:
    """Read the catalogue."""
    from blockctl.io.lists import catalogue_text
    from blockctl.policy.catalogue import read_catalogue

    return read_catalogue(catalogue_text())


def show_catalogue(words: list[str], *, as_json: bool) -> None:
    """Show the known lists of which every word is said."""
    found = [each for each in read_known() if all(each.speaks_of(word) for word in words)]
    if as_json:
        keys = ("name", "purpose", "format", "licence", "use", "url", "homepage")
        print_json({"version": 1, "lists": [{key: getattr(each, key) for key in keys} for each in found]})
    elif found:
        rows = [(each.name, each.format, " ".join(each.use), each.purpose) for each in found]
        print_table(("name", "format", "use", "for"), rows)
        typer.echo("\nTo take one: blockctl lists add NAME, then blockctl sync")
    else:
        typer.echo("The catalogue has nothing like that; `blockctl lists --catalogue` shows all.", err=True)
    if not found:
        raise typer.Exit(1)


def show_own(loaded: Loaded, *, as_json: bool) -> None:
    """Show the lists that the policy names."""
    from blockctl.cli.held import held_lines
    from blockctl.cli.refreshing import Refreshing
    from blockctl.cli.sync_report import taking_again
    from blockctl.io.clock import seconds

    if as_json:
        print_json({"version": 1, "lists": own_json(loaded)})
        return
    run = Refreshing(loaded, seconds())
    if not loaded.policy.lists:
        typer.echo("The policy names no list; `blockctl lists --catalogue` shows known ones.")
        return
    rows = [_cells(run, source) for source in loaded.policy.lists]
    print_table(("list", "from", "use", "format", "rules", "age", "next", ""), rows, {4, 5, 6})
    for source in loaded.policy.lists:
        past = _past(run, source)
        if past is not None and past.held is not None:
            typer.echo("\n" + "\n".join(held_lines(past.held)))
        if past is not None and past.sent_back:
            typer.echo("\n" + taking_again(source.name))
        if past is not None and past.failed is not None:
            failed = past.failed
            since = clock_time(datetime.fromisoformat(failed.since), loaded.now)
            typer.echo(f"\nfailed: {source.name}, since {since}: {failed.why}")
            if failed.hint:
                typer.echo(f"  hint: {failed.hint}")


def own_json(loaded: Loaded) -> list[dict[str, Any]]:
    """Return the policy's lists for programs."""
    from blockctl.cli.refreshing import Refreshing
    from blockctl.io.clock import seconds

    run = Refreshing(loaded, seconds())
    return [_json(run, source) for source in loaded.policy.lists]


def _past(run: Refreshing, source: ListSource) -> Past | None:
    from blockctl.io.addresses import address_of

    return run.history.lists.get(address_of(source)) if source.url else None


def _live(run: Refreshing, source: ListSource) -> Version | None:
    from blockctl.io.addresses import address_of

    return run.lock.get(address_of(source)) if source.url else None


def _uses(source: ListSource) -> str:
    return "both" if source.browser and source.dns else "browser" if source.browser else "dns"


def _cells(run: Refreshing, source: ListSource) -> tuple[str, ...]:
    from blockctl.cli.sync_report import next_look
    from blockctl.io.addresses import address_of

    if not source.url:
        return (source.name, source.path, _uses(source), source.format or "-", "-", "-", "-", "")
    live, past = _live(run, source), _past(run, source)
    host = address_of(source).split("/")[2]
    says = ", ".join(_state(past, live))
    if live is None:
        return (source.name, host, _uses(source), source.format or "-", "-", "never", "now", says)
    rules = f"{live.rules:,}" if live.rules >= 0 else "-"
    age = span(run.moment - datetime.fromisoformat(live.date).timestamp())
    return (source.name, host, _uses(source), live.format or "-", rules, age, next_look(run, source), says)


def _state(past: Past | None, live: Version | None) -> Iterator[str]:
    """Yield what is not as usual with a list, in a word or two each."""
    if past is not None and past.held is not None:
        yield "held"
    if past is not None and past.failed is not None:
        yield "failed"
    if past is not None and past.sent_back:
        yield "sent back"
    if live is not None and live.without:
        yield f"{len(live.without)} lines left out"


def _json(run: Refreshing, source: ListSource) -> dict[str, Any]:
    live, past = _live(run, source), _past(run, source)
    return {
        "name": source.name,
        "path": source.path or None,
        "url": source.url or None,
        "use": [use for use, wanted in (("browser", source.browser), ("dns", source.dns)) if wanted],
        "format": (live.format if live is not None else source.format) or None,
        "rules": live.rules if live is not None and live.rules >= 0 else None,
        "lines": live.lines if live is not None else None,
        "bytes": live.size if live is not None else None,
        "sha256": live.sha256 if live is not None else None,
        "pin": live.mark if live is not None else None,
        "date": live.date if live is not None else None,
        "without": list(live.without) if live is not None else [],
        "next_look": run.due(source) if source.url and not source.sha256 else None,
        "held": past.held.holds if past is not None and past.held is not None else [],
        "sent_back": past is not None and past.sent_back,
        "failed": asdict(past.failed) if past is not None and past.failed is not None else None,
        "earlier": [version.sha256 for _, version in past.earlier] if past is not None else [],
    }
