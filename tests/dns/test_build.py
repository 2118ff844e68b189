"""From lists to the file: every name with its line, what is kept between runs, and real lists."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from blockctl.dns.rules import Lists
from blockctl.dns.table import wire_names
from blockctl.model.decide import Step
from blockctl.model.memory import RunMemory
from blockctl.model.policy import Policy, Resolver
from blockctl.model.rule import Effect
from tests.dns.ruleworlds import SOMEBODY, A, compilation, rules, wire
from tests.model.say import policy, site

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus" / "dns"
HOSTS = "# one\n0.0.0.0 ads.org\n0.0.0.0 track.org\n"
DOMAINS = "ads.org\nmore.org\n*.wide.org\n"
ADBLOCK = "! DNS list\n||ads.org^\n@@||good.ads.org^\n||imp.org^$important\n||typed.org^$dnstype=A\n"


def lists(*texts: str | bytes, said: Policy | None = None) -> Lists:
    return Lists(b"".join(compilation(said or policy(), *texts).resolver_rules()))


@pytest.mark.parametrize(
    ("texts", "name", "file", "line"),
    [
        pytest.param((HOSTS,), "track.org", "list0.txt", 3, id="line"),
        pytest.param((HOSTS, DOMAINS), "ads.org", "list0.txt", 2, id="the first list that says it"),
        pytest.param((DOMAINS, HOSTS), "ads.org", "list0.txt", 1, id="in the order of the lists"),
        pytest.param((HOSTS, DOMAINS), "x.wide.org", "list1.txt", 3, id="below"),
        pytest.param((HOSTS, ADBLOCK), "x.ads.org", "list1.txt", 2, id="what a name alone does not say"),
        pytest.param((ADBLOCK,), "imp.org", "list0.txt", 4, id="important"),
        pytest.param((ADBLOCK,), "typed.org", "list0.txt", 5, id="condition"),
        pytest.param(("||a.org^\n||b.a.org^\n||c.org^\n",), "b.a.org", "list0.txt", 1, id="the name above says it"),
    ],
)
def test_where_a_name_is_blocked(texts: tuple[str, ...], name: str, file: str, line: int) -> None:
    found = rules(policy(), *texts).verdict(wire(name), A, SOMEBODY)
    assert found.blocked
    assert found.reason is not None
    assert (found.reason.rule.origin.file, found.reason.rule.origin.line) == (file, line)


BARE = "||wide.org^\nads.org\nMore.org # why\n@@||good.org^\ngood.org\n"


@pytest.mark.parametrize(("browser", "line"), [(False, 2), (True, 0)])
def test_a_bare_name_is_a_name_where_no_browser_obeys_the_list(browser: bool, line: int) -> None:
    found = rules(policy(), BARE, browser=browser)
    reason = found.verdict(wire("ads.org"), A, SOMEBODY).reason
    assert (reason.rule.origin.line if reason else 0) == line
    assert found.verdict(wire("more.org"), A, SOMEBODY).blocked is not browser
    assert found.verdict(wire("x.wide.org"), A, SOMEBODY).blocked
    assert not any(found.verdict(wire(name), A, SOMEBODY).blocked for name in ("x.ads.org", "good.org"))


def test_how_a_bare_name_is_read_is_kept_apart() -> None:
    memory = RunMemory()
    runs = [compilation(policy(), BARE, memory=memory, browser=browser) for browser in (True, False, True)]
    assert [run.facts[0].format for run in runs] == ["adblock", "adblock-names", "adblock"]
    assert [run.names().block_exact for run in runs] == [b"", b"more.org\nads.org\n", b""]
    assert [run.names().unsaid.count for run in runs] == [{"name": 3}, {}, {"name": 3}]
    assert len({run.resolver_key() for run in runs}) == 2


def test_exceptions_have_their_line_whether_anything_is_blocked_or_not() -> None:
    found = rules(policy(), "||ads.org^\n@@||good.ads.org^\n@@||fine.org^\n")
    for name, line in (("good.ads.org", 2), ("x.fine.org", 3)):
        reason = found.verdict(wire(name), A, SOMEBODY).reason
        assert reason is not None
        assert (reason.step, reason.rule.origin.line) == (Step.LIST_EXCEPTION, line)


def test_an_entry_that_no_line_says_by_itself_is_found_in_the_lists() -> None:
    text = "||ads.org^\n@@||ads.org^$denyallow=bad.ads.org\n"
    found = rules(policy(), text)
    assert not found.verdict(wire("x.ads.org"), A, SOMEBODY).blocked
    verdict = found.verdict(wire("bad.ads.org"), A, SOMEBODY)
    assert verdict.reason is not None
    assert (verdict.blocked, verdict.reason.rule.origin.line) == (True, 1)


def test_the_same_lists_give_the_same_bytes() -> None:
    made = [b"".join(compilation(policy(), HOSTS, DOMAINS, ADBLOCK).resolver_rules()) for _ in range(2)]
    assert made[0] == made[1]


def test_some_lists_for_a_group() -> None:
    run = compilation(policy(), HOSTS, DOMAINS)
    few = Lists(b"".join(run.resolver_rules(["list1"])))
    assert few.table.find(wire("more.org")) >= 0
    assert few.table.find(wire("track.org")) == -1
    assert run.resolver_key(["list1"]) != run.resolver_key()


def test_the_file_is_kept_between_runs() -> None:
    memory = RunMemory()
    first = compilation(policy(), HOSTS, memory=memory)
    made = b"".join(first.resolver_rules())
    again = compilation(policy(site("b.org"), hosts=()), HOSTS, memory=memory)
    assert again.resolver_key() == first.resolver_key()
    (kept,) = again.resolver_rules()
    assert isinstance(kept, memoryview)
    assert kept == made


@pytest.mark.parametrize(
    ("said", "texts", "options"),
    [
        pytest.param(policy(), (HOSTS + "0.0.0.0 new.org\n",), {}, id="a text"),
        pytest.param(policy(), (HOSTS, DOMAINS), {}, id="another list"),
        pytest.param(policy(), (HOSTS,), {"trust": True}, id="trust"),
        pytest.param(policy(), (HOSTS,), {"match": "subtree"}, id="match"),
        pytest.param(policy(), (HOSTS,), {"widen": ("third-party",)}, id="widen"),
        pytest.param(policy(resolver=Resolver(upstreams=("tls://a.org",))), (HOSTS,), {}, id="an upstream"),
    ],
)
def test_what_makes_another_file(said: Policy, texts: tuple[str, ...], options: dict[str, object]) -> None:
    memory = RunMemory()
    first = compilation(policy(), HOSTS, memory=memory).resolver_key()
    assert compilation(said, *texts, memory=memory, **options).resolver_key() != first


def test_page_exceptions_travel_along_where_something_is_blocked() -> None:
    text = "||cdn.org^\n||x.far.org^\n" + "".join(
        f"@@||{name}/x$domain=shop.org\n" for name in ("cdn.org", "www.cdn.org", "far.org", "free.org")
    )
    made = lists(text)
    assert set(made.yields(policy())) == set()
    assert set(made.yields(policy(site("shop.org")))) == {"cdn.org", "www.cdn.org", "far.org"}
    assert set(made.yields(policy(resolver=Resolver(yield_all=True)))) == {"cdn.org", "www.cdn.org", "far.org"}
    rule = made.yields(policy(site("shop.org")))["far.org"]
    assert (str(rule.origin), rule.text) == ("list0.txt:5", "@@||far.org/x$domain=shop.org")


def corpus() -> Iterator[tuple[str, bytes]]:
    for name in ("blocklistproject/ransomware.hosts.txt.gz", "formats/stevenblack-2022/domains.txt.gz",
                 "formats/stevenblack-2022/adblock.txt.gz", "formats/stevenblack-2022/unbound.conf.gz"):  # fmt: skip
        yield name, gzip.decompress((CORPUS / name).read_bytes())
    with tarfile.open(CORPUS / "shadowwhisperer-lists.tar.gz") as archive:
        for name in ("Lists/Tracking", "Lists/Wild_Tracking"):
            file = archive.extractfile(name)
            assert file is not None
            yield name, file.read()


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus beside the project")
def test_real_lists() -> None:
    """Every entry is on the line that the file tells, and 200,000 names are decided as the settled names decide."""
    texts = [data for _, data in corpus()]
    run = compilation(Policy("policy"), *texts)
    made = Lists(b"".join(run.resolver_rules()))
    settled = run.names()
    lines = [data.decode().lower().split("\n") for data in texts]
    names = [*names_of(settled.block_exact), *names_of(settled.block_subtree)]
    for name, asked in zip(names, wires(names), strict=True):
        place = made.table.find(asked)
        file, line = made.table.origin(place)
        assert made.table.hot.entry(place)[0] == asked
        assert name in lines[int(file.removeprefix("list").removesuffix(".txt"))][line - 1]
    random = Random(7)
    questions = random.choices(names, k=50_000)
    questions += [f"x{at % 9}.{name}" for at, name in enumerate(questions)]
    questions += [name.partition(".")[2] for name in questions[:50_000]]
    questions += ["".join(random.choices("abcdefghij", k=4)) + ".com" for _ in range(50_000)]
    for name, asked in zip(questions, wires(questions), strict=True):
        place = made.table.find(asked)
        blocked = place >= 0 and made.table.blocks(place)
        assert blocked is (settled.verdict(name) is Effect.BLOCK), name


def names_of(column: bytes) -> list[str]:
    return str(column, "ascii").split()


def wires(names: list[str]) -> list[bytes]:
    return wire_names("".join(f"{name}\n" for name in names).encode())
