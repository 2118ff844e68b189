"""A running `blockctl serve` and real unbound and dnsmasq with the exported rules say the same of every name.

All read the same policy and list files; all ask an upstream that knows every name. A name is blocked where the
upstream's answer does not come through.
"""

from __future__ import annotations

import gzip
import json
import tarfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from random import Random

import pytest

from blockctl.io.lists import builtin
from blockctl.model.filterlist import FilterList
from blockctl.parsers import parse
from tests.backends.dns_worlds import names_below
from tests.engines import dns_engines
from tests.engines.dns_engines import Upstream
from tests.engines.ledger import record
from tests.engines.require import missing, require
from tests.serve.running import Running, serving

DNS = Path(__file__).parents[2] / "../shared/corpus/dns"
# engine -> our target, and the file it writes
TARGETS = {"unbound": "unbound", "unbound-rpz": "rpz", "bind": "rpz", "dnsmasq": "dnsmasq"}
FILES = {"unbound": "unbound.conf", "rpz": "rpz.zone", "dnsmasq": "dnsmasq.conf"}
CHUNK = 60_000  # names asked before ids begin anew
POLICY = """\
version: 1
hosts: {hosts}
sites: {sites}
protect: {protect}
lists: {lists}
resolver:
  listen: ["127.0.0.1:PORT"]
  upstreams: ["127.0.0.1:{upstream}"]
  log: off
targets:
  unbound: {{path: unbound.conf}}
  rpz: {{path: rpz.zone}}
  dnsmasq: {{path: dnsmasq.conf}}
"""


@dataclass
class Case:
    """A policy and list files, and names to ask for."""

    lists: dict[str, str] = field(default_factory=dict)  # file -> text
    builtins: tuple[str, ...] = ()
    hosts: dict[str, list[str]] = field(default_factory=lambda: {"allow": [], "deny": []})
    sites: dict[str, object] = field(default_factory=dict)
    protect: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def policy(self, upstream: int) -> str:
        lists = [{"name": f"list{number}", "path": path} for number, path in enumerate((*self.lists, *self.builtins))]
        named = {"hosts": self.hosts, "sites": self.sites, "protect": self.protect, "lists": lists}
        return POLICY.format(upstream=upstream, **{key: json.dumps(value) for key, value in named.items()})


def blocked(port: int, names: list[str]) -> set[str]:
    found = set()
    for start in range(0, len(names), CHUNK):
        answers = dns_engines.ask(port, names[start : start + CHUNK])
        assert set(answers.values()) <= {"reached", "nxdomain", "nodata"}, set(answers.values())
        found.update(name for name, answer in answers.items() if answer != "reached")
    return found


def compare(case: Case, folder: Path, engines: Iterable[str], part: str) -> int:
    """Ask all for every name; return how many are blocked. What the export names as a gap may differ, nothing else."""
    upstream = Upstream()
    upstream.start()
    try:
        with serving(folder, case.policy(upstream.port), **case.lists) as running:
            ours = blocked(running.port, case.names)
            report = compiled(running)
    finally:
        upstream.stop()
    for engine in engines:
        place = folder / f"run-{engine}"
        place.mkdir()
        began = time.monotonic()
        with dns_engines.serving(engine, (folder / FILES[TARGETS[engine]]).read_text(), place) as port:
            theirs = blocked(port, case.names)
        assert theirs - ours == set(), engine
        given = apart(report, TARGETS[engine])
        gaps = {name for name in ours - theirs if is_at_or_below(name, given)}
        assert ours - theirs == gaps, engine
        record(
            engine, part, questions=len(case.names), agreed=len(case.names) - len(gaps),
            gaps=+Counter(apart=len(gaps)), seconds=time.monotonic() - began,
        )  # fmt: skip
    return len(ours)


def compiled(running: Running) -> dict[str, object]:
    """Have all outputs written beside the policy; return the report."""
    done = running.run("compile", "--json")
    assert done.returncode == 0, done.stderr
    report: dict[str, object] = json.loads(done.stdout)
    return report


def apart(report: dict[str, object], target: str) -> set[str]:
    """Return the names that unbound's zones cannot part from what is below them, as the report says."""
    gaps = report["targets"][target]["gaps"].get("apart", {"rules": []})  # type: ignore[index]
    return {rule["text"].strip("@|^*.") for rule in gaps["rules"]}


def is_at_or_below(name: str, tops: set[str]) -> bool:
    labels = name.split(".")
    return any(".".join(labels[start:]) in tops for start in range(len(labels)))


def some(chance: Random, names: list[str], most: int) -> list[str]:
    return chance.sample(names, min(chance.randint(0, most), len(names)))


def add_world(case: Case, chance: Random, top: str, apart: bool) -> None:
    """Add a small world below a name: lists of three formats and a policy that contradict each other.

    With `apart`, a name and what is below it may be told apart by an exception or a wildcard.
    """
    names = names_below(top, 2)
    deep = [f"{label}.{name}" for name in chance.sample(names, 6) for label in ("a", "x")]
    names += deep

    def say(file: str, form: str, most: int) -> None:
        case.lists[file] = case.lists.get(file, "") + "".join(form.format(name) for name in some(chance, names, most))

    say("adblock.txt", "||{}^\n", 4)
    say("adblock.txt", "@@||{}^\n", 3)
    say("adblock.txt", "||{}^$important\n", 1)
    for name in some(chance, names, 2):
        holes = [each for each in names if each.endswith(f".{name}")]
        if holes:
            case.lists["adblock.txt"] += f"||{name}^$denyallow={'|'.join(some(chance, holes, 2) or holes[:1])}\n"
    say("hosts.txt", "0.0.0.0 {}\n", 4)
    if apart:
        say("zone.txt", "{} CNAME .\n", 2)
        say("zone.txt", "*.{} CNAME .\n", 2)
        say("zone.txt", "{} CNAME rpz-passthru.\n", 2)
    for name in some(chance, names, 3):
        case.hosts[chance.choice(("allow", "deny"))].append(name)
    for name in some(chance, names, 2):
        entry: dict[str, object] = {"blocking": "off"} if chance.random() < 0.4 else {}
        case.sites[name] = entry | {"allow": some(chance, names, 1), "deny": []}
    case.protect += some(chance, names, 1)
    case.names += [*names, *(f"{label}.{name}" for name in deep for label in ("a", "y.z"))]


ENGINES = [
    pytest.param(("dnsmasq", "unbound-rpz", "bind"), True, id="apart"),
    pytest.param(("unbound",), False, id="unbound"),
]


@pytest.mark.parametrize(("engines", "apart"), ENGINES)
def test_random_worlds(tmp_path: Path, engines: tuple[str, ...], apart: bool) -> None:
    for engine in engines:
        require(engine.partition("-")[0])
    case = Case({"zone.txt": "@ SOA localhost. root.localhost. 1 1 1 1 1\n"} if apart else {})
    for seed in range(60):
        add_world(case, Random(seed), f"w{seed}.example", apart)
    assert len(case.names) / 10 < compare(case, tmp_path, engines, "worlds") < len(case.names)


def mentioned(parsed: FilterList) -> set[str]:
    """Return every name that a list speaks of."""
    found = parsed.exact | parsed.subtree | parsed.allow_exact | parsed.allow_subtree
    return {str(name) for name in found} | {rule.host for rule in parsed.rules if rule.host}


def around(names: Iterable[str]) -> Iterator[str]:
    """Yield each name, one below it, and its parent."""
    for name in names:
        yield from (name, f"x.{name}")
        if "." in (parent := name.partition(".")[2]):
            yield parent


def here() -> list[str]:
    """Return the engines that are here, of those that a test of data asks; at least one must be."""
    require("unbound")
    return [engine for engine in TARGETS if not missing(engine.partition("-")[0])]


def test_the_shipped_lists(tmp_path: Path) -> None:
    lists = ("starter", "starter-annoyances", "starter-dns")
    names = set(chain.from_iterable(mentioned(parse(builtin(name), name)) for name in lists))
    case = Case(builtins=tuple(f"builtin:{name}" for name in lists), names=sorted(set(around(sorted(names)))))
    case.hosts = {"allow": ["doubleclick.net"], "deny": ["telemetry.example"]}
    case.sites = {"shop.example": {"allow": ["google-analytics.com"]}}
    case.names += ["telemetry.example", "x.telemetry.example", "other.example"]
    assert compare(case, tmp_path, here(), "names") > 100


def corpus() -> Iterator[tuple[str, bytes]]:
    """Yield lists of every format; together they name 300,000 names."""
    for name in (
        "basic.dnsmasq",
        "drugs.domains",
        "facebook.adguard",
        "scam.hosts",
        "torrent.adguard",
    ):
        yield f"{name}.txt", gzip.decompress((DNS / "blocklistproject" / f"{name}.txt.gz").read_bytes())
    for name in ("stevenblack-2022/adblock.txt", "stevenblack-2022/hosts.txt", "mullvad/social.zone"):
        path = DNS / "formats" / f"{name}.gz"
        if path.exists():
            yield path.stem.replace(".zone", ".rpz"), gzip.decompress(path.read_bytes())
    with tarfile.open(DNS / "shadowwhisperer-lists.tar.gz") as archive:
        for name in ("Wild_Ads", "Wild_Tracking", "Scam"):
            member = archive.extractfile(f"Lists/{name}")
            assert member is not None
            yield f"{name}.txt", member.read()


@pytest.mark.skipif(not DNS.exists(), reason="needs ../shared/corpus")
def test_the_corpus(tmp_path: Path) -> None:
    case = Case()
    names: set[str] = set()
    for file, data in corpus():
        case.lists[file] = data.decode("utf-8", "surrogateescape")
        names |= mentioned(parse(data, file))
    chance = Random(1)
    listed = sorted(names)
    parents = [name.partition(".")[2] for name in chance.sample(listed, 20_000)]
    fresh = (
        f"{chance.randbytes(4).hex()}.{chance.choice(('com', 'net', 'org', 'de', 'example'))}" for _ in range(10_000)
    )
    below = (f"w.{name}" for name in chance.sample(listed, 20_000))
    case.hosts = {"allow": chance.sample(listed, 50), "deny": list(islice(fresh, 50))}
    case.protect = chance.sample(listed, 20)
    case.names = sorted({*listed, *(name for name in parents if "." in name), *below, *fresh, *case.hosts["deny"]})
    assert len(case.names) > 200_000
    assert compare(case, tmp_path, here(), "names") > 200_000
