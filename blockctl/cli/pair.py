"""`pair` and `devices`: who may use the web API."""

from __future__ import annotations

from typing import Annotated

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, load_policy, print_json

LOOK = 0.2  # seconds in which somebody is to answer at the page's address


def pair_command(
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What to call the device.", show_default=False)
    ] = "",
    show: Annotated[bool, typer.Option("--show", help="Show a QR code too, for a camera.")] = False,
    read_only: Annotated[bool, typer.Option("--read-only", help="The device may look, and change nothing.")] = False,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a code with which one browser or phone pairs. It works once, for five minutes.

    Type it into the extension or on the page that `blockctl serve` shows, or scan the QR code. A phone reaches this
    machine where the policy says so, as in `resolver: {api: ["127.0.0.1:5380", "https://192.168.1.2:5380"]}`.

    Example: blockctl pair --name phone --show

    Exit status: 0 done, 2 the policy is wrong or has the API switched off, 3 reading or writing failed.
    """
    from blockctl.io.api_devices import READ, SCOPES
    from blockctl.io.api_pairing import VALID, Codes
    from blockctl.io.api_places import page_addresses
    from blockctl.io.clock import now
    from blockctl.io.opening import wait_for
    from blockctl.model.diagnostic import BlockctlError
    from blockctl.policy.edit import utc_text

    loaded = load_policy(policy, state)
    addresses = page_addresses(loaded.policy.resolver)
    if not addresses:
        raise BlockctlError("the web API is switched off", "take `api: off` out of `resolver:`")
    moment = now()
    code = Codes(loaded.state).make(moment, name=name, scopes=(READ,) if read_only else SCOPES)
    # the network's address where there is one: a phone cannot reach this machine's own
    best = addresses[-1]
    if as_json:
        pages = [f"{each}#code={code}" for each in addresses]
        print_json({"version": 1, "code": code, "until": utc_text(moment + VALID), "pages": pages})
        return
    typer.echo(f"Code: {code[:3]} {code[3:]}   (works once, for five minutes)")
    for address in addresses:
        typer.echo(f"  {address}#code={code}")
    if show:
        typer.echo(f"\n{qr(f'{best}#code={code}')}")
    if not wait_for(addresses[0], LOOK):
        typer.echo("Nobody answers there yet: `blockctl serve` does, or `blockctl up`.")
    if len(addresses) == 1 and "127.0.0.1" in best:
        typer.echo("Only this machine reaches it; `blockctl pair --help` says how a phone does.")


def qr(text: str) -> str:
    """Return a QR code for a terminal, two modules to a character: the full blocks are its light parts."""
    import io

    import segno

    out = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(out, compact=True)
    # in colours of its own: on a light terminal it would be inverted, which not every camera reads
    return "\n".join(typer.style(line, fg="bright_white", bg="black") for line in out.getvalue().splitlines())


def devices_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[revoke NAME]", help="Take a device's right away.", show_default=False),
    ] = None,
    policy: PolicyOption = None,  # noqa: ARG001 - works on every command
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the devices that are paired with the web API, or revoke one.

    Example: blockctl devices revoke phone

    Exit status: 0 done, 2 there is no such device, 3 reading or writing failed.
    """
    from blockctl.cli.table import print_table
    from blockctl.io.api_devices import Devices
    from blockctl.io.policy_file import state_path
    from blockctl.model.diagnostic import BlockctlError

    devices, words = Devices(state_path(state)), words or []
    if words[:1] == ["revoke"] and len(words) == 2:
        if not devices.revoke(words[1]):
            raise BlockctlError(f"no device is called {words[1]!r}", "`blockctl devices` names them")
    elif words:
        raise BlockctlError(f"not understood: {' '.join(words)}", "blockctl devices, or blockctl devices revoke NAME")
    found = devices.all()
    if as_json:
        rows = [{"name": each.name, "scopes": list(each.scopes), "since": each.since, "used": each.used or None}
                for each in found]  # fmt: skip
        print_json({"version": 1, "devices": rows})
        return
    if words:
        typer.echo(f"{words[1]} is revoked: its token is worth nothing now")
    elif not found:
        typer.echo("No device is paired; `blockctl pair` prints a code.")
    else:
        print_table(
            ("device", "may", "paired", "last seen"),
            [(each.name, " and ".join(each.scopes), each.since[:10], each.used or "never") for each in found],
        )
