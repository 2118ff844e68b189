"""The screens of the page without JavaScript that show what was asked, and the lists with what is held of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from blockctl.io import api_lists, api_log
from blockctl.io.api_plain_html import Forms, Html, button, joined, make, short, times, when
from blockctl.policy.gate_nouns import HoldKind

MOST_HELD = 10  # names and lines told of one hold


async def log_screen(request: Request, form: Mapping[str, str], forms: Forms) -> Html:
    """Return the last queries, the newest first, each with what would change it."""
    part, blocked = form.get("name", "").strip(), "blocked" in form
    found = (await api_log.get_log(request, blocked=blocked, name=part))["queries"]
    field = make("input", name="name", type="search", value=part, placeholder="part of a name", autocapitalize="none")
    search = forms.look(
        make("label", make("input", type="checkbox", name="blocked", value="on", checked=blocked), " Blocked only"),
        make("label", make("span", "Part of a name", class_="hidden"), field, class_="grow"),
        make("button", "Look again", class_="main"),
        fields={"view": "log"},
        class_="row",
    )
    rows = [_row(each, forms) for each in reversed(found)]
    if not rows:
        return joined([make("h2", "What is asked"), search, make("p", "Nothing yet: is this device's DNS blockctl?")])
    lasting = make("p", times(what="What you let through or block holds")) if forms.may_write else ""
    listed = forms.look(lasting, make("ol", *rows, class_="list", aria_label="Queries, the newest first"))
    return joined([make("h2", "What is asked"), search, listed])


def _row(query: Mapping[str, Any], forms: Forms) -> Html:
    name, blocked = str(query["name"]), query["outcome"] == "blocked"
    rule = query["rule"]
    line = f":{rule['line']}" if rule and rule["line"] else ""
    details = [
        when(query["time"]),
        f"  {query['type']}  {query['device'] or query['client']}",
        f"  {rule['file']}{line}  {short(rule['text'])}" if rule else "",
    ]
    verb, text = ("allow", "Let through") if blocked else ("deny", "Block")
    said = make("span", f" {query['outcome']}", class_="bad" if blocked else "dim")
    return make(
        "li",
        make("div", button(name, "look", name, class_="link"), said, make("div", *details, class_="dim")),
        forms.act(text, f"{verb} {name}", class_="small", aria_label=f"{text} {name}"),
    )


async def lists_screen(request: Request, _: Mapping[str, str], forms: Forms) -> Html:
    """Return the lists, and of those that are held why and the ways to take them."""
    told = await api_lists.get_lists(request)
    look = "Lists are being looked at" if told["syncing"] else "Look for updates"
    sync = forms.change(forms.act(look, "sync", class_="main", disabled=told["syncing"]), class_="row")
    return joined([make("h2", "Lists"), sync, *[_list(each, forms) for each in told["lists"]]])


def _list(each: Mapping[str, Any], forms: Forms) -> Html:
    rules = "" if each["rules"] is None else f", {each['rules']:,} rules"
    date = [", of ", when(each["date"])] if each["date"] else []
    look = [", next look ", when(each["next_look"])] if each["next_look"] else []
    return make(
        "section",
        make("h3", each["name"]),
        make("p", each["url"] or each["path"], rules, *date, *look, class_="dim"),
        *[_hold(hold) for hold in each["held"]],
        _ways(each, forms),
        class_="card",
    )


def _hold(hold: Mapping[str, Any]) -> Html:
    """Return why a version is held: the names it would block, and the lines that are to blame."""
    rows = [
        (f"{each['name']}{' (' + each['why'] + ')' if each['why'] else ''}", each["lines"][:2])
        for each in hold["names"][:MOST_HELD]
    ]
    rows += [("", [line]) for line in hold["lines"][:MOST_HELD]]
    told = [make("li", name, *[make("div", _line(line)) for line in lines]) for name, lines in rows]
    more = max(len(hold["names"]) + hold.get("more", 0), len(hold["lines"])) - MOST_HELD
    rest = make("p", f"And {more:,} more.") if more > 0 else ""
    return joined([make("p", f"Held back: {hold['message']}", class_="bad"), make("ul", *told) if told else "", rest])


def _line(line: Mapping[str, Any]) -> Html:
    return make("code", f"{line['file']}:{line['line']}  {short(line['text'])}")


def _ways(each: Mapping[str, Any], forms: Forms) -> Html:
    """Return the ways to take what is held; what is no list is taken in no way."""
    if not each["held"] or any(hold["kind"] == HoldKind.NO_LIST.value for hold in each["held"]):
        return Html()
    return forms.change(
        forms.act("Take it without those lines", f"accept-rest {each['name']}"),
        forms.act("Take it whole", f"accept-whole {each['name']}"),
        class_="row",
    )
