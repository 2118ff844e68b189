"""The commands, and the one place where an error that ends a command is told."""

from __future__ import annotations

import io
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from blockctl.cli.check import check_command
from blockctl.cli.common import PolicyOption, StateOption
from blockctl.cli.compile import compile_command, export_command
from blockctl.cli.log import log_command
from blockctl.cli.pause import pause_command, resume_command
from blockctl.cli.show import show_command
from blockctl.cli.sites import (
    allow_command,
    deny_command,
    forget_command,
    init_command,
    reset_command,
    set_command,
)
from blockctl.cli.stats import stats_command
from blockctl.cli.up import serve_command, up_command
from blockctl.cli.why import why_command

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


app = typer.Typer(
    cls=Commands,
    help="One YAML file says what the web may do; Safari, uBlock Origin and DNS obey it alike.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # an unknown exception is our bug and keeps its traceback
    rich_markup_mode=None,  # rich takes longer to load than --help may take
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from blockctl import __version__

        typer.echo(f"blockctl {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    policy: PolicyOption = None,
    state: StateOption = None,
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    given = {name: str(path) for name, path in (("policy", policy), ("state", state)) if path is not None}
    # What stands behind the command wins.
    context.default_map = {command.name: given for command in app.registered_commands if command.name}


app.command("init")(init_command)
app.command("check")(check_command)
app.command("set")(set_command)
app.command("reset")(reset_command)
app.command("show")(show_command)
app.command("allow")(allow_command)
app.command("deny")(deny_command)
app.command("forget")(forget_command)
app.command("pause")(pause_command)
app.command("resume")(resume_command)
app.command("why")(why_command)
app.command("compile")(compile_command)
app.command("export")(export_command)
app.command("serve")(serve_command)
app.command("up")(up_command)
app.command("log")(log_command)
app.command("stats")(stats_command)


def main() -> NoReturn:
    """Run a command and end with its status."""
    from blockctl.model.diagnostic import BlockctlError, WorldError

    try:
        app()
    except BlockctlError as error:
        tell(error)
        sys.exit(error.status)
    except OSError as error:  # standard output is full, or went away
        sys.stdout = io.StringIO()  # so that nothing more is tried at the end
        tell(WorldError(f"cannot go on: {error.strerror or error}"))
        sys.exit(WorldError.status)
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
