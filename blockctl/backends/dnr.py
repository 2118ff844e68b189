"""An unpacked browser extension whose rules are declarativeNetRequest: it needs no code of its own to run.

`manifest.json` names the rule files, each of at most 30,000 rules, which every browser keeps room for: the policy's
first, then the lists', those that decide first before the others. A person loads the folder in chrome://extensions
("Load unpacked") or about:debugging; the companion extension takes the same rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from blockctl.backends.dnr_actions import FOLDER, RESOURCES
from blockctl.backends.dnr_css import styles
from blockctl.backends.dnr_policy import Reach, policy_rules
from blockctl.backends.dnr_rules import ALLOW_ACTION, BLOCK, BLOCK_ACTION, EXCEPTION, Network, Said, topmost
from blockctl.backends.output import Chunk, Gaps, Output, Prepared
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.filterlist import FilterList
from blockctl.model.policy import Policy
from blockctl.model.request import ALL_KINDS
from blockctl.model.rule import Party

OPTIONS: dict[str, str] = {
    "browser": "chromium (as it is; Chrome, Edge, Brave, Opera too) or firefox",
    "min-version": "the oldest version that is to take the rules (145; Firefox 128)",
}

MOST_RULES = 30_000  # in a file, and of all that a browser guarantees room for
MOST_FILES = {False: 49, True: 19}  # enabled at once besides the policy's, in Chromium and in Firefox
OLDEST = {False: (118, "145"), True: (113, "128")}  # firefox -> oldest that reads the rules, and what is written for
TOP_DOMAINS = 145
FILE, POLICY_FILE = "lists-{}.json", "policy.json"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options ask for."""

    firefox: bool
    version: int

    @classmethod
    def of(cls, options: dict[str, str]) -> Wanted:
        """Read the options; BlockctlError when a value is none."""
        browser = options.get("browser", "chromium")
        if browser not in ("chromium", "firefox"):
            raise BlockctlError(f"browser: {browser!r} is neither chromium nor firefox")
        firefox = browser == "firefox"
        oldest, usual = OLDEST[firefox]
        text = options.get("min-version", usual)
        match = re.fullmatch(r"(\d{1,4})(?:\.\d+)*", text)
        if match is None:
            raise BlockctlError(f"min-version: {text!r} is not a version of a browser", f'write it as "{usual}"')
        if int(match[1]) < oldest:
            raise BlockctlError(f"min-version: {text} is too old", f"rules like these need {oldest} or newer")
        return cls(firefox, int(match[1]))

    @property
    def reach(self) -> Reach:
        """Return how this browser is told which page a rule is for."""
        return Reach(top=not self.firefox and self.version >= TOP_DOMAINS, firefox=self.firefox)


def prepare(lists: Sequence[FilterList], options: dict[str, str]) -> Prepared:
    """Write the lists' rules."""
    wanted = Wanted.of(options)
    gaps = Gaps()
    network = Network(gaps, wanted.firefox)
    _columns(lists, network)
    for each in lists:
        for rule in each.rules:
            network.add(rule)
    rules = sorted(network.lines(), key=lambda said: -said[0])
    _cosmetic_gaps(lists, gaps)
    files = [rules[at : at + MOST_RULES] for at in range(0, len(rules), MOST_RULES)]
    bodies: dict[str, Chunk] = {
        FILE.format(number): written(part) for number, part in enumerate(files[: MOST_FILES[wanted.firefox]], start=1)
    }
    return Prepared(
        meta={"redundant": network.redundant},
        bodies=bodies,
        rules_in=sum(map(_count, lists)),
        rules_out=len(rules),
        gaps=gaps,
    )


def _columns(lists: Sequence[FilterList], network: Network) -> None:
    """Take the lists' names."""
    subtree = set().union(*(each.subtree for each in lists))
    exact = set().union(*(each.exact for each in lists)) - subtree
    blocked = set(topmost(subtree))
    network.redundant = len(subtree) - len(blocked)
    network.covered = blocked
    allowed = set().union(*(each.allow_subtree for each in lists))
    allowed_alone = set().union(*(each.allow_exact for each in lists)) - allowed
    for priority, action, names, alone in (
        (BLOCK, BLOCK_ACTION, blocked, exact),
        (EXCEPTION, ALLOW_ACTION, allowed, allowed_alone),
    ):
        group = priority, action, ALL_KINDS, Party.ANY, (), (), ()
        if names:
            network.hosts[(*group, 0)] = names
        for name in alone:
            network.hosts.setdefault((*group, name.count(".") + 1), set()).add(name)


def _cosmetic_gaps(lists: Sequence[FilterList], gaps: Gaps) -> None:
    """Note what lists hide: tens of thousands of rules, of which the first are kept by name."""
    rules = [rule for each in lists for rule in each.cosmetics]
    for rule in rules[: gaps.keep]:
        gaps.add("cosmetic", rule.origin, rule.text)
    if rest := rules[gaps.keep :]:
        gaps.add("cosmetic", rest[0].origin, rest[0].text, len(rest))


def emit(policy: Policy, prepared: Prepared, options: dict[str, str]) -> Output:
    """Write the folder: the lists' rules as they are, the policy's beside them."""
    wanted = Wanted.of(options)
    output = Output({}, rules_in=prepared.rules_in)
    applies = not (policy.paused or _is_off(policy))
    listed = prepared.bodies if applies else {}
    own = list(policy_rules(policy, wanted.reach, output.gaps))
    styles_of = {} if policy.paused else styles(policy, output.gaps)
    output.files = {POLICY_FILE: [written(own)], **{name: [body] for name, body in listed.items()}}
    for name, (_, text) in styles_of.items():
        output.files[name] = [text.encode()]
    if listed:
        output.files |= {f"{FOLDER}/{name}": [data] for name, data in RESOURCES.items()}
    if applies:
        output.gaps.extend(prepared.gaps)
    sheets = [{**where, "css": [name], "run_at": "document_start"} for name, (where, _) in styles_of.items()]
    output.files["manifest.json"] = [_manifest(wanted, [POLICY_FILE, *listed], sheets, bool(listed))]
    output.rules_out = len(own) + (prepared.rules_out if applies else 0)
    _notes(policy, prepared, output)
    return output


def _is_off(policy: Policy) -> bool:
    """Whether lists apply on no page at all."""
    return not (policy.blocking or any(site.blocking for site in policy.sites.values()))


def _notes(policy: Policy, prepared: Prepared, output: Output) -> None:
    if policy.paused:
        output.notes.append("paused: no rule is written")
    elif _is_off(policy):
        output.notes.append("blocking is off everywhere: the lists are left out")
    elif prepared.rules_out > MOST_RULES:
        output.notes.append(
            f"{prepared.rules_out:,} rules of lists; a browser keeps room for {MOST_RULES:,}, and takes more of them "
            "only as long as other extensions leave it room: the last files are passed over first"
        )


def _manifest(wanted: Wanted, files: list[str], sheets: list[dict[str, object]], instead: bool) -> bytes:
    manifest: dict[str, object] = {
        "manifest_version": 3,
        "name": "blockctl rules",
        "version": "1.0",
        "description": "What the policy file says, and the lists it names; made by blockctl, not to be edited.",
        "permissions": ["declarativeNetRequest"],
        "host_permissions": ["<all_urls>"],  # without it no header can be changed
        "declarative_net_request": {
            "rule_resources": [{"id": name.partition(".")[0], "enabled": True, "path": name} for name in files]
        },
    }
    if wanted.firefox:
        gecko = {"id": "rules@blockctl", "strict_min_version": f"{wanted.version}.0"}
        manifest["browser_specific_settings"] = {"gecko": gecko}
    else:
        manifest["minimum_chrome_version"] = str(wanted.version)
    if sheets:
        manifest["content_scripts"] = sheets
    if instead:
        manifest["web_accessible_resources"] = [{"resources": [f"{FOLDER}/*"], "matches": ["<all_urls>"]}]
    return (json.dumps(manifest, indent=1) + "\n").encode("ascii")


def written(rules: Iterable[Said]) -> bytes:
    """Return the bytes of a rule file. Priority 1 is what DNR takes where none is written."""
    lines = []
    for number, (priority, action, condition) in enumerate(rules, start=1):
        rank = f'"priority":{priority},' if priority > 1 else ""
        lines.append(f'{{"id":{number},{rank}"action":{action},"condition":{{{condition[1:]}}}}}')
    return ("[" + ",\n".join(lines) + "]\n").encode("ascii")


def _count(each: FilterList) -> int:
    columns = (each.exact, each.subtree, each.allow_exact, each.allow_subtree)
    return sum(map(len, columns)) + len(each.rules) + len(each.cosmetics)
