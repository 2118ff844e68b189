"""What the resolver here does with a name: by the rules it has mapped, which heed more than names."""

from __future__ import annotations

from blockctl.cli.common import Loaded
from blockctl.model.decide import Decision, Step


def served(loaded: Loaded, host: str) -> Decision | None:
    """Return the verdict of a resolver that serves this policy, for a client without a group; None: there is none."""
    from blockctl.dns.exchange import Client
    from blockctl.dns.wire import A, name_wire
    from blockctl.io.live import EVERYBODY, read_live
    from blockctl.io.standing import let_go, open_lists, stand
    from blockctl.model.diagnostic import BlockctlError

    live = read_live(loaded.state)
    if live is None:
        return None
    try:
        lists = open_lists(loaded.state, live, {})
    except BlockctlError:  # being replaced, or of another version: a start of the resolver tells
        return None
    standing = stand(loaded.policy, loaded.state, live, lists, loaded.now)
    verdict = standing.rules[EVERYBODY].verdict(name_wire(host), A, Client("127.0.0.1"))
    let_go(lists.values())
    if verdict.reason is None:
        return Decision(verdict.blocked, Step.DEFAULT)
    return Decision(verdict.blocked, verdict.reason.step, verdict.reason.rule)
