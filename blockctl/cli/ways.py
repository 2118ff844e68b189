"""The six ways of browsing, in words, and the question which one it shall be."""

from __future__ import annotations

import sys

import typer

# The policies that ship with blockctl; the first is the one that its author rates best.
WAYS = {
    "js-denylist-dns": "JavaScript runs, except where you say no; ads and trackers are\nblocked in browsers and in DNS",
    "js-denylist": "the same without DNS: for one computer",
    "js-allowlist": "JavaScript is off, except where you say yes: the quietest,\nand the one that asks most of you",
    "safari": "Safari's content blockers; JavaScript runs",
    "ublock": "uBlock Origin; JavaScript runs, except where you say no",
    "nothing": "no list and no site: a place to begin from",
}
RECOMMENDED = next(iter(WAYS))


def choose_way() -> str:
    """Ask for a way of browsing where somebody can answer; else it is the recommended one."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return RECOMMENDED
    typer.echo("How do you want to browse?\n")
    for number, (name, text) in enumerate(WAYS.items(), start=1):
        first, *others = text.split("\n")
        typer.echo(f"  {number}  {name:<16} {first}")
        for line in others:
            typer.echo(f"{'':<21}{line}")
    typer.echo()
    while True:
        said = typer.prompt("A number or a name", default=RECOMMENDED).strip()
        if way := read_way(said):
            return way
        typer.echo(f"There is no {said!r}: say 1 to {len(WAYS)}, or a name.")


def read_way(said: str) -> str:
    """Return the way that a number or a name means, "" for none."""
    if said.isascii() and said.isdigit() and 1 <= int(said) <= len(WAYS):
        return list(WAYS)[int(said) - 1]
    return said if said in WAYS else ""
