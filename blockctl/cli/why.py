"""`why`: what happens to a request, which line of which list decides it, and what would change it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, load_policy, print_json
from blockctl.cli.table import BOLD, DIM, GREEN, RED, YELLOW, styled

if TYPE_CHECKING:
    from blockctl.cli.common import Loaded
    from blockctl.cli.verdicts import Answer, EngineVerdict
    from blockctl.model.decide import Decision
    from blockctl.model.request import Kind, Request

ENDINGS = {
    "script": ("js", "mjs"),
    "style": ("css",),
    "image": ("png", "jpg", "jpeg", "gif", "webp", "svg", "ico", "avif"),
    "font": ("woff", "woff2", "ttf", "otf"),
    "media": ("mp4", "webm", "mp3", "m3u8", "ts", "ogg"),
}
LONGEST_TEXT = 160  # characters
RESOLVER = "resolver"
NAMES = {
    "safari": "Safari", "ublock": "uBlock Origin", "adguard-browser": "AdGuard", "adguard-safari": "AdGuard Safari",
    "dns": "DNS", RESOLVER: "resolver here",
}  # fmt: skip
IN_DNS = ("dns", RESOLVER)


def why_command(
    target: Annotated[str, typer.Argument(metavar="URL-OR-HOST", help="What is asked for.")],
    site: Annotated[str, typer.Option("--site", help="The page that asks for it.", show_default=False)] = "",
    kind: Annotated[
        str,
        typer.Option(
            "--kind", help="document, frame, script, style, image... (guessed if absent).", show_default=False
        ),
    ] = "",
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what each engine does with a request, which line decides it, and what would change it.

    Exit status: 0 every engine lets it through, 1 blocked, if only by DNS, 2 the policy or the request is wrong,
    3 reading failed.
    """
    from blockctl.cli.build import open_compilation
    from blockctl.cli.verdicts import answer

    request = make_request(target, site, kind)
    loaded = load_policy(policy, state)
    run = open_compilation(loaded, offline=True)
    found = with_resolver(answer(run, request, loaded.text, loaded.now), loaded)
    if as_json:
        print_json(to_json(found))
    else:
        show(found)
    if found.decision.blocked or any(each.decision.blocked for each in found.engines if each.engine in IN_DNS):
        raise typer.Exit(1)


def with_resolver(found: Answer, loaded: Loaded) -> Answer:
    """Add the resolver that serves here, where it decides otherwise than what is written for other DNS servers."""
    from blockctl.cli.served import served
    from blockctl.cli.verdicts import DNS, EngineVerdict

    in_dns = next((each.decision for each in found.engines if each.engine == DNS), None)
    own = served(loaded, found.request.host) if in_dns else None
    if own is None or in_dns is None or own.blocked == in_dns.blocked:
        return found
    note = "the resolver here heeds more of a list than its names; other DNS servers get its names alone"
    engines = (*found.engines, EngineVerdict(RESOLVER, own))
    host = found.request.host
    allow = (f"blockctl allow {host} --for 1h", f"blockctl allow {host}")  # before whatever a list says
    return replace(
        found, engines=engines, notes=(*found.notes, note), commands=allow if own.blocked else found.commands
    )


def make_request(target: str, site: str, kind: str) -> Request:
    """Make the request a person means; a kind that is not said is guessed from the address."""
    from blockctl.model.diagnostic import BlockctlError
    from blockctl.model.names import is_address, normalize_host
    from blockctl.model.request import Kind, Request, complete_url, url_host

    for what, text in (("address", target), ("site", site)):
        host = url_host(complete_url(text))
        known = normalize_host(host) or (is_address(host) and text.count("[") == text.count("]"))
        if (text.strip() or what == "address") and not known:
            raise BlockctlError(
                f"not an {what}: {text!r}" if what == "address" else f"not a site: {text!r}", "give a URL or a host"
            )
    if kind and kind.upper() not in Kind.__members__:
        kinds = ", ".join(name.lower() for name in Kind.__members__)
        raise BlockctlError(f"there is no kind {kind!r}", f"the kinds are: {kinds}")
    return Request.parse(target, site, Kind[kind.upper()] if kind else guess_kind(target, site))


def guess_kind(target: str, site: str) -> Kind:
    """Guess what a request is for: by its ending, else a page typed into the address bar, or a script of the site."""
    from blockctl.model.request import Kind, complete_url

    path = complete_url(target).partition("://")[2].partition("/")[2].partition("?")[0]
    ending = path.rpartition(".")[2].lower()
    for kind, endings in ENDINGS.items():
        if "." in path and ending in endings:
            return Kind[kind.upper()]
    return Kind.SCRIPT if site else Kind.DOCUMENT


def sentence(decision: Decision) -> str:
    """Say a decision in words."""
    from blockctl.model.decide import Step

    verb = "blocked" if decision.blocked else "let through"
    rule = decision.rule
    if rule is None:
        return f"{verb}: nothing speaks of it"
    if decision.step is Step.PAUSE:
        return f"{verb}: blockctl is paused"
    return f"{verb} by {rule.origin}  {short(rule.text)}"


def short(text: str) -> str:
    """Return a text for a terminal; a rule that names a hundred sites is not read there."""
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"


def say(line: str, style: str = "") -> None:
    """Print a line; what a list wrote into it is shown and not obeyed."""
    line = line if line.isprintable() else "".join(char if char.isprintable() else "\ufffd" for char in line)
    typer.echo(styled(line, style) if style else line)


def show(found: Answer) -> None:
    """Print the answer: one sentence, each engine, everything that matched, and what to type."""
    request = found.request
    asked = f", asked for by {request.page_host}" if request.page_host and request.page_host != request.host else ""
    say(f"{request.url} ({request.kind.name.lower()}{asked})", BOLD)  # type: ignore[union-attr]
    say(f"  {sentence(found.decision)}", RED if found.decision.blocked else GREEN)
    typer.echo()
    for each in found.engines:
        show_engine(each, found)
    if len(found.decision.trace) > 1:
        typer.echo("\nEverything that matched, the winner first:")
        for step, rule in found.decision.trace:
            say(f"  {rule.effect.value:<6} {step.value:<24} {rule.origin}  {short(rule.text)}")
    for note in found.notes:
        typer.echo()
        say(f"note: {note}")
    aim = "let it through" if _blocked(found) else "block it"
    typer.echo(f"\nTo {aim}:" if found.commands else f"\nNo one or two commands would {aim}.")
    for command in found.commands:
        say(f"  {command}")
    if not _blocked(found) and request.host:
        say(f"If it is not found all the same: blockctl doctor {request.host}", DIM)


def _blocked(found: Answer) -> bool:
    return found.decision.blocked or any(each.decision.blocked for each in found.engines if each.engine in IN_DNS)


def show_engine(verdict: EngineVerdict, found: Answer) -> None:
    """Print one engine's verdict; where it differs from what the policy means, why."""
    name = NAMES.get(verdict.engine, verdict.engine)
    same = verdict.decision.rule == found.decision.rule and verdict.decision.blocked == found.decision.blocked
    said = ("blocked" if verdict.decision.blocked else "let through") if same else sentence(verdict.decision)
    line = f"  {name:<14} {said}"
    say(line, "" if same else YELLOW)
    for gap in verdict.gaps:
        say(f"  {'':<14} cannot say {gap}", DIM)


def to_json(found: Answer) -> dict[str, Any]:
    """Return the answer for programs."""
    request = found.request
    return {
        "version": 1,
        "url": request.url,
        "host": request.host,
        "page": request.page_host,
        "kind": request.kind.name.lower() if request.kind.name else "",
        "third_party": request.third_party,
        **_decision_json(found.decision),
        "trace": [{"step": step.value, **_rule_json(rule)} for step, rule in found.decision.trace],
        "engines": {each.engine: {**_decision_json(each.decision), "gaps": list(each.gaps)} for each in found.engines},
        "commands": list(found.commands),
        "notes": list(found.notes),
    }


def _decision_json(decision: Decision) -> dict[str, Any]:
    rule = _rule_json(decision.rule) if decision.rule else None
    return {"blocked": decision.blocked, "step": decision.step.value, "rule": rule}


def _rule_json(rule: Any) -> dict[str, Any]:
    return {"effect": rule.effect.value, "file": rule.origin.file, "line": rule.origin.line, "text": rule.text}
