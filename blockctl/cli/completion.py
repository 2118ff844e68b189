"""`completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

from typing import Annotated

import typer

from blockctl.cli.common import PolicyOption, StateOption

PROGRAM = "blockctl"
SHELLS = ("bash", "zsh", "fish")


def completion_command(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
    policy: PolicyOption = None,
    state: StateOption = None,
) -> None:
    """Print what makes a shell complete blockctl's commands and options.

    bash: add  eval "$(blockctl completion bash)"  to ~/.bashrc. zsh: the same with zsh, to ~/.zshrc, after compinit.
    fish: blockctl completion fish > ~/.config/fish/completions/blockctl.fish

    Exit status: 0 done, 2 no such shell.
    """
    from typer._completion_shared import get_completion_script

    from blockctl.io.shell import VARIABLE
    from blockctl.model.diagnostic import BlockctlError
    from blockctl.policy.words import advice

    del policy, state
    if shell not in SHELLS:
        raise BlockctlError(f"no completion for {shell!r}", advice(shell, SHELLS))
    typer.echo(get_completion_script(prog_name=PROGRAM, complete_var=VARIABLE, shell=shell))
