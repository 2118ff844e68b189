"""Edits of the policy file that a person asks for, by a command or on the page: one way to make each.

What has lapsed makes way for what is new, earlier texts are kept for merges, and temporary entries are remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from blockctl.io import policy_file, returns
from blockctl.io.kept_policies import remember
from blockctl.io.loaded import Loaded
from blockctl.io.temporary import note as note_temporary
from blockctl.model.diagnostic import BlockctlError
from blockctl.policy import edit
from blockctl.policy.hiding import set_hide
from blockctl.policy.read import lapsed as find_lapsed
from blockctl.policy.read import read_policy
from blockctl.policy.remove import Place, remove_at
from blockctl.policy.tidy_findings import Temporary

Words = Mapping[str, str | None]
Change = Callable[[str], str]


def set_site(
    loaded: Loaded, site: str, words: Words, until: datetime | None = None, *, hide: Sequence[str] | None = None
) -> bool:
    """Set a site's keys (None takes one away), until a moment: what stood there then comes back.

    `hide`: selectors, () takes them away. Where nothing stood, the whole entry ends.
    """
    changes = dict(words)
    if until is not None:
        changes["until"] = edit.utc_text(until)

    def change(text: str) -> str:
        text = edit.drop_if_lapsed(text, site, loaded.now)
        text = edit.set_site(text, site, changes) if changes else text
        return text if hide is None else set_hide(text, site, hide)

    if until is not None:
        returns.note(loaded.state, loaded.policy.sites.get(site), changes["until"] or "", words, hide=hide is not None)
    elif "until" in words:
        returns.forget(loaded.state, site)
    changed = _edit(loaded, change)
    if until is not None:
        said = tuple(f"{key}={word or ''}" for key, word in words.items() if key not in ("note", "until"))
        note_temporary(loaded.state, Temporary(loaded.now, "set", site, "", said))
    return changed


def reset_site(loaded: Loaded, site: str) -> bool:
    """Take a site's entry away."""
    returns.forget(loaded.state, site)
    return _edit(loaded, lambda text: edit.reset_site(text, site))


def stands_without_end(loaded: Loaded, verb: str, host: str, site: str | None) -> bool:
    """Whether the policy says that of this very host already: an end would take away more than was asked for."""
    if site is None:
        entry = loaded.policy.hosts.get(host)
    else:
        page = loaded.policy.sites.get(site)
        entry = next((each for each in page.hosts if each.host == host), None) if page and page.until is None else None
    return entry is not None and entry.allow == (verb == "allow") and entry.until is None


def add_host(
    loaded: Loaded, verb: str, host: str, site: str | None, until: datetime | None = None, note: str | None = None
) -> bool:
    """Allow or deny (`verb`) a host, everywhere or on one site. What stands without an end is left as it is."""
    if until is not None and stands_without_end(loaded, verb, host, site):
        return False

    def change(text: str) -> str:
        text = edit.drop_if_lapsed(text, site, loaded.now) if site else text
        return edit.add_host(text, verb, host, site, until, note)

    changed = _edit(loaded, change)
    if until is not None:
        note_temporary(loaded.state, Temporary(loaded.now, verb, site or "", host))
    return changed


def forget_host(loaded: Loaded, host: str, site: str | None) -> bool:
    """Take a host out of the allowed and the denied ones, everywhere or of one site."""
    return _edit(loaded, lambda text: edit.forget_host(text, host, site))


@dataclass(frozen=True, slots=True)
class TakenOut:
    """What `take_out` did with entries whose time has passed."""

    lapsed: int  # are gone
    back: tuple[str, ...]  # sites that say again what they said before


def take_out(loaded: Loaded, places: Collection[Place], *, lapsed: bool) -> TakenOut:
    """Take out the entries that begin at these places and, if told so, all whose time has passed.

    What a temporary change had replaced comes back. Raises BlockctlError when the file was changed meanwhile.
    """

    def change(text: str) -> str:
        if text != loaded.text:
            raise BlockctlError(f"{loaded.path} was changed meanwhile; nothing was removed", "try it again")
        text = returns.restored(remove_at(text, places) if places else text, loaded.state, loaded.now)
        return edit.remove_lapsed(text, loaded.now) if lapsed else text

    before = loaded.whole.sites
    over = [host for host, site in before.items() if site.until is not None and site.until <= loaded.now]
    count = len(find_lapsed(loaded.whole, loaded.now)) if lapsed else 0
    changed = policy_file.edit(loaded.path, change)
    returns.done(loaded.state, loaded.now)
    text = policy_file.read_text(loaded.path) if changed else loaded.text
    after = read_policy(text, str(loaded.path))[0].sites if changed else before
    for host in before.keys() - after.keys():
        returns.forget(loaded.state, host)
    if changed:
        remember(loaded.state, loaded.text, text)
    back = tuple(host for host in over if changed and host in after and after[host].until is None)
    return TakenOut(max(0, count - len(back)), back)


def _edit(loaded: Loaded, change: Change) -> bool:
    changed = policy_file.edit(loaded.path, lambda text: change(returns.restored(text, loaded.state, loaded.now)))
    returns.done(loaded.state, loaded.now)
    if changed:
        remember(loaded.state, loaded.text, policy_file.read_text(loaded.path))
    return changed
