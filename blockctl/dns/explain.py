"""`why.NAME.blockctl.`: what would be answered for a name, and why, as lines of text in TXT records."""

from __future__ import annotations

from collections.abc import Sequence

from blockctl.dns import reasons
from blockctl.dns.compose import Sections, write_sections
from blockctl.dns.exchange import Reason, Verdict
from blockctl.dns.wire import (
    ANY,
    IN,
    NOERROR,
    NXDOMAIN,
    TXT,
    Question,
    Record,
    kind_text,
    name_text,
    rdata_text,
)
from blockctl.model.decide import Step

TEXT_ZONE = reasons.ZONE
_WHY = b"\x03why"
_MAX_STRING = 255  # RFC 1035, section 3.3
_TOLD = 12  # records of an answer
USAGE = "ask for TXT of why.NAME.blockctl, such as why.ads.example.blockctl"


def name_in(question: Question) -> bytes | None:
    """Return the name that a `why` question is about, b"" when it names none; None when it is no such question."""
    name = question.name
    if not name.startswith(_WHY) or len(name) < len(_WHY) + len(TEXT_ZONE):
        return None
    about = name[len(_WHY) : -len(TEXT_ZONE)]
    return about + b"\0" if about else b""


def is_ours(question: Question) -> bool:
    """Whether a question is about a name in our own zone."""
    name = question.name
    if not name.endswith(TEXT_ZONE):
        return False
    at = 0
    while len(name) - at > len(TEXT_ZONE):
        at += 1 + name[at]
    return len(name) - at == len(TEXT_ZONE)


def answer(question: Question, lines: Sequence[str] | None) -> tuple[int, Sections]:
    """Return the code and the records that tell those lines; None: there is no such name."""
    if lines is not None and question.kind in (TXT, ANY):
        return NOERROR, write_sections(question, [Record(question.name, TXT, IN, 0, _strings(line)) for line in lines])
    return NXDOMAIN if lines is None else NOERROR, reasons.NOTHING_THERE


def lines_about(
    name: bytes, verdict: Verdict, local: str, led: Reason | None, known: Sequence[Record], *, paths: bool = False
) -> list[str]:
    """Return what is said of a name: `local`: why it is answered here; `led`: why its last answer is not given.

    `paths`: files are told with the folders that they are in.
    """
    text = name_text(name)
    reason = verdict.reason
    if local and not verdict.blocked:
        lines = [f"{text} is answered here: {local}"]
    elif verdict.blocked and reason:
        lines = [f"{text} is blocked", *_by(reason, paths), _remedy(reason, text)]
    elif verdict.rewrite is not None and reason:
        lines = [f"{text} is rewritten", *_by(reason, paths)]
    elif led:
        lines = [f"{text} is blocked: its answer leads to {led.name} ({led.via})", *_by(led, paths)]
        lines.append(_remedy(led, text))
    else:
        lines = [f"{text} is let through", *(_by(reason, paths) if reason else ["nothing speaks of it"])]
        paused = reason is not None and reason.step is Step.PAUSE
        lines.append("end the pause: blockctl resume" if paused else f"block it: {reasons.deny_command(text)}")
    told = [f"{kind_text(record.kind)} {rdata_text(record.kind, record.rdata)}" for record in known[:_TOLD]]
    return [*lines, *([f"its last answer: {', '.join(told)}"] if told else [])]


def _by(reason: Reason, paths: bool) -> list[str]:
    origin = reason.rule.origin
    file = reasons.shortened(origin.file if paths else reasons.last_part(origin.file), from_the_end=True)
    where = f"{file}:{origin.line}" if origin.line else file
    return [f"by {where}: {reasons.shortened(reason.rule.text)}", f"step: {reason.step.value}"]


def _remedy(reason: Reason, asked: str) -> str:
    return f"let it through: {reasons.remedy(reason, asked).removeprefix('to allow: ')}"


def _strings(line: str) -> bytes:
    data = line.encode("utf-8", "replace")
    pieces = [data[at : at + _MAX_STRING] for at in range(0, len(data), _MAX_STRING)]
    return b"".join(bytes((len(piece),)) + piece for piece in pieces)
