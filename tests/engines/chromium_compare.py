"""Requests asked of Chromium, with what we write for declarativeNetRequest loaded, against what `decide()` says."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from blockctl.backends.output import Output
from blockctl.model.request import Kind
from tests.engines.chromium import Chromium, question
from tests.engines.judge import Judged
from tests.engines.ledger import first_reason, record
from tests.engines.shrink import shrink
from tests.engines.worlds import Question, World

SHOWN = int(os.environ.get("BLOCKCTL_SHOWN", "3"))  # disagreements that are shrunk and shown
OTHERS = ("other", "object", "csp_report", "webtransport", "webbundle")
TURNS = 5  # how often a request may be sent on before we call it a loop


def verdicts(chromium: Chromium, output: Output, questions: Sequence[Question]) -> list[bool]:
    """Return whether each request is blocked, or answered by something of ours in place of it.

    One that is sent on without some of its parameters is a new request, and asked again.
    """
    rules = chromium.load(output)
    asked = [question(each.url, each.page, kind_word(each), each.frame) for each in questions]
    found = [False] * len(asked)
    waiting = list(range(len(asked)))
    for _ in range(TURNS):
        answers = chromium.ask([asked[at] for at in waiting])
        again = []
        for at, matched in zip(waiting, answers, strict=True):
            actions = [rules[each]["action"] for each in matched]
            found[at] = any(map(holds_back, actions))
            if (url := sent_on(asked[at]["url"], actions)) != asked[at]["url"]:
                asked[at] |= {"url": url}
                again.append(at)
        if not again:
            return found
        waiting = again
    raise AssertionError(f"sent on and on: {[asked[at] for at in waiting][:3]}")


def kind_word(question: Question) -> str:
    """Return what the kind is called: what is `other` to us has several names in Chromium, each asked in its turn."""
    return (
        OTHERS[sum(question.url.encode()) % len(OTHERS)]
        if question.kind is Kind.OTHER
        else str(question.kind.name).lower()
    )


def holds_back(action: Mapping[str, Any]) -> bool:
    """Whether the request itself is not made."""
    return action["type"] == "block" or (action["type"] == "redirect" and "extensionPath" in action["redirect"])


def sent_on(url: str, actions: Sequence[Mapping[str, Any]]) -> str:
    """Return the address after what the rules change of it."""
    for action in actions:
        transform = action.get("redirect", {}).get("transform")
        if transform is not None:
            parts = urlsplit(url)
            unwanted = set(transform.get("queryTransform", {}).get("removeParams", ()))
            kept = [] if "query" in transform else parts.query.split("&")
            query = "&".join(each for each in kept if each.partition("=")[0] not in unwanted)
            url = urlunsplit(parts._replace(query=query))
    return url


@dataclass
class Told:
    """What came of a comparison."""

    asked: int = 0
    agreed: int = 0
    gaps: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[Judged, Question, bool]] = field(default_factory=list)  # what Chromium answered, unexplained

    def ask(self, chromium: Chromium, judged: Judged, output: Output | None = None) -> None:
        """Ask all questions of a world and judge the answers."""
        output = output or judged.output("dnr")
        questions = judged.world.questions
        for each, blocked in zip(questions, verdicts(chromium, output, questions), strict=True):
            self.asked += 1
            if blocked == judged.decide(each).blocked:
                self.agreed += 1
            elif reasons := judged.explained_by(output, "dnr", each, blocked):
                self.gaps[first_reason(reasons)] += 1
            else:
                self.wrong.append((judged, each, blocked))

    def smallest(self, chromium: Chromium) -> str:
        """Return the smallest worlds that show the first disagreements."""

        def disagrees(world: World, asked: Question) -> bool:
            judged = Judged(world)
            output = judged.output("dnr")
            (blocked,) = verdicts(chromium, output, [asked])
            return blocked != judged.decide(asked).blocked and not judged.explained_by(output, "dnr", asked, blocked)

        return "\n\n".join(str(shrink(judged.world, each, disagrees)) for judged, each, _ in self.wrong[:SHOWN])

    def plainly(self) -> str:
        """Return the disagreements as they are, for lists too long to shrink."""
        rows = [f"{each}: Chromium {blocked}, {judged.decide(each)}" for judged, each, blocked in self.wrong[:40]]
        return f"{len(self.wrong)} of {self.asked} differ\n" + "\n".join(rows)

    def close(self, part: str, seconds: float, seed: int | None = None) -> None:
        """Write the comparison down."""
        record("chromium", part, questions=self.asked, agreed=self.agreed, gaps=self.gaps, seed=seed, seconds=seconds)
