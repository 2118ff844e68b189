"""What is fuzzed. A target takes any bytes; an exception other than `BlockctlError` is a finding."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from blockctl.model.diagnostic import BlockctlError
from blockctl.model.names import is_public_suffix, normalize_host
from blockctl.model.pattern import compile_pattern
from blockctl.model.request import Kind, Request, complete_url, url_host
from blockctl.parsers import PARSERS, parse
from blockctl.policy import edit
from blockctl.policy.read import read_policy

Target = Callable[[bytes], None]


def parse_list(data: bytes, form: str = "") -> None:
    """Read a list; every line is accounted for."""
    parsed = parse(data, "list.txt", form)
    counts = parsed.counts
    assert counts.lines == counts.rules + counts.nothing + counts.refused
    names = parsed.exact | parsed.subtree | parsed.allow_exact | parsed.allow_subtree
    assert all(name and name == name.lower() and not name.endswith(".") for name in names)


def policy(data: bytes) -> None:
    """Read a policy; each fault has a place."""
    _, diagnostics = read_policy(data.decode("utf-8", "replace"), "policy.yaml")
    assert all(each.origin.file == "policy.yaml" and each.message for each in diagnostics)


def edit_policy(data: bytes) -> None:
    """Change a policy; what was readable stays readable."""
    first, _, rest = data.partition(b"\n")
    words = first.decode("utf-8", "replace").split()
    text = rest.decode("utf-8", "replace")
    names = [name for word in words if (name := normalize_host(word)) and not is_public_suffix(name)]
    site, host = [*names, "news.example", "ads.example"][:2]
    _, faults = read_policy(text, "policy.yaml")
    for change in (
        lambda: edit.set_site(text, site, {"javascript": "deny"}),
        lambda: edit.reset_site(text, site),
        lambda: edit.add_host(text, "deny", host),
        lambda: edit.add_host(text, "allow", host, site=site),
        lambda: edit.forget_host(text, host),
    ):
        try:
            changed = change()
        except BlockctlError:
            continue
        if not faults:
            assert read_policy(changed, "policy.yaml")[1] == [], (text, changed)


def pattern(data: bytes) -> None:
    """Compile an address pattern or a regular expression and try it."""
    text, _, address = data.decode("utf-8", "replace").partition("\n")
    url = complete_url(address)
    for regex in (False, True):
        try:
            compiled = compile_pattern(text, regex=regex)
        except ValueError:
            continue
        try:
            compiled(url)
        except TimeoutError:
            continue  # a regular expression of a list ran into its time limit, as it should


def request(data: bytes) -> None:
    """Read an address and a page."""
    url, _, page = data.decode("utf-8", "replace").partition("\n")
    asked = Request.parse(url, page, Kind.SCRIPT)
    assert "#" not in asked.url
    assert complete_url(asked.url) == asked.url
    assert url_host(asked.url) == asked.host


TARGETS: dict[str, Target] = {
    "list": parse_list,
    **{f"list-{form}": partial(parse_list, form=form) for form in PARSERS},
    "policy": policy,
    "edit": edit_policy,
    "pattern": pattern,
    "request": request,
}
