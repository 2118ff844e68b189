"""The policy alone, for a browser extension that takes its rules from a running blockctl: rules, modes, style.

One rule per way of treating pages, with the sites in lists, so that thousands of sites stay within every browser's
limits. What lists say is not here: a list's rules are a target of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blockctl.backends.dnr import Wanted, written
from blockctl.backends.dnr_policy import policy_rules
from blockctl.backends.output import Gaps
from blockctl.backends.safari_selector import is_sound
from blockctl.model.policy import Policy


@dataclass(frozen=True, slots=True)
class Live:
    """What an extension obeys. `modes` and `cosmetic` are keyed by site: the nearest one speaks, key by key."""

    rules: list[dict[str, Any]]  # declarativeNetRequest's, numbered from 1
    modes: dict[str, Any]
    cosmetic: dict[str, Any]
    gaps: list[str]  # what these rules cannot say, and why not


def live(policy: Policy, options: Mapping[str, str]) -> Live:
    """Return the policy as it stands. `options`: browser (chromium or firefox) and min-version, as of `dnr`."""
    wanted, gaps = Wanted.of(dict(options)), Gaps()
    rules = json.loads(written(policy_rules(policy, wanted.reach, gaps)))
    told = [f"{gap.origin} {gap.text}: {gap.reason}" for gap in gaps.kept]
    return Live(rules, _modes(policy), _cosmetic(policy), told)


def _modes(policy: Policy) -> dict[str, Any]:
    sites = policy.sites.values()
    return {
        "javascript": {
            "default": policy.javascript.value,
            "sites": {site.host: site.javascript.value for site in sites if site.javascript is not None},
        },
        "blocking": {
            "default": policy.blocking,
            "sites": {site.host: site.blocking for site in sites if site.blocking is not None},
        },
    }


def _cosmetic(policy: Policy) -> dict[str, Any]:
    if policy.paused:
        return {"hide": {}, "scroll": {}}
    sites = policy.sites.values()
    return {
        "hide": {site.host: [each for each in site.hide if is_sound(each)] for site in sites if site.hide},
        "scroll": {site.host: site.unlock_scroll for site in sites if site.unlock_scroll is not None},
    }
