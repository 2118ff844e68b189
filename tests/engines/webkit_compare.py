"""Worlds asked of WebKit: what we write for Safari, in force as content blockers, against what `decide()` says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from blockctl.backends.output import Output
from blockctl.model.request import Kind
from tests.engines.judge import Judged
from tests.engines.ledger import first_reason, record
from tests.engines.shrink import shrink
from tests.engines.webkit import Ask, WebKit
from tests.engines.worlds import Question, World

AT_ONCE = 50  # worlds whose questions go to WebKit together, page by page


def kind_word(question: Question) -> str:
    """Return what `webkit_ask.js` calls the kind."""
    return str(question.kind.name).lower()


def content_blockers(output: Output) -> dict[str, bytes]:
    """Return the files that Safari reads."""
    return {name: b"".join(chunks) for name, chunks in output.files.items() if name.endswith(".json")}


def install(webkit: WebKit, output: Output) -> list[str]:
    """Compile every file of an output; return what WebKit calls them. A file that it refuses is an error."""
    files = content_blockers(output)
    names = webkit.compile_all(files.values())
    refused = {file: webkit.compiled[name].error for file, name in zip(files, names, strict=True)}
    assert not any(refused.values()), refused
    return names


@dataclass
class Told:
    """What came of a comparison."""

    asked: int = 0
    agreed: int = 0
    gaps: Counter[str] = field(default_factory=Counter)
    void: Counter[str] = field(default_factory=Counter)  # by kind: fails without content blockers too
    wrong: list[tuple[Judged, Question, bool]] = field(default_factory=list)  # what WebKit answered, unexplained

    def add(self, judged: Judged, output: Output, question: Question, blocked: bool | None) -> None:
        """Judge one answer."""
        if blocked is None:
            self.void[kind_word(question)] += 1
            return
        self.asked += 1
        if blocked == judged.decide(question).blocked:
            self.agreed += 1
        elif reasons := judged.explained_by(output, "safari", question, blocked):
            self.gaps[first_reason(reasons)] += 1
        else:
            self.wrong.append((judged, question, blocked))

    def close(self, part: str, seed: int | None, seconds: float) -> None:
        """Write the comparison down; nothing may be unexplained, and next to nothing may be left without an answer."""
        print(f"could not be tried: {self.void.total()} of {self.asked + self.void.total()}: {dict(self.void)}")
        assert self.void.total() <= self.asked / 100, self.void
        record("webkit", part, questions=self.asked, agreed=self.agreed, gaps=self.gaps, seed=seed, seconds=seconds)


def ask_all(
    webkit: WebKit, worlds: Sequence[World], options: dict[str, str] | None = None, at_once: int = AT_ONCE
) -> Told:
    """Ask every question of these worlds; the content blockers of a world are forgotten when it is done."""
    told = Told()
    for at in range(0, len(worlds), at_once):
        judges = [Judged(world) for world in worlds[at : at + at_once]]
        outputs = [judged.output("safari", {"package": "off", **(options or {})}) for judged in judges]
        before = set(webkit.compiled)
        blockers = [install(webkit, output) for output in outputs]
        asks, places = [], []
        for number, judged in enumerate(judges):
            for page, questions in by_page(judged.world.questions).items():
                asks.append(Ask(page, blockers[number], [(each.url, kind_word(each)) for each in questions]))
                places.append((number, questions))
        for (number, questions), answer in zip(places, webkit.ask(asks), strict=True):
            for question, blocked in zip(questions, answer.verdicts, strict=True):
                told.add(judges[number], outputs[number], question, blocked)
        webkit.forget(set(webkit.compiled) - before)
    return told


def by_page(questions: Iterable[Question]) -> dict[str, list[Question]]:
    """Return the questions of each page; a document has no page but its own, so it goes with any."""
    found: dict[str, list[Question]] = defaultdict(list)
    documents = []
    for question in questions:
        if question.kind is Kind.DOCUMENT:
            documents.append(question)
        else:
            found[question.page].append(question)
    if documents:  # last, for the page is another one behind them
        found[max(found, default=documents[0].page)].extend(documents)
    return found


def smallest(webkit: WebKit, told: Told, most: int = 3) -> str:
    """Return the smallest worlds for the first disagreements that look different, to be read by a person."""
    texts = []
    for judged, question, blocked in told.wrong[:most]:

        def disagrees(world: World, one: Question) -> bool:
            asked = ask_all(webkit, [World(world.policy, world.lists, [one])])
            return bool(asked.wrong)

        small = shrink(judged.world, question, disagrees)
        said = "blocks" if blocked else "lets through"
        files = content_blockers(Judged(small).output("safari", {"package": "off"}))
        rules = "".join(f"--- {name}\n{data.decode()}" for name, data in files.items())
        decision = Judged(small).decide(question)
        texts.append(f"WebKit {said}, decide() says {decision.step} {decision.rule}\n{small}\n{rules}")
    return "\n\n".join(texts)
