"""What every line format shares: what a line says, and how lines become columns, counts and diagnostics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from blockctl.model.diagnostic import Diagnostic, Origin, Severity
from blockctl.model.filterlist import FilterList
from blockctl.model.rule import Effect, Rule, Scope
from blockctl.parsers.bulk import Shape, Taken, take
from blockctl.parsers.listed import Fault, clean_blanks, read_name, shown
from blockctl.parsers.text import MAX_LINE


@dataclass(frozen=True, slots=True)
class Word:
    """One thing a line says of one name."""

    host: str
    scope: Scope
    effect: Effect = Effect.BLOCK


@dataclass(slots=True)
class Said:
    """What one line says. Neither words nor faults: the line is known to say nothing."""

    words: list[Word] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def name(self, text: str, scope: Scope, effect: Effect = Effect.BLOCK) -> None:
        """Add what the line says of a name as written, or what is wrong with the name."""
        host = read_name(text, allowing=effect is Effect.ALLOW)
        if isinstance(host, Fault):
            self.faults.append(host)
        else:
            self.words.append(Word(host, scope, effect))

    def fault(self, code: str, message: str, hint: str = "", severity: Severity = Severity.ERROR) -> Said:
        """Add a fault; return the line's answer."""
        self.faults.append(Fault(code, message, hint, severity))
        return self


Reader = Callable[[str], Said]  # reads one line, carefully


def read_with(reader: Reader, line: str) -> Said:
    """Read one line, whatever characters it has and however long it is."""
    if len(line) > MAX_LINE:
        return Said().fault("L112", f"a line of {len(line):,} characters; no rule is that long")
    plain = clean_blanks(line)
    said = reader(plain)
    if said.words and plain.partition("#")[0] != line.partition("#")[0]:
        said.fault("L111", "invisible characters or odd blanks were left out", shown(line.strip()), Severity.WARNING)
    return said


def read_list(text: str, file: str, format_: str, shape: Shape, reader: Reader) -> tuple[FilterList, Taken]:
    """Read a list but for the names of its clean lines, which the caller puts where the format says."""
    taken = take(text, shape)
    parsed = FilterList(file, format_)
    parsed.clean = taken.clean()
    counts = parsed.counts
    counts.lines = taken.lines
    counts.rules = taken.clean_lines
    for number, line in taken.residue():
        said = read_with(reader, line)
        if said.words:
            counts.rules += 1
        elif said.faults:
            counts.refused += 1
        else:
            counts.nothing += 1
            continue
        for word in said.words:
            place(parsed, word, number, line)
        for fault in said.faults:
            report(parsed, fault, number)
    return parsed, taken


def place(parsed: FilterList, word: Word, number: int, line: str) -> None:
    """Put what a line says where it belongs in the list."""
    block = word.effect is Effect.BLOCK
    if word.scope is Scope.EXACT:
        (parsed.exact if block else parsed.allow_exact).add(word.host)
    elif word.scope is Scope.SUBTREE:
        (parsed.subtree if block else parsed.allow_subtree).add(word.host)
    else:
        parsed.rules.append(Rule(word.effect, Origin(parsed.file, number), line.strip(), word.host, word.scope))


def report(parsed: FilterList, fault: Fault, number: int) -> None:
    """Make a diagnostic of a fault; only count it where the log would not keep it."""
    log = parsed.diagnostics
    if log.count[fault.code] >= log.keep:
        log.count[fault.code] += 1
        return
    origin = Origin(parsed.file, number)
    log.add(Diagnostic(fault.code, origin, fault.message, fault.hint, fault.severity))


def is_comment(line: str) -> bool:
    """Whether a stripped line is blank or a comment in the ways all name lists write them."""
    return not line or line[0] in "#!;" or line.startswith("//")
