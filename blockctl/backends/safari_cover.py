"""The fewest rules that hide some selectors on some pages, and no others there.

A rule says: on any of these pages, hide all of these selectors. Pages and selectors are the two sides of a graph, and
what is hidden where its edges. A rule for each page, or a rule for each selector, says all of it; the fewest rules
that do, some of the one sort and some of the other, are a smallest set of vertices that touches every edge. Koenig's
theorem gives that set from a largest matching, and Hopcroft and Karp (SIAM J. Comput. 2, 1973) the matching.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

Graph = Mapping[str, list[str]]


def fewest(hidden: Mapping[tuple[str, ...], Iterable[str]]) -> dict[tuple[str, ...], list[str]]:
    """Return pages with what is hidden on all of them: the same as was given, in fewer entries where that can be."""
    pages_of: dict[str, set[str]] = {}
    for pages, selectors in hidden.items():
        for selector in selectors:
            pages_of.setdefault(selector, set()).update(pages)
    like_selector = _alike(pages_of)
    selectors_of: dict[str, set[str]] = {}
    for selector in like_selector:
        for page in pages_of[selector]:
            selectors_of.setdefault(page, set()).add(selector)
    like_page = _alike(selectors_of)
    graph = {page: sorted(selectors_of[page]) for page in sorted(like_page)}
    by_page = _cover(graph)
    found: dict[tuple[str, ...], list[str]] = {}
    for page in by_page:
        found[tuple(like_page[page])] = [each for selector in graph[page] for each in like_selector[selector]]
    by_selector: dict[tuple[str, ...], list[str]] = {}
    others = like_page.keys() - by_page
    for selector, same in like_selector.items():
        rest = sorted(each for page in pages_of[selector] & others for each in like_page[page])
        if rest:
            by_selector.setdefault(tuple(rest), []).extend(same)
    for pages, selectors in by_selector.items():
        found.setdefault(pages, []).extend(selectors)
    return found


def _alike(others: Mapping[str, set[str]]) -> dict[str, list[str]]:
    """Return the first of all keys that have the same set, with all of them."""
    same: dict[frozenset[str], list[str]] = {}
    for key in sorted(others):
        same.setdefault(frozenset(others[key]), []).append(key)
    return {keys[0]: keys for keys in same.values()}


def _cover(graph: Graph) -> set[str]:
    """Return the left side's part of a smallest cover; the right side's is what has an edge to the rest of the left."""
    left, right = _matching(graph)
    reached = {vertex for vertex in graph if vertex not in left}
    waiting = deque(sorted(reached))
    while waiting:
        for other in graph[waiting.popleft()]:
            vertex = right.get(other)
            if vertex is not None and vertex not in reached:
                reached.add(vertex)
                waiting.append(vertex)
    return set(graph) - reached


def _matching(graph: Graph) -> tuple[dict[str, str], dict[str, str]]:
    """Return a largest matching, from each side."""
    left: dict[str, str] = {}
    right: dict[str, str] = {}
    while True:
        level = {vertex: 0 for vertex in graph if vertex not in left}
        waiting, grows = deque(level), False
        while waiting:
            vertex = waiting.popleft()
            for other in graph[vertex]:
                matched = right.get(other)
                if matched is None:
                    grows = True
                elif matched not in level:
                    level[matched] = level[vertex] + 1
                    waiting.append(matched)
        if not grows:
            return left, right
        for vertex in [vertex for vertex in graph if vertex not in left]:
            _augment(vertex, graph, level, left, right)


def _augment(start: str, graph: Graph, level: dict[str, int], left: dict[str, str], right: dict[str, str]) -> None:
    """Walk from a free vertex to a free one, level by level, and turn the matching round on the way."""
    path = [(start, iter(graph[start]))]
    taken: list[str] = []
    while path:
        vertex, others = path[-1]
        for other in others:
            matched = right.get(other)
            if matched is None or level.get(matched) == level[vertex] + 1:
                taken.append(other)
                break
        else:
            del level[vertex]  # no way on from here in this round
            path.pop()
            if taken:
                taken.pop()
            continue
        if matched is None:
            for (each, _), other in zip(path, taken, strict=True):
                left[each], right[other] = other, each
            return
        path.append((matched, iter(graph[matched])))
