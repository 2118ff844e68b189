"""`profile`: what makes an iPhone, an iPad or a Mac ask our resolver, encrypted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blockctl.cli.common import (
    JsonOption,
    PolicyOption,
    StateOption,
    load_policy,
    load_with_faults,
    print_json,
    refuse_errors,
    stderr,
)

if TYPE_CHECKING:
    from blockctl.backends.apple_profile import Server
    from blockctl.cli.common import Loaded

RELAY = (
    "iCloud Private Relay, where it is on, can take Safari round this resolver: switch it off for the network, or "
    "blockctl deny mask.icloud.com; blockctl deny mask-h2.icloud.com"
)
TRUST = "on iOS the certificate counts once it is on: Settings, General, About, Certificate Trust Settings"
INSTALL = "open it on the device, then: Settings, General, VPN & Device Management (a Mac: Device Management)"
ALONE = "only this machine can ask there: for other devices listen on an address of the network, as https://0.0.0.0:443"
NO_ADDRESS = "without --address the device asks another resolver for this name first"

Names = list[str] | None


def profile_command(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="A .mobileconfig file.", show_default=False)
    ] = None,
    ssid: Annotated[Names, typer.Option("--ssid", metavar="NAME", help="Only in this wireless network.")] = None,
    interface: Annotated[
        Names, typer.Option("--interface", metavar="KIND", help="Only on wifi, ethernet, cellular.")
    ] = None,
    exclude: Annotated[
        Names, typer.Option("--exclude", metavar="DOMAIN", help="Ask the network's resolver for it.")
    ] = None,
    server: Annotated[
        str, typer.Option("--server", metavar="URL", help="https://NAME/PATH or tls://NAME.", show_default=False)
    ] = "",
    address: Annotated[Names, typer.Option("--address", metavar="IP", help="Where the server is.")] = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What the device calls it.")] = "blockctl",
    failover: Annotated[
        bool, typer.Option("--failover", help="Where ours is silent, ask the network's (iOS 26, macOS 26).")
    ] = False,
    ca: Annotated[
        Path | None, typer.Option("--ca", metavar="FILE", help="A root certificate to bring.", show_default=False)
    ] = None,
    with_ca: Annotated[
        str,
        typer.Option("--with-ca", metavar="HOST", help="Make a certificate authority for HOST.", show_default=False),
    ] = "",
    sign: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--sign", metavar="CERT KEY", help="Sign it, with PEM files.", show_default=False),
    ] = None,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an Apple configuration profile: the device asks our resolver by DNS over HTTPS or TLS.

    The server is the policy's https:// or tls:// listener unless --server names it. --ssid, --interface, --exclude and
    --address may stand several times. With --ssid or --interface the device asks us there alone; elsewhere it asks as
    without the profile. A profile of the same --name replaces the one before.

    --with-ca dns.home.arpa makes what the device must trust and the certificate for `tls:` in the policy, which it
    prints. It renews the certificate when run again; the device keeps trusting it. The authority is good for that name
    and for private addresses alone.

    Exit status: 0 done, 2 the policy or an option is wrong, 3 reading or writing failed.
    """
    from blockctl.backends.apple_profile import profile, read_networks, read_server
    from blockctl.io.files import write_file
    from blockctl.io.signing import read_root, sign_with
    from blockctl.model.diagnostic import BlockctlError

    if not name.strip() or not name.isprintable():
        raise BlockctlError(f"--name {name!r} is no name", "write a few letters: --name Home")
    if address and not server:
        raise BlockctlError("--address goes with --server", "the policy's listeners have addresses of their own")
    if output is None and as_json:
        raise BlockctlError("--json tells of a file", "name it: -o FILE")
    if with_ca and (ca or server):
        raise BlockctlError("--with-ca goes with neither --ca nor --server", "it is for the policy's own listeners")
    loaded = _load_without_certificate(policy, state) if with_ca else load_policy(policy, state)
    networks = read_networks(ssid or (), interface or (), exclude or ())
    root = read_root(ca) if ca else b""
    notes: list[str] = []
    if with_ca:
        asked, root, notes = _own_authority(loaded, with_ca)
    else:
        asked = read_server(server, address or ()) if server else _server(loaded)
    made = profile(asked, networks, name=name, authority=root, failover=failover)
    made = sign_with(made, *sign) if sign else made
    notes += [*([ALONE] if asked.is_here_alone else []), *([TRUST] if root else []), RELAY]
    if not asked.addresses:
        notes.insert(0, NO_ADDRESS)
    if output is None:
        sys.stdout.buffer.write(made)
        sys.stdout.buffer.flush()
    else:
        write_file(output, [made])
    if as_json:
        told = {"protocol": asked.protocol, "server": asked.where, "addresses": list(asked.addresses)}
        print_json({"version": 1, "file": str(output), **told, "signed": bool(sign), "notes": notes})
        return
    if output is not None:
        stderr(f"wrote {output}: asks {asked.where} at {', '.join(asked.addresses) or 'the address of its name'}")
        stderr(INSTALL)
    for note in notes:
        stderr(f"note: {note}")


def _load_without_certificate(policy: Path | None, state: Path | None) -> Loaded:
    """Read a policy that may lack just what is about to be made."""
    from blockctl.policy.resolver import NO_CERTIFICATE

    loaded = load_with_faults(policy, state)
    faults = (each for each in loaded.diagnostics if not each.message.endswith(NO_CERTIFICATE))
    refuse_errors(faults, loaded.path)
    return loaded


def _server(loaded: Loaded) -> Server:
    from blockctl.backends.apple_profile import server_of
    from blockctl.io.network import own_addresses
    from blockctl.io.tls import names_in

    settings = loaded.policy.resolver
    names = names_in(loaded.path.parent / Path(settings.certificate).expanduser()) if settings.certificate else ()
    return server_of(settings.listen, names, own_addresses())


def _own_authority(loaded: Loaded, host: str) -> tuple[Server, bytes, list[str]]:
    """Return the server under that name, the root that vouches for it, and what is left to do."""
    from blockctl.backends.apple_profile import server_of
    from blockctl.io.authority import authority
    from blockctl.io.network import own_addresses
    from blockctl.model.diagnostic import BlockctlError
    from blockctl.model.names import is_address, normalize_host

    name = normalize_host(host)
    if name is None or is_address(name) or "." not in name:
        raise BlockctlError(f"--with-ca {host!r} is no host name", "write dns.home.arpa, or a name that you own")
    settings = loaded.policy.resolver
    asked = server_of(settings.listen, (name,), own_addresses())
    made = authority(loaded.state / "authority", name, asked.addresses)
    notes = [f"a new certificate is in {made.certificate}; a resolver that uses it takes it up"] if made.fresh else []
    written = settings.certificate and loaded.path.parent / Path(settings.certificate).expanduser()
    if not written or written.resolve() != made.certificate:
        files = f'{{certificate: "{made.certificate}", key: "{made.key}"}}'
        notes.append(f"write in the policy, under `resolver:`, tls: {files}")
    return asked, made.root, notes
