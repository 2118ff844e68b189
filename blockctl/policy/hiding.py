"""Text in, text out: the selectors that a site hides, changed item by item, so that comments beside them stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from blockctl.model.diagnostic import Diagnostic
from blockctl.model.policy import Policy, Site
from blockctl.policy import tree, wanted
from blockctl.policy.edit import proved
from blockctl.policy.entries import find, find_site, put_site
from blockctl.policy.settings import WHERE
from blockctl.policy.splice import Splice, render
from blockctl.policy.tree import Scalar
from blockctl.policy.values import Reader


def read_selectors(typed: Sequence[str]) -> tuple[tuple[str, ...], list[Diagnostic]]:
    """Return selectors as the policy reads them, each once, and what is wrong with others."""
    reader = Reader(WHERE)
    read = [reader.selector(Scalar(0, 0, 0, len(text), text, '"')) for text in typed]
    return tuple(dict.fromkeys(text for text in read if text is not None)), reader.faults


def set_hide(text: str, host: str, selectors: Sequence[str]) -> str:
    """Make these the selectors that a site hides; none takes the key away. They are in order: the caller had them read.

    Those that were there keep their places, and the others follow.
    """

    def put(splice: Splice, root: tree.Mapping) -> None:
        entry = find_site(root, host)
        if entry is None or not isinstance(entry[2], tree.Mapping):
            if selectors:
                put_site(splice, root, host, entry, f"{{hide: {_listed(selectors)}}}")
            return
        listed = find(entry[2], "hide")
        if listed is None:
            if selectors:
                splice.add_entries(entry[2], [("hide", _listed(selectors))])
        elif isinstance(listed[2], tree.Sequence):
            fresh = [each for each in selectors if each not in _texts(listed[2])]
            for item in fresh:
                splice.add_item(listed[2], _quoted(item))
        elif isinstance(listed[2], Scalar) and selectors:
            splice.fill(listed[1], listed[2], _listed(selectors))

    def take(splice: Splice, root: tree.Mapping) -> None:
        entry = find_site(root, host)
        listed = find(entry[2], "hide") if entry is not None and isinstance(entry[2], tree.Mapping) else None
        if entry is None or listed is None or not isinstance(entry[2], tree.Mapping):
            return
        if not selectors:
            splice.remove_entries(entry[2], [listed[0]])
        elif isinstance(listed[2], tree.Sequence):
            gone = [number for number, each in enumerate(_texts(listed[2])) if each not in selectors]
            splice.remove_items(listed[2], gone)

    return proved(text, [put, take], lambda policy: _meant(policy, host, selectors))


def _meant(policy: Policy, host: str, selectors: Sequence[str]) -> Policy:
    site = policy.sites.get(host) or Site(host, wanted.NOWHERE)
    kept = [each for each in site.hide if each in selectors]
    hide = (*kept, *(each for each in selectors if each not in kept))
    return replace(policy, sites=policy.sites | {host: replace(site, hide=hide)})


def _texts(listed: tree.Sequence) -> list[str]:
    return [item.text if isinstance(item, Scalar) else "" for item in listed.items]


def _quoted(text: str) -> str:
    """Return a selector as YAML: `#` and `[` mean something else there."""
    return render(text, '"')


def _listed(selectors: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, selectors))}]"
