"""What each engine can and cannot say: one table, read by the backends, the report and the README.

The reasons stand in one file for each family of engines; here they are put together.
"""

from __future__ import annotations

from blockctl.backends.capabilities_adguard import ADGUARD_BROWSER, ADGUARD_SAFARI
from blockctl.backends.capabilities_dnr import CHROMIUM_POLICY, DNR, FIREFOX_POLICY, NOSCRIPT
from blockctl.backends.capabilities_dns import DNS, DOMAINS, LISTED, RPZ, UNBOUND
from blockctl.backends.capabilities_safari import SAFARI
from blockctl.backends.capabilities_ublock import UBLOCK
from blockctl.backends.reason import Fidelity, Reason

__all__ = ["CAPABILITIES", "SAFARI", "UBLOCK", "Fidelity", "Reason"]

# backend -> reason key -> reason
CAPABILITIES: dict[str, dict[str, Reason]] = {
    "hosts": LISTED,
    "domains": DOMAINS,
    **dict.fromkeys(("dnsmasq", "adguard"), DNS),
    "unbound": UNBOUND,
    "rpz": RPZ,
    "safari": SAFARI,
    "dnr": DNR,
    "chromium-policy": CHROMIUM_POLICY,
    "firefox-policy": UBLOCK | FIREFOX_POLICY,
    "noscript": NOSCRIPT,
    "adguard-browser": ADGUARD_BROWSER,
    "adguard-safari": ADGUARD_SAFARI,
    **dict.fromkeys(("ublock", "ublock-rules", "ublock-backup", "ublock-managed"), UBLOCK),
}
