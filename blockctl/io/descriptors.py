"""How many files and sockets this process may have open, and how many of them its clients may take.

The system's usual limits are low (256 on a Mac). Clients that connect and stay must not take what is needed to ask
upstreams, to follow the policy and to compile.
"""

from __future__ import annotations

import contextlib

try:
    import resource
except ImportError:  # not a Unix: no such limits
    resource = None  # type: ignore[assignment]

WANTED = 8192
FOR_CLIENTS = 0.7  # of what may be open


def raise_limit() -> None:
    """Let this process open as much as it is allowed to, up to what is of any use."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # as much as there is will have to do
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def last_for_clients() -> int:
    """Return the highest descriptor that a client's connection may have: the system gives the lowest that is free."""
    if resource is None:
        return WANTED
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return WANTED if soft == resource.RLIM_INFINITY else int(soft * FOR_CLIENTS)
