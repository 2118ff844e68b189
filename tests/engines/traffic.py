"""What the gaps of every output concern: EasyList, EasyPrivacy and uBlock Origin's own filters, and a request log."""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

from blockctl.backends import BROWSER_BACKENDS, DNS_BACKENDS
from blockctl.cli.fidelity_own import Traffic, measure
from blockctl.compiler import Compilation
from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import ListText
from blockctl.model.memory import RunMemory
from blockctl.model.policy import ListSource, Policy, Target
from blockctl.parsers.request_log import parse

CORPUS = Path(__file__).parents[2] / "../shared/corpus"
LISTS = (
    "easylist/easylist", "easylist/easyprivacy", "ublock/filters", "ublock/filters-2020", "ublock/filters-2021",
    "ublock/filters-2022", "ublock/filters-2023", "ublock/filters-2024", "ublock/filters-2025", "ublock/filters-2026",
    "ublock/filters-general", "ublock/privacy", "ublock/badware", "ublock/quick-fixes", "ublock/unbreak",
    "ublock/resource-abuse",
)  # fmt: skip
HERE = Origin("policy.yaml", 1)


def _list_text(name: str) -> ListText:
    data = gzip.decompress((CORPUS / f"browser/{name}.txt.gz").read_bytes())
    source = ListSource(name, HERE, path=f"{name}.txt", format="adblock")
    return ListText(source, source.path, data, hashlib.sha256(data).hexdigest())


def request_log() -> Traffic:
    """Return the requests of the log."""
    text = gzip.decompress((CORPUS / "requests/requests.train.jsonl.gz").read_bytes()).decode()
    return Traffic("requests.train.jsonl", requests=Counter(parse(text, "requests.train.jsonl").requests))


def traffic() -> dict[str, Any]:
    """Return for each output its gaps by reason, with how many requests they concern; {} without the corpus."""
    if not CORPUS.exists():
        return {}
    texts = [_list_text(name) for name in LISTS]
    backends = (*BROWSER_BACKENDS, *DNS_BACKENDS)
    targets = {name: Target(name, name, f"out/{name}", HERE) for name in backends}
    policy = Policy("policy.yaml", lists=tuple(text.source for text in texts), targets=targets)
    run = Compilation(policy, texts, RunMemory())
    run.read()
    log = request_log()
    found: dict[str, Any] = {}
    for each in measure(run, [], log):
        by = each.concern.by_reason
        found[each.target.backend] = {
            "rules": each.rules_in, "gaps": len(each.gaps), "requests": by.total(),
            "reasons": {
                reason: {"rules": each.gaps.count[reason], "requests": by[reason]} for reason in sorted(each.gaps.count)
            },
        }  # fmt: skip
    return {
        "lists": "EasyList, EasyPrivacy and uBlock Origin's filters", "requests": log.total, "backends": found,
    }  # fmt: skip
