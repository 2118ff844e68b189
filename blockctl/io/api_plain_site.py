"""The page without JavaScript, of one site: what applies there, which line says so, and the switches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request

from blockctl.io import api_asking, api_policy
from blockctl.io.api_desk import desk_of
from blockctl.io.api_nouns import Applied, Entry, HostTold, SitesTold, SiteTold
from blockctl.io.api_plain_html import Forms, Html, button, fault, joined, make, short, spoken_time, times, when
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.request import complete_url, url_host

MOST = 100  # entries and hosts shown; the others are found by their names
SCRIPTS = (("allow", "Allowed"), ("first-party", "The site's own"), ("deny", "Denied"))
BLOCKING = (("on", "Blocked"), ("off", "Let through"))
NAMES = {"javascript": "JavaScript", "blocking": "Ads and trackers", "hide": "Hidden", "scroll": "Scrolling"}


async def site_screen(request: Request, form: Mapping[str, str], forms: Forms) -> Html:
    """Return the search, what was searched for, and what the policy says of sites and hosts."""
    what = form.get("what", "").strip()
    parts: list[str] = [make("h2", "A site, or an address"), _search(what, forms)]
    if what:
        try:
            parts += await _found(request, what, forms)
        except BlockctlError as error:
            parts.append(fault(error))
    sites = await api_policy.get_sites(request)
    hosts = [each for each in (await api_policy.get_hosts(request)).hosts if each.site is None]
    everywhere = _hosts(make("h3", "Hosts, everywhere"), hosts, forms)
    return joined([*parts, make("h2", "In your policy"), _entries(sites, forms), everywhere])


def _search(what: str, forms: Forms) -> Html:
    field = make(
        "input", name="what", type="search", value=what, autocapitalize="none", autocomplete="off",
        spellcheck="false", placeholder="news.example or https://...",
    )  # fmt: skip
    label = make("label", make("span", "Site or address", class_="hidden"), field, class_="grow")
    form = forms.look(label, make("button", "Show", class_="main"), fields={"view": "site"}, class_="row")
    return make("div", form, role="search")


async def _found(request: Request, what: str, forms: Forms) -> list[str]:
    """Return what applies, and of an address, or of a site without an entry, what happens to it."""
    told = await api_policy.get_site(request, url_host(complete_url(what)))
    parts: list[str] = [_card(told, desk_of(request).view.path.name, forms)]
    if "/" in what or told.site is None:
        parts.append(_why(await api_asking.get_why(request, what), forms))
    return parts


def _card(told: SiteTold, file: str, forms: Forms) -> Html:
    paused = told.words[0] if told.paused.in_force else ""
    end = told.until if told.site == told.host else None
    switches = forms.change(
        _choice("JavaScript", "javascript", SCRIPTS, told.javascript),
        _choice("Ads and trackers", "blocking", BLOCKING, "on" if told.blocking else "off"),
        make("p", times(end)),
        site=told.host,
    )
    return make(
        "section",
        make("h3", told.host),
        make("p", paused) if paused else "",
        make("p", "\n".join(line for line in told.words if line != paused), class_="words"),
        make("ul", *[_applied(file, key, each) for key, each in told.applies.items()], class_="dim"),
        make("p", "The entry ends ", when(told.until), ".") if told.until else "",
        make("p", f"Note: {short(told.note)}") if told.note else "",
        switches,
        _forget(told, forms),
        _hosts(make("h4", "Hosts, on this site"), told.hosts, forms),
        _host_form(told.host, forms),
        class_="card",
    )


def _choice(legend: str, key: str, options: Sequence[tuple[str, str]], chosen: str) -> Html:
    buttons = [
        button(text, "do", f"{key} {value}", aria_pressed="true" if value == chosen else "false")
        for value, text in options
    ]
    return make("fieldset", make("legend", legend), *buttons)


def _applied(file: str, key: str, applied: Applied) -> Html:
    """Return a key and the line of the policy that says it."""
    by = "the defaults" if applied.by == "defaults" else applied.by
    line = f"{file}, line {applied.line}" if applied.line else "no line changes them"
    return make("li", f"{NAMES[key]}: from {by} ({line})")


def _forget(told: SiteTold, forms: Forms) -> Html:
    if told.site is None:
        return Html()
    return forms.change(forms.act(f"Forget {told.site}", f"reset {told.site}"), class_="row")


def _hosts(title: Html, hosts: Sequence[HostTold], forms: Forms) -> Html:
    """Return hosts that are allowed or denied, each with its line and the way to take it back."""
    rows = []
    for each in hosts[:MOST]:
        verb = "allowed" if each.verdict == "allow" else "denied"
        of = f" on {each.site}" if each.site else ""
        said = [f" {verb}{of}", f", until {spoken_time(each.until)}" if each.until else "", f" (line {each.line})"]
        note = make("span", f" {short(each.note)}", class_="dim") if each.note else ""
        text = make("span", make("span", each.host, class_="name"), *said, note)
        do = f"forget {each.host} {each.site or ''}"
        rows.append(make("li", text, forms.act("Remove", do, class_="small", aria_label=f"Remove {each.host}")))
    if not rows:
        return Html()
    return joined([title, forms.look(make("ul", *rows, class_="list")), _more(len(hosts))])


def _host_form(site: str, forms: Forms) -> Html:
    name = make(
        "input", name="host", required=True, autocapitalize="none", autocomplete="off", placeholder="cdn.example"
    )
    places = make("option", f"on {site}", value=site) + make("option", "everywhere", value="")
    look = button("Look it up", "look", "")  # the first of a form is what Enter presses, so it changes nothing
    return forms.change(
        make("h4", "Allow or deny a host"),
        make("p", make("label", "Host", name)),
        make("p", make("label", "Where ", make("select", Html(places), name="site")), " ", times(), class_="row"),
        make("div", look, forms.act("Allow", "allow"), forms.act("Deny", "deny"), class_="row"),
    )


def _why(said: Mapping[str, Any], forms: Forms) -> Html:
    """Return what happens to a request, which line decides, and the way to change it everywhere."""
    rule, host = said["rule"], said["host"]
    line = f"{rule['file']}:{rule['line']}  {short(rule['text'])}" if rule else "nothing speaks of it"
    engines = [
        make("li", make("span", name), make("span", verdict, class_="bad" if each["blocked"] else "good"))
        for name, each in said["engines"].items()
        for verdict in ("blocked" if each["blocked"] else "let through",)
    ]
    change = (f"Allow {host} everywhere", f"allow {host}")
    if not said["blocked"]:
        change = (f"Deny {host} everywhere", f"deny {host}")
    return make(
        "section",
        make("h3", "Blocked" if said["blocked"] else "Let through"),
        make("p", short(said["url"])),
        make("p", make("code", line)),
        make("ul", *engines, class_="list"),
        forms.change(make("p", times()), forms.act(*change)),
        class_="card",
    )


def _entries(told: SitesTold, forms: Forms) -> Html:
    blocked = "blocked" if told.defaults["blocking"] else "let through"
    said = f"Elsewhere: JavaScript {told.defaults['javascript']}, ads and trackers {blocked}."
    rows = [
        make("li", button(each.site, "look", each.site, class_="link"), make("span", _spoken(each), class_="dim"))
        for each in told.sites[:MOST]
    ]
    listed = forms.look(make("ul", *rows, class_="list")) if rows else ""
    return joined([make("p", said, class_="dim"), listed, _more(len(told.sites))])


def _spoken(site: Entry) -> str:
    count = len(site.hosts)
    said = [
        f"JavaScript {site.javascript}" if site.javascript else "",
        "" if site.blocking is None else "ads blocked" if site.blocking else "ads let through",
        f"{count} host{'s' if count > 1 else ''}" if count else "",
        f"{len(site.hide)} hidden" if site.hide else "",
        f"until {spoken_time(site.until)}" if site.until else "",
    ]
    return ", ".join(filter(None, said))


def _more(count: int) -> Html:
    return make("p", f"And {count - MOST:,} more: search for one.", class_="dim") if count > MOST else Html()
