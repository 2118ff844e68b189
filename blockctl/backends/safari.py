"""Safari's content blockers: JSON files, each a list for a content blocker of its own, and a 1Blocker package.

`network*.json` block, `cosmetic*.json` hide, `javascript.json` says which scripts may be loaded. They are separate
because an exception acts within its own list alone: what the one takes back stays in force in the others, and an edit
of a site's JavaScript reloads the smallest file only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from blockctl.backends.output import Chunk, Gaps, Output, Prepared
from blockctl.backends.safari_css import cosmetic_files
from blockctl.backends.safari_network import network_files
from blockctl.backends.safari_package import FILE, joined, package, wrapped
from blockctl.backends.safari_policy import NOTHING, cosmetic_rules, network_rules, script_rules
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.filterlist import FilterList
from blockctl.model.policy import Policy

OPTIONS: dict[str, str] = {
    "min-version": "the oldest Safari that is to read the files (17); at least 15",
    "package": "on (as it is) or off: also write all rules as a package for 1Blocker",
}

DEFAULT_VERSION = "17"
OLDEST = (15, 0)  # knows `load-context` and the resource types used; an older one ignores the one, refuses the others
HAS = (16, 4)  # from here on `:has()` can be read
MOST_RULES = 150_000
MOST_BYTES = 19_000_000


def prepare(lists: Sequence[FilterList], options: dict[str, str]) -> Prepared:
    """Lower the lists: the greater part of each file, ready to be written."""
    version = min_version(options)
    gaps = Gaps()
    network, redundant = network_files(lists, gaps)
    cosmetic = cosmetic_files(lists, gaps, has_supported=version >= HAS)
    files: dict[str, list[str]] = {}
    for part, found in (("network", network), ("cosmetic", cosmetic)):
        for number, lines in enumerate(found, start=1):
            files[_name(part, number)] = lines
    bodies: dict[str, Chunk] = {name: ",\n".join(lines).encode("ascii") for name, lines in files.items()}
    if _wants_package(options):
        bodies |= {"package-" + name: wrapped(lines, name) for name, lines in files.items()}
    return Prepared(
        meta={"rules": {name: len(lines) for name, lines in files.items()}, "redundant": redundant},
        bodies=bodies,
        rules_in=sum(map(_count, lists)),
        rules_out=sum(map(len, files.values())),
        gaps=gaps,
    )


def emit(policy: Policy, prepared: Prepared, options: dict[str, str]) -> Output:
    """Put the policy behind the lists in every file; the lists' part is passed on as it is."""
    version = min_version(options)
    gaps = Gaps()
    counts = dict(prepared.meta["rules"])  # type: ignore[call-overload]
    parts = {
        "network": list(network_rules(policy)),
        "cosmetic": list(cosmetic_rules(policy, gaps, has_supported=version >= HAS)),
        "javascript": script_rules(policy, gaps),
    }
    if policy.paused:
        parts, counts = {part: [] for part in parts}, {}
    gaps.extend(prepared.gaps)
    names = {
        part: [_name(part, 1), *(name for name in counts if name.startswith(part + "-"))] for part in parts
    }  # a file is there even without rules: an app that shows it must not fail
    output = Output(files={}, rules_in=prepared.rules_in, gaps=gaps)
    for part, own in parts.items():
        for name in names[part]:
            listed = counts.get(name, 0)
            lines = own if own or listed else [NOTHING]
            body = prepared.bodies[name] if listed else b""
            output.files[name + ".json"] = [b"[", *joined([body, ",\n".join(lines).encode("ascii")]), b"\n]\n"]
            output.rules_out += listed + len(own)
            output.rules_of[name + ".json"] = listed + len(lines)
            _watch(output, name, listed + len(lines))
    if _wants_package(options):
        output.files[FILE] = list(_packages(parts, names, counts, prepared))
    if prepared.meta["redundant"] and not policy.paused:
        output.notes.append(f"{prepared.meta['redundant']:,} blocks and names left out, for others cover them")
    return output


def _packages(
    parts: dict[str, list[str]], names: dict[str, list[str]], counts: dict[str, int], prepared: Prepared
) -> Iterable[Chunk]:
    """Yield one package for each part; what stands in every file of a part stands here once."""
    whole: list[list[Chunk]] = []
    for part in ("cosmetic", "network", "javascript"):
        bodies = [prepared.bodies["package-" + name] for name in names[part] if counts.get(name)]
        own = wrapped(parts[part], "policy")
        if any(bodies) or own:
            whole.append(list(package(f"blockctl {part}", [*bodies, own])))
    yield b"["
    for at, chunks in enumerate(whole or [list(package("blockctl", [wrapped([NOTHING], "nothing")]))]):
        yield from ([b",\n"] if at else [])
        yield from chunks
    yield b"]\n"


def _watch(output: Output, name: str, rules: int) -> None:
    """Say so when a file is larger than Safari takes; only a policy of thousands of entries can bring this about."""
    size = sum(map(len, output.files[name + ".json"]))
    if rules > MOST_RULES:
        output.notes.append(f"{name}.json holds {rules:,} rules; Safari takes {MOST_RULES:,}")
    if size > MOST_BYTES:
        output.notes.append(f"{name}.json holds {size:,} bytes; an iPhone takes about {MOST_BYTES:,}")
    if name[-1].isdigit():
        output.notes.append(f"{name}.json is one file more: each needs a content blocker of its own")


def min_version(options: dict[str, str]) -> tuple[int, int]:
    """Return the oldest Safari to write for; BlockctlError when it is none that could read the files."""
    text = options.get("min-version", DEFAULT_VERSION)
    match = re.fullmatch(r"(\d{1,3})(?:\.(\d{1,3}))?(?:\.\d{1,3})?", text)
    if match is None:
        raise BlockctlError(f"min-version: {text!r} is not a version of Safari", 'write it as "17" or "16.4"')
    version = int(match[1]), int(match[2] or 0)
    if version < OLDEST:
        raise BlockctlError(
            f"min-version: Safari {text} is too old", "before 15 it ignores conditions, and so blocks too much"
        )
    return version


def _wants_package(options: dict[str, str]) -> bool:
    said = options.get("package", "on")
    if said not in ("on", "off"):
        raise BlockctlError(f"package: {said!r} is neither on nor off")
    return said == "on"


def _name(part: str, number: int) -> str:
    return part if number == 1 else f"{part}-{number}"


def _count(each: FilterList) -> int:
    columns = (each.exact, each.subtree, each.allow_exact, each.allow_subtree)
    return sum(map(len, columns)) + len(each.rules) + len(each.cosmetics)
