"""HTML for the page without JavaScript: every text is escaped as it is put in, whatever a list or a note holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html import escape

from blockctl.io.clock import local, now
from blockctl.model.diagnostic import BlockctlError
from blockctl.policy.settings import WHERE

PLAIN = "/plain"  # the page's address: GET for its first screen, POST for everything else
LONGEST = 300  # characters of a rule or a note; nobody reads a rule that names a hundred sites
TIMES = (("", "for good"), ("1h", "for an hour"), ("1d", "for a day"))
EMPTY = {"input", "link", "meta"}  # elements without an end tag


class Html(str):
    """A text that is HTML already."""

    __slots__ = ()


def make(tag: str, /, *inside: str, **attributes: str | bool | None) -> Html:
    """Return an element. A plain text inside is escaped, None and False leave an attribute away, `_` stands for `-`."""
    written = [tag]
    for key, value in attributes.items():
        word = key.rstrip("_").replace("_", "-")
        if value is True:
            written.append(word)
        elif isinstance(value, str):
            written.append(f'{word}="{escape(value)}"')
    start = f"<{' '.join(written)}>"
    return Html(start if tag in EMPTY else f"{start}{joined(inside)}</{tag}>")


def joined(parts: Iterable[str]) -> Html:
    """Return parts behind each other; a plain text is escaped, and what cannot be printed becomes visible."""
    return Html("".join(each if isinstance(each, Html) else escape(_visible(each)) for each in parts))


def short(text: str) -> str:
    """Return a text as long as it is read."""
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def when(text: str | None) -> Html:
    """Return an ISO 8601 time as people read it, by the clock of the machine that serves; "" for none."""
    return make("time", spoken_time(text), datetime=text) if text else Html()


def spoken_time(text: str) -> str:
    """Return an ISO 8601 time as people read it: of today, the hour alone."""
    moment = local(datetime.fromisoformat(text))
    is_today = moment.date() == local(now()).date()
    return f"{moment:%H:%M}" if is_today else f"{moment.day} {moment:%b %Y, %H:%M}"


def button(text: str, name: str, value: str, **attributes: str | bool | None) -> Html:
    """Return a button that sends its form, and with it what it is called."""
    return make("button", text, name=name, value=value, **attributes)


def times(end: str | None = None, what: str = "This holds") -> Html:
    """Return the choice for how long something holds. `end`: of the entry that is changed, which may stay."""
    choices = [("", f"until {spoken_time(end)}, as so far"), ("good", "for good"), *TIMES[1:]] if end else TIMES
    options = joined(make("option", text, value=value) for value, text in choices)
    return make("label", f"{what} ", make("select", options, name="for"))


def fault(error: BlockctlError) -> Html:
    """Return what is wrong: where, and what would be right. What was typed a moment ago needs no place."""
    typed = [each for each in error.diagnostics if each.origin.file == WHERE]
    in_file = [each for each in error.diagnostics if each.origin.file != WHERE]
    found = [make("p", text, class_="bad") for text in ([each.message for each in typed] or [str(error)])]
    found += [make("p", make("code", str(each.origin)), f" {each.message}") for each in in_file]
    hints = dict.fromkeys([error.hint, *[each.hint for each in error.diagnostics]])
    return make("div", *found, *[make("p", hint) for hint in hints if hint], class_="card", role="alert")


@dataclass(frozen=True, slots=True)
class Forms:
    """Makes forms for one device. Each carries the token and says which screen is open, so that it is shown again."""

    token: str
    may_write: bool
    here: Mapping[str, str] = field(default_factory=dict)

    def look(self, *inside: str, fields: Mapping[str, str] | None = None, class_: str = "") -> Html:
        """Return a form that changes nothing. `fields`: what it says besides, instead of the open screen."""
        hidden = {"token": self.token, **(self.here if fields is None else fields)}
        kept = joined(make("input", type="hidden", name=name, value=value) for name, value in hidden.items())
        # a browser that restores a page keeps no token with it
        return make("form", kept, *inside, method="post", action=PLAIN, autocomplete="off", class_=class_ or None)

    def change(self, *inside: str, class_: str = "", **fields: str) -> Html:
        """Return a form that changes something, nothing for a device that may only read."""
        return self.look(*inside, fields={**self.here, **fields}, class_=class_) if self.may_write else Html()

    def act(self, text: str, do: str, **attributes: str | bool | None) -> Html:
        """Return a button that does something, nothing for a device that may only read."""
        return button(text, "do", do, **attributes) if self.may_write else Html()


def page(title: str, head: str, *main: str) -> str:
    """Return the whole page. `head`: what stands below its name on every screen."""
    return "<!doctype html>\n" + make(
        "html",
        make("meta", charset="utf-8"),
        make("meta", name="viewport", content="width=device-width, initial-scale=1"),
        make("title", f"{title} - blockctl"),
        make("link", rel="stylesheet", href="/page.css"),
        make(
            "body",
            make("a", "To the content", class_="skip", href="#main"),
            make("header", make("h1", "blockctl"), head),
            make("main", *main, id="main", tabindex="-1"),
        ),
        lang="en",
    )


def refusal(message: str, hint: str = "") -> str:
    """Return the page that says why nothing was done."""
    said = make("div", make("p", message, class_="bad"), make("p", hint) if hint else "", class_="card", role="alert")
    way = make("p", make("a", "Begin again", href=PLAIN))
    return page("Refused", "", make("h2", "Nothing was done"), said, way)


def _visible(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text)
