"""The fewest of some things that make a test pass, found by halving.

Most worlds are monotone: what works with some hosts allowed works with more of them. Then each thing that is found is
needed, and a search among n things of which k are needed takes about k * log2(n) tests. Where that leads astray, delta
debugging (A. Zeller, R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002) finds a set from which
nothing can be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Works = Callable[[tuple[str, ...]], bool]  # whether it works with these; asked once for each set


def fewest(things: Sequence[str], works: Works) -> tuple[str, ...] | None:
    """Return things with all of which it works, and without any of which it does not; None: it never works.

    The first things are the likeliest, so of two that would each do the earlier one is returned. `works` of nothing
    is taken to be False.
    """
    remembered: dict[frozenset[str], bool] = {frozenset(): False}

    def ask(chosen: Sequence[str]) -> bool:
        key = frozenset(chosen)
        if key not in remembered:
            remembered[key] = works(tuple(each for each in things if each in key))
        return remembered[key]

    if not things or not ask(things):
        return None
    found = _by_halving(list(things), ask)
    if found is None:
        found = _by_delta(list(things), ask)
    while (spare := next((each for each in found if ask([one for one in found if one != each])), None)) is not None:
        found.remove(spare)  # of several that are needed together nearly all these sets were asked for already
    return tuple(each for each in things if each in found)


def _by_halving(things: list[str], ask: Callable[[Sequence[str]], bool]) -> list[str] | None:
    """Find what is needed one by one: the shortest run from the first thing on ends in one that is. None: not so."""
    needed: list[str] = []
    rest = list(things)
    while not ask(needed):
        low, high = 0, len(rest)  # with `rest[:high]` it works, with `rest[:low]` it does not
        if not ask([*needed, *rest]):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if ask([*needed, *rest[:middle]]) else (middle, high)
        needed.append(rest[high - 1])
        rest = rest[: high - 1]
    return needed


def _by_delta(things: list[str], ask: Callable[[Sequence[str]], bool]) -> list[str]:
    """Leave out ever smaller pieces, as long as it works without them."""
    parts = 2
    while len(things) > 1:
        size = max(1, -(-len(things) // parts))
        pieces = [things[at : at + size] for at in range(0, len(things), size)]
        smaller = next((piece for piece in pieces if len(piece) < len(things) and ask(piece)), None)
        if smaller is not None:
            things, parts = smaller, 2
            continue
        left = next(
            (left for piece in pieces if (left := [each for each in things if each not in piece]) and ask(left)), None
        )
        if left is not None:
            things, parts = left, max(parts - 1, 2)
        elif size == 1:
            break
        else:
            parts = min(len(things), parts * 2)
    return things
