"""The commands, and the one place where an error that ends a command is told."""

from __future__ import annotations

import gc
import io
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from blockctl.cli.common import PolicyOption, StateOption
from blockctl.cli.examples import examples

# The commands in the order in which a person meets them, each with the module that has it.
COMMANDS = {
    "init": "sites", "check": "check", "set": "sites", "reset": "sites", "show": "show", "allow": "sites",
    "deny": "sites", "forget": "sites", "pause": "pause", "resume": "pause", "why": "why", "compile": "compile",
    "export": "compile", "plan": "plan", "sync": "sync", "rollback": "sync", "lists": "lists", "diff": "diff",
    "serve": "up", "up": "up",
    "pair": "pair", "devices": "pair", "profile": "profile",
    "log": "log", "stats": "stats",
    "doctor": "doctor", "publish": "publish", "fidelity": "fidelity",
    "merge": "merge", "tidy": "tidy", "fix": "fix", "watch": "watch",
    "service": "service", "completion": "completion",
}  # fmt: skip
TOLD = 200  # as many diagnostics as a person may want to scroll through


class Commands(TyperGroup):
    """The commands in the order in which a person meets them."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; a reader that has read enough (`blockctl show | head`) is no failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise SystemExit(0) from None

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - as typer asks
        """Return the names as they were added."""
        return list(self.commands)


def _version(wanted: bool) -> None:
    if wanted:
        from blockctl import __version__

        typer.echo(f"blockctl {__version__}")
        raise typer.Exit


def _options(
    context: typer.Context,
    policy: PolicyOption = None,
    state: StateOption = None,
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """One YAML file says what the web may do; Safari, uBlock Origin and DNS obey it alike."""
    given = {name: str(path) for name, path in (("policy", policy), ("state", state)) if path is not None}
    # What stands behind the command wins.
    context.default_map = _defaults(context.command, given)


def _defaults(command: object, given: dict[str, str]) -> dict[str, Any]:
    """Return the options for a command, and for all that stand below it."""
    below = getattr(command, "commands", {})
    return {**given, **{name: _defaults(each, given) for name, each in below.items()}}


def make_app(names: Iterable[str]) -> typer.Typer:
    """Return the program with these commands. Each costs the loading of its module and a look at its signature."""
    app = typer.Typer(
        cls=Commands,
        no_args_is_help=True,
        pretty_exceptions_enable=False,  # an unknown exception is our bug and keeps its traceback
        rich_markup_mode=None,  # rich takes longer to load than --help may take
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name in names:
        module = import_module(f"blockctl.cli.{COMMANDS[name]}")
        if group := getattr(module, f"{name}_app", None):
            app.add_typer(group, name=name, epilog=examples(name))
        else:
            app.command(name, epilog=examples(name))(getattr(module, f"{name}_command"))
    return app


def main() -> NoReturn:
    """Run a command and end with its status."""
    from blockctl.io.shell import completed_command
    from blockctl.model.diagnostic import BlockctlError, WorldError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not stream.encoding.lower().startswith("utf"):
            stream.reconfigure(errors="replace")  # as in a Latin-1 locale: a letter less is no reason to fail
    asked = sys.argv[1] if len(sys.argv) > 1 else completed_command()
    try:
        make_app([asked] if asked in COMMANDS else COMMANDS)()
    except BlockctlError as error:
        tell(error)
        sys.exit(error.status)
    except OSError as error:  # standard output is full, or went away
        sys.stdout = io.StringIO()  # so that nothing more is tried at the end
        tell(WorldError(f"cannot go on: {error.strerror or error}"))
        sys.exit(WorldError.status)
    finally:
        gc.freeze()  # the process ends: nobody need walk what it made once more
    sys.exit(0)


def tell(error: Exception) -> None:
    """Print an error, what it collected, and the way out."""
    for fault in getattr(error, "diagnostics", ())[:TOLD]:
        typer.echo(str(fault), err=True)
    if len(getattr(error, "diagnostics", ())) > TOLD:
        typer.echo("...and more: `blockctl check` prints them all", err=True)
    typer.echo(f"blockctl: {error}", err=True)
    if hint := getattr(error, "hint", ""):
        typer.echo(f"  hint: {hint}", err=True)
