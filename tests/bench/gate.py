"""The gate measured: a list of 1,000,000 names against 100,000 that matter, and versions of real lists.

`python -m tests.bench.gate` prints CPU seconds of judging alone (names packed, as a sync has them from its memory) and
with the reading of the new version. The lists and the names that matter are the developers' corpus.

`python -m tests.bench.gate OLD NEW` judges versions of the same lists, files of equal names in two folders, against the
names of the request log (as what the household asked for) and popular sites, and prints what would be held. So
does `--churn`, for the corpus' lists with one line in a hundred replaced by lines of another list of its kind.
"""

from __future__ import annotations

import gc
import gzip
import json
import random
import statistics
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from blockctl.io.known import known_names, with_www
from blockctl.io.versions import version_of
from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import ListText
from blockctl.model.policy import ListSource, Policy
from blockctl.parsers import parse
from blockctl.policy.gate import Known, Standing, Version, judge
from blockctl.policy.gate_names import speech
from blockctl.policy.gate_nouns import Concern
from tests.bench.measure import CORPUS, machine

NAMES, KNOWN = 1_000_000, 100_000
RANKING = 50_000
RUNS = 5
STATE = Path("no such folder")
FILE = "https://lists.example/list.txt"


def read(data: bytes, *, dns: bool, name: str = "list") -> Version:
    """Parse a version of a list."""
    source = ListSource(name, Origin("policy.yaml"), url=FILE, browser=not dns, dns=dns)
    text = ListText(source, FILE, data, "")
    return version_of([(text, parse(data, FILE, dns_only=dns))])


def corpus_lists() -> Iterator[tuple[str, bytes, bool]]:
    """Yield the lists of the corpus: name, text, whether it is for DNS."""
    for path in sorted(CORPUS.glob("dns/**/*.gz")) + sorted(CORPUS.glob("browser/*/*.txt.gz")):
        name = str(path.relative_to(CORPUS))
        if not path.name.endswith(".tar.gz"):
            yield name, gzip.decompress(path.read_bytes()), name.startswith("dns/")
            continue
        with tarfile.open(path) as archive:
            for member in archive:
                if (file := archive.extractfile(member)) is not None:
                    yield f"{name}/{member.name}", file.read(), True


def popular(count: int) -> list[str]:
    """Return the names of popular sites."""
    names: dict[str, None] = {}
    for file in ("top50k-2025.csv.gz", "alexa-top100k-2016.txt.gz"):
        for line in gzip.decompress((CORPUS / "sites" / file).read_bytes()).decode().splitlines():
            words = [word for word in line.replace('"', "").split(",") if "." in word and not word[:1].isspace()]
            names |= dict.fromkeys(words[:1])
    return list(names)[:count]


def requested() -> dict[str, str]:
    """Return the hosts of the request log."""
    lines = gzip.decompress((CORPUS / "requests" / "requests.train.jsonl.gz").read_bytes()).splitlines()
    counts = Counter(urlsplit(json.loads(line)["url"]).hostname or "" for line in lines)
    return {host: f"asked for {count:,} times" for host, count in counts.items() if "." in host}


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds that something takes, the median of some runs."""
    taken = []
    for _ in range(RUNS):
        gc.collect()
        gc.disable()
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
        gc.enable()
    return statistics.median(taken)


def figures() -> None:
    """Print what the gate costs."""
    names = sorted({name for _, data, dns in corpus_lists() if dns for name in _names(data)})
    random.Random(1).shuffle(names)
    sites = popular(KNOWN)
    matter = set(with_www(dict.fromkeys(sites, "")))
    old = [name for name in names if name not in matter][: NAMES - 10_000]
    churned = old[10_000:] + [f"new{number}.example.net" for number in range(20_000)]
    known = Known({Concern.POPULAR: dict.fromkeys(sites, "")})
    before = read("\n".join(old).encode(), dns=True)
    standing = Standing(Policy("policy.yaml"))
    print(machine())
    print(f"{len(churned):,} names, {len(known):,} that matter; CPU seconds, median of {RUNS}")
    for what, extra in (("1 % churn", []), ("and 100 popular sites", sites[:100]), ("and all popular sites", sites)):
        data = "\n".join([*churned, *extra]).encode()
        after = read(data, dns=True)
        holds = judge(before, after, known, standing)
        told = sum(len(hold.blocked) for hold in holds)
        alone = seconds(lambda after=after: judge(before, after, _fresh(known), standing))  # type: ignore[misc]
        both = seconds(lambda data=data: judge(before, read(data, dns=True), _fresh(known), standing))  # type: ignore[misc]
        print(f"{what:<24} judging {alone:.2f}, with reading {both:.2f}; {len(holds)} holds on {told:,} names")


def _fresh(known: Known) -> Known:
    """Return the same names, nothing of them worked out yet."""
    return Known({Concern.POPULAR: {name: why for name, (_, why) in known.why.items()}})


def _names(data: bytes) -> list[str]:
    version = read(data, dns=True)
    return [key[-2::-1] for packed in version.parsed.packed.values() for key in str(packed, "ascii").split()]


def household(live: list[Version], ranking: int) -> Known:
    """Return what matters to a household that visits what the log visits, less what these lists block already.

    `ranking`: how many sites of a public ranking count, beside those that ship.
    """
    shipped = known_names(Policy("policy.yaml"), STATE, datetime.now(UTC))
    asked = Known({Concern.HOUSEHOLD: requested()})
    blocked = {name for version in live for name in speech(version, asked.names).effective}
    return Known(
        {
            Concern.HOUSEHOLD: {name: why for name, why in requested().items() if name not in blocked},
            Concern.ESSENTIAL: {name: shipped.why[name][1] for name in shipped.of(Concern.ESSENTIAL)},
            Concern.POPULAR: with_www(dict.fromkeys(popular(ranking), ""))
            | dict.fromkeys(shipped.of(Concern.POPULAR), ""),
        }
    )


def tell(pairs: list[tuple[str, Version, Version]], ranking: int) -> None:
    """Judge versions, each beside the old versions of the others, and print what is held."""
    known = household([before for _, before, _ in pairs], ranking)
    of_log = len(known.of(Concern.HOUSEHOLD))
    print(f"{len(pairs)} lists, {len(known):,} names that matter ({of_log:,} of the log, {ranking:,} of a ranking)")
    kinds: Counter[str] = Counter()
    held = 0
    for name, before, after in pairs:
        standing = Standing(Policy("policy.yaml"), [each for other, each, _ in pairs if other != name])
        holds = judge(before, after, known, standing)
        held += bool(holds)
        kinds.update(hold.kind.value for hold in holds)
        for hold in holds:
            named = [f"{each.name} <- {_lines(each.lines)}" for each in hold.blocked[:8]]
            print(f"  {name}: {hold.message}", *named, sep="\n      ")
    print(f"{held} of {len(pairs)} held: {dict(kinds)}")


def _lines(lines: tuple[object, ...]) -> str:
    return "; ".join(str(getattr(line, "text", line)) for line in lines[:2])


def main(words: list[str]) -> None:
    """Run what the words ask for."""
    if words == ["--churn"]:
        pairs = list(_churned())
        for ranking in (0, RANKING):
            tell(pairs, ranking)
    elif words:
        old, new = map(Path, words)
        names = sorted(path.name for path in old.iterdir() if (new / path.name).is_file())
        pairs = [
            (name, *(read((side / name).read_bytes(), dns=False, name=name) for side in (old, new))) for name in names
        ]
        for ranking in (0, RANKING):
            tell(pairs, ranking)  # type: ignore[arg-type]
    else:
        figures()


def _churned() -> Iterator[tuple[str, Version, Version]]:
    """Yield lists with one line in a hundred taken out of the version before, and so new in the one after."""
    choose = random.Random(1)
    for name, data, dns in corpus_lists():
        after = read(data, dns=dns, name=name)
        lines = data.split(b"\n")
        if after.parsed.format and len(lines) > 1000:
            kept = [line for line in lines if not line.strip() or choose.random() > 0.01]
            yield name, read(b"\n".join(kept), dns=dns, name=name), after


if __name__ == "__main__":
    main(sys.argv[1:])
