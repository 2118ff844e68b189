"""What each backend writes, case by case, in tests/golden/*.md.

A `##` heading is a case. Its first fence is the input: a list in the format that the fence names, or a `policy`; a
policy may be followed by a list in a fence marked `list` (`adblock list`). Every other fence names a backend, with
options as `key=value`, and holds what it writes: rules without headings and comments (for Safari each behind the name
of its file), then a `gap` line for each rule that the engine cannot express. `pytest --update` (without `-n`) rewrites
those fences.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from blockctl.backends.output import Output
from blockctl.compiler import compile_texts
from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import ListText
from blockctl.model.policy import ListSource, Policy, Target
from blockctl.policy.read import read_policy
from tests.shipped import NOW

FOLDER = Path(__file__).with_name("golden")
FENCE = re.compile(r"^```(?P<info>[^\n]+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
COMMENT = {**dict.fromkeys(("ublock", "adguard", "adguard-browser", "adguard-safari"), "!"), "rpz": ";"}
BOILERPLATE = {"rpz": re.compile(r"^(\$TTL|\$ORIGIN|@)|\s(SOA|NS)\s"), "unbound": re.compile(r"^server:$")}


@dataclass(frozen=True)
class Case:
    """One case, and where its text stands in its file."""

    file: Path
    name: str
    start: int
    end: int
    policy: str = "version: 1\n"
    lists: list[tuple[str, str]] = field(default_factory=list)  # format, text
    wanted: list[tuple[str, str]] = field(default_factory=list)  # info of the fence, body


def cases() -> Iterator[Case]:
    """Yield every case of every file."""
    for file in sorted(FOLDER.glob("*.md")):
        text = file.read_text(encoding="utf-8")
        headings = list(HEADING.finditer(text))
        for heading, following in zip(headings, [*headings[1:], None], strict=True):
            end = following.start() if following else len(text)
            yield read_case(file, heading.group(1), heading.end(), end, text[heading.end() : end])


def read_case(file: Path, name: str, start: int, end: int, text: str) -> Case:
    """Return one case."""
    case = Case(file, name, start, end)
    for number, fence in enumerate(FENCE.finditer(text)):
        word, *rest = fence["info"].split()
        if word == "policy":
            case = replace(case, policy=fence["body"])
        elif number == 0 or rest == ["list"]:
            case.lists.append((word, fence["body"]))
        else:
            case.wanted.append((fence["info"], fence["body"]))
    return case


def written(case: Case, info: str) -> str:
    """Return what the backend of a fence writes."""
    backend, *words = info.split()
    policy, diagnostics = read_policy(case.policy, "policy.yaml")
    assert [str(each) for each in diagnostics] == []
    sources = [ListSource(f"list{number}", Origin("policy.yaml")) for number, _ in enumerate(case.lists)]
    texts = [
        ListText(replace(source, format=form), f"{source.name}.txt", text.encode(), f"digest of {number}")
        for number, (source, (form, text)) in enumerate(zip(sources, case.lists, strict=True))
    ]
    target = Target(backend, backend, "out", Origin("policy.yaml"), dict(word.split("=") for word in words))
    ready: Policy = replace(policy.at(NOW), lists=tuple(text.source for text in texts))
    return render(backend, compile_texts(ready, texts, [target])[backend])


def render(backend: str, output: Output) -> str:
    """Return an output as people read it."""
    lines: list[str] = []
    for name, pieces in sorted(output.files.items()):
        data = b"".join(bytes(piece) for piece in pieces).decode()
        if backend == "safari":
            if name.endswith(".json"):
                rules = [json.dumps(rule, ensure_ascii=False) for rule in json.loads(data) if not is_filler(rule)]
                lines += [f"{name.removesuffix('.json')} {rule}" for rule in rules]
            continue
        comment, boilerplate = COMMENT.get(backend, "#"), BOILERPLATE.get(backend)
        rules = [line for line in data.splitlines() if line.strip() and not line.startswith(comment)]
        lines += [line for line in rules if not (boilerplate and boilerplate.search(line))]
    lines += [f"gap {gap.reason}: {gap.text}" for gap in output.gaps.kept]
    return "".join(f"{line}\n" for line in lines)


def is_filler(rule: dict[str, Any]) -> bool:
    """Whether a rule only keeps a file from being empty, which Safari would refuse."""
    return bool(rule["action"].get("selector") == "blockctl-nothing")


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: f"{case.file.stem}: {case.name}")
def test_golden(case: Case, request: pytest.FixtureRequest) -> None:
    assert case.wanted, "the case names no backend"
    made = [(info, written(case, info)) for info, _ in case.wanted]
    if request.config.getoption("--update"):
        rewrite(case, dict(made))
    else:
        assert made == case.wanted


def rewrite(case: Case, made: dict[str, str]) -> None:
    """Put what the backends write into the case's fences."""
    text = case.file.read_text(encoding="utf-8")
    heading = re.search(rf"^## {re.escape(case.name)}$", text, re.MULTILINE)
    assert heading
    following = HEADING.search(text, heading.end())
    end = following.start() if following else len(text)
    first = True

    def fence(match: re.Match[str]) -> str:
        nonlocal first
        was_first, first = first, False
        info = match["info"]
        return match[0] if was_first or info not in made else f"```{info}\n{made[info]}```"

    section = FENCE.sub(fence, text[heading.end() : end])
    case.file.write_text(text[: heading.end()] + section + text[end:], encoding="utf-8")


def test_the_rendering_shows_rules_and_gaps() -> None:
    output = Output({"": [b"# heading\nserver:\n", b'local-zone: "a.example." always_nxdomain\n']})
    output.gaps.add("page", Origin("list.txt", 3), "||a^$domain=b")
    assert render("unbound", output) == 'local-zone: "a.example." always_nxdomain\ngap page: ||a^$domain=b\n'


def test_headings_are_unique() -> None:
    names = [(case.file, case.name) for case in cases()]
    assert len(set(names)) == len(names) >= 20
