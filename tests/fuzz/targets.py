"""What is fuzzed. A target takes any bytes; an exception other than `BlockctlError` is a finding."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice

from blockctl.backends import BROWSER_BACKENDS, DNS_BACKENDS
from blockctl.compiler import compile_texts
from blockctl.model.diagnostic import BlockctlError, Diagnostic, Origin, Severity
from blockctl.model.filterlist import FilterList, ListText
from blockctl.model.index import Index
from blockctl.model.match import matches
from blockctl.model.names import is_public_suffix, normalize_host, registrable_domain
from blockctl.model.pattern import TOKEN, canonical, compile_pattern, tokens
from blockctl.model.policy import ListSource, Policy, Target
from blockctl.model.request import Kind, Request, complete_url, url_host
from blockctl.model.rule import Cosmetic, Rule, Scope
from blockctl.parsers import PARSERS, decode, find, parse, read_line
from blockctl.parsers.adblock import parse_line
from blockctl.policy import edit
from blockctl.policy.read import has_errors, read_policy
from tests.fuzz.kept import kept_cache, rules_file
from tests.fuzz.messages import message

Fuzzed = Callable[[bytes], None]

CUT = b"\n%\n"  # between the parts of an input that is several texts
PARSED_BACK = {"adguard": "adblock"}  # backend -> the format of what it writes, where the names differ
POLICY = read_policy(
    "version: 1\nsites:\n  news.example: {javascript: deny, allow: [cdn.example], hide: ['.ad']}\n"
    "  shop.example: {blocking: off}\nhosts: {allow: [ok.example], deny: [ads.example]}\nprotect: [bank.example]\n",
    "policy.yaml",
)[0]


def parse_list(data: bytes, form: str = "") -> None:
    """Read a list; every line is accounted for, and reading it again or asking about a name gives the same."""
    for dns_only in (False, True):
        _parse_list(data, form, dns_only)


def _parse_list(data: bytes, form: str, dns_only: bool) -> None:
    parsed = parse(data, "list.txt", form, dns_only=dns_only)
    counts = parsed.counts
    assert counts.lines == counts.rules + counts.nothing + counts.refused
    assert all(1 <= each.origin.line <= counts.lines for each in parsed.diagnostics) or not parsed.format
    assert parsed == parse(data, "list.txt", form, dns_only=dns_only)
    columns = ((parsed.exact, Scope.EXACT), (parsed.subtree, Scope.SUBTREE))
    for names, scope in (*columns, (parsed.allow_exact, Scope.EXACT), (parsed.allow_subtree, Scope.SUBTREE)):
        for name in names:
            assert name == normalize_host(name), name
            assert not is_public_suffix(name), name
        for name in sorted(names)[:3]:
            found = find(data, "list.txt", name, format=parsed.format)
            assert found, (name, scope)
    if parsed.format == "adblock":
        _read_again(data, parsed)


def _read_again(data: bytes, parsed: FilterList) -> None:
    """A line of an adblock list gives the same rule by itself, for that is how `why` finds it."""
    lines = [rule.origin.line for rule in parsed.rules]
    for rule in [*parsed.rules[:20], *parsed.cosmetics[:5]]:
        if lines.count(rule.origin.line) <= 1:
            assert read_line(data, "list.txt", rule.origin.line, format="adblock") == rule


def adblock_line(data: bytes) -> None:
    """Read adblock lines one by one; each answer can be shown, and a rule can be compared and matched."""
    request = Request.parse("https://cdn.ads.example/ad/x.js?q=1", "https://news.example/", Kind.SCRIPT)
    for number, line in enumerate(islice(decode(data).split("\n"), 50), start=1):
        read = parse_line(line, Origin("list.txt", number))
        if isinstance(read, Rule):
            assert hash(read.identity()) == hash(read.identity())
            assert not (read.host and read.pattern)
            matches(read, request)
        elif isinstance(read, Cosmetic):
            assert read.selector
        elif isinstance(read, Diagnostic):
            assert read.message
            assert "\n" not in read.message


def index(data: bytes) -> None:
    """Ask an index about addresses; it finds what trying every rule finds. The first line is `URL PAGE`."""
    head, _, rest = data.partition(b"\n")
    url, _, page = decode(head).partition(" ")
    parsed = parse(rest, "list.txt", "adblock")
    built = Index.build([parsed])
    for kind in (Kind.DOCUMENT, Kind.SCRIPT):
        request = Request.parse(url, page, kind)
        found = {id(rule) for rule in built.matching(request)}
        tried = [rule for rule in parsed.rules if matches(rule, request)]
        if built.slow:
            return  # what runs into its time limit may do so only sometimes
        assert {id(rule) for rule in tried} <= found
        verdict = built.verdict(request)
        assert (verdict is None) == (not built.matching(request))
        loaded = Index.load(built.dump([parsed]), partial(_line_of, rest))
        assert loaded.matching(request) == built.matching(request)


def _line_of(data: bytes, number: int, line: int) -> Rule:
    """Return a rule by its line, as `why` does."""
    rule = read_line(data, "list.txt", line, format="adblock")
    assert isinstance(rule, Rule), (number, line)
    return rule


def everything(data: bytes) -> None:
    """Compile two lists, and a policy if there is one, for every engine; what comes out can be read."""
    first, second, text = (*data.split(CUT, 2), b"", b"")[:3]
    read, faults = read_policy(decode(text), "policy.yaml")
    policy = POLICY if has_errors(faults) else read
    texts = [_list_text(name, each) for name, each in (("one", first), ("two", second))]
    outputs = _compile(policy, texts)
    for name, output in outputs.items():
        for path, chunks in output.files.items():
            written = b"".join(chunks)
            if path.startswith("instead/"):
                continue  # empty pictures and sounds of our own, the same for every list
            written.decode("utf-8")
            if path.endswith(".json") or name in ("ublock-backup", "ublock-managed"):
                json.loads(written)
            elif name in DNS_BACKENDS:
                _can_be_read_back(name, written)
        assert len(output.gaps) >= len(output.gaps.rows)


def _list_text(name: str, data: bytes) -> ListText:
    return ListText(ListSource(name, Origin("policy.yaml", 1), path=f"{name}.txt"), f"{name}.txt", data, name)


def _compile(policy: Policy, texts: list[ListText]) -> dict[str, object]:
    targets = [
        Target(name, name, f"out/{name}", Origin("policy.yaml", 1)) for name in (*BROWSER_BACKENDS, *DNS_BACKENDS)
    ]
    return compile_texts(policy, texts, targets)


def _can_be_read_back(name: str, written: bytes) -> None:
    again = parse(written, name, PARSED_BACK.get(name, name))
    _no_errors(each for each in again.diagnostics if each.code not in ("L002", "L103", "L104"))


def _no_errors(diagnostics: Iterable[Diagnostic]) -> None:
    errors = [str(each) for each in diagnostics if each.severity is Severity.ERROR]
    assert not errors, errors[:3]


def policy(data: bytes) -> None:
    """Read a policy; each fault has a place."""
    text = data.decode("utf-8", "surrogateescape")
    read, diagnostics = read_policy(text, "policy.yaml")
    assert all(each.origin.file == "policy.yaml" and each.message for each in diagnostics)
    assert all(str(each).isprintable() or each.hint for each in diagnostics)
    assert (read, diagnostics) == read_policy(text, "policy.yaml")
    assert all(host == normalize_host(host) for host in (*read.sites, *read.hosts, *read.protect))


def edit_policy(data: bytes) -> None:
    """Change a policy; what was readable stays readable."""
    first, _, rest = data.partition(b"\n")
    words = first.decode("utf-8", "replace").split()
    text = rest.decode("utf-8", "replace")
    names = [name for word in words if (name := normalize_host(word)) and not is_public_suffix(name)]
    site, host = [*names, "news.example", "ads.example"][:2]
    _, faults = read_policy(text, "policy.yaml")
    for change in (
        lambda: edit.set_site(text, site, {"javascript": "deny"}),
        lambda: edit.set_site(text, site, {"javascript": None, "note": first.decode("utf-8", "replace")}),
        lambda: edit.reset_site(text, site),
        lambda: edit.add_host(text, "deny", host),
        lambda: edit.add_host(text, "allow", host, site=site),
        lambda: edit.forget_host(text, host),
        lambda: edit.forget_host(text, host, site),
    ):
        try:
            changed = change()
        except BlockctlError:
            continue
        if not faults:
            assert read_policy(changed, "policy.yaml")[1] == [], (text, changed)


def pattern(data: bytes) -> None:
    """Compile an address pattern or a regular expression and try it; its words are in every address it matches."""
    text, _, address = data.decode("utf-8", "replace").partition("\n")
    url = complete_url(address)
    words = set(TOKEN.findall(canonical(url).lower()))
    for regex in (False, True):
        if compile_pattern(text, regex=regex)(url):
            assert words.issuperset(tokens(text, regex=regex))


def request(data: bytes) -> None:
    """Read an address and a page as a shell gives them."""
    url, _, page = data.decode("utf-8", "surrogateescape").partition("\n")
    asked = Request.parse(url, page, Kind.SCRIPT)
    assert "#" not in asked.url
    assert complete_url(asked.url) == asked.url
    assert url_host(asked.url) == asked.host
    assert canonical(canonical(asked.url)) == canonical(asked.url)
    registrable_domain(asked.host)
    name = normalize_host(asked.host)
    assert name is None or normalize_host(name) == name


TARGETS: dict[str, Fuzzed] = {
    "list": parse_list,
    **{f"list-{form}": partial(parse_list, form=form) for form in PARSERS},
    "adblock-line": adblock_line,
    "index": index,
    "everything": everything,
    "policy": policy,
    "edit": edit_policy,
    "pattern": pattern,
    "request": request,
    "message": message,
    "rules-file": rules_file,
    "answers-cache": kept_cache,
}
