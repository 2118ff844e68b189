"""A filter list in AdGuard's browser syntax for Safari: AdGuard for iOS, AdGuard Mini for the Mac, and wBlock.

All three hand it to SafariConverterLib, which drops every line that it has no content blocker rule for; here those
are gaps with a reason. Sources: the README of SafariConverterLib ("Supported rules and limitations") and its
NetworkRule, RuleConverter and BlockerEntryFactory; the README of wBlock ("Add the URL in Custom Filter Lists"); for
AdGuard its knowledge base: Protection, Safari protection, Filters, Custom, "Add a filter". They fetch it again by
themselves. Nothing here was tried on a Mac or an iPhone.
"""

from __future__ import annotations

from collections.abc import Sequence

from blockctl.backends.adguard_browser import emitted, prepared
from blockctl.backends.output import Output, Prepared
from blockctl.model.filterlist import FilterList
from blockctl.model.policy import Policy

OPTIONS: dict[str, str] = {}


def prepare(lists: Sequence[FilterList], options: dict[str, str]) -> Prepared:  # noqa: ARG001 - the interface
    """Write the lists, each line once; what the policy must change is kept apart."""
    return prepared(lists, safari=True)


def emit(policy: Policy, prepared: Prepared, options: dict[str, str]) -> Output:  # noqa: ARG001 - the interface
    """Put the policy before the lists."""
    return emitted(policy, prepared, safari=True)
