"""The user's own `hide` and `scroll` as style sheets that an extension puts into pages."""

from __future__ import annotations

from blockctl.backends.output import Gaps
from blockctl.backends.safari_selector import is_sound
from blockctl.backends.ublock_regions import Names, Region, regions, settings
from blockctl.model.names import is_address, reversed_labels
from blockctl.model.policy import Policy

UNLOCKED = "html, body { overflow: auto !important; position: static !important }\n"


def styles(policy: Policy, gaps: Gaps) -> dict[str, tuple[dict[str, object], str]]:
    """Return style sheets by file name, each with the pages it is for as a manifest has it."""
    found: dict[str, tuple[dict[str, object], str]] = {}
    hides = settings(policy, lambda site: site.hide or None)
    tree = Names(dict.fromkeys(hides, True))
    for number, (host, selectors) in enumerate(sorted(hides.items(), key=lambda item: reversed_labels(item[0])), 1):
        kept = []
        for selector in selectors:
            if is_sound(selector):
                kept.append(f"{selector} {{ display: none !important }}\n")
            else:
                site = policy.sites[host]
                gaps.add("selector", site.lines.get("hide", site.origin), f"sites: {host}: hide: {selector}")
        if kept:
            where = _pages(Region(names=[host], but=list(tree.below(host))))
            found[f"hide-{number}.css"] = where, "".join(kept)
    scroll = regions(settings(policy, lambda site: site.unlock_scroll), False, True)
    for number, region in enumerate(scroll, start=1):
        found[f"scroll-{number}.css"] = _pages(region), UNLOCKED
    return found


def _pages(region: Region) -> dict[str, object]:
    pages: dict[str, object] = {"matches": [_match(name) for name in region.names]}
    if region.but:
        pages["exclude_matches"] = [_match(name) for name in region.but]
    return pages


def _match(name: str) -> str:
    """Return the match pattern for a site; an address has nothing below it, and a browser refuses to read one so."""
    return f"*://{'' if is_address(name) else '*.'}{name}/*"
