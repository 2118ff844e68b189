"""The `resolver` section: how the local DNS listens, whom it asks, what it answers itself, and to whom."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from ipaddress import IPv6Network
from typing import Any

from blockctl.model.addresses import read_network
from blockctl.model.api_place import read_place
from blockctl.model.diagnostic import Severity
from blockctl.model.listen import Listen, opens_to_all, read_listen
from blockctl.model.names import is_address
from blockctl.model.policy import ListSource, Resolver
from blockctl.policy import measures, tree, words
from blockctl.policy.endpoints import asks_itself, read_addresses, read_listens, read_upstream, read_upstreams
from blockctl.policy.groups import read_groups
from blockctl.policy.records import read_records
from blockctl.policy.tree import Node, Scalar
from blockctl.policy.values import Reader

NO_CERTIFICATE = "needs a certificate"  # the end of what P009 says of a listener; `profile --with-ca` makes one
Found = dict[str, tuple[Scalar, Node]]
WEEK = 604_800  # seconds: no answer may be kept longer (RFC 8767, section 4)
MAX_MIN_TTL = 3_600
MIN_CACHE, MAX_CACHE = 256 << 10, 4 << 30
MAX_DAYS = 3_650
MAX_RATE = 1_000_000
MAX_WORKERS = 64


def read_resolver(reader: Reader, node: Node, lists: Collection[ListSource] = ()) -> Resolver:
    """Read the section; `lists` are those that groups may name."""
    found = reader.mapping(node, "resolver", words.RESOLVER, words.MEANT_BY_RESOLVER_KEY)
    fields: dict[str, Any] = {"lines": {key: reader.origin(place) for key, (place, _) in found.items()}}
    listens = read_listens(reader, found["listen"][1]) if "listen" in found else {}
    if listens:
        fields["listen"] = tuple(listens)
    asked: dict[str, Node] = {}
    for key, (_, value) in found.items():
        if key == "upstreams":
            upstreams = read_upstreams(reader, value, "resolver.upstreams")
            fields[key] = tuple(upstreams)
            asked |= upstreams
        elif key == "forward":
            fields[key] = _forward(reader, value, asked)
        elif key == "groups":
            fields[key] = read_groups(reader, value, lists)
        elif key != "listen":
            fields |= {name: each for name, each in READERS[key](reader, value).items() if each is not None}
    settings = Resolver(**fields)
    _check_asked(reader, found, settings, asked)
    _check_served(reader, found, settings, listens)
    return settings


def _forward(reader: Reader, node: Node, asked: dict[str, Node]) -> dict[str, tuple[str, ...]]:
    forward: dict[str, tuple[str, ...]] = {}
    for key, value in reader.entries(node, "resolver.forward"):
        name = reader.host(key, "forward", everywhere=True)
        if name in forward:
            reader.fault("P005", key, f"{key.text!r} is here twice", "name all its upstreams in one entry")
            continue
        upstreams = read_upstreams(reader, value, f"forward.{key.text[:60]}")
        if not upstreams and isinstance(value, tree.Sequence) and not value.items:
            reader.fault("P003", value, f"forward.{key.text[:60]} is empty", "name whom to ask, or delete it")
        asked |= upstreams
        if name is not None:
            forward[name] = tuple(upstreams)
    return forward


def _words(field: str, right: Collection[str]) -> Callable[[Reader, Node], dict[str, Any]]:
    table = {word: word for word in right}
    return lambda reader, node: {field: reader.word(node, field, table)}


def _switch(key: str) -> Callable[[Reader, Node], dict[str, Any]]:
    field = key.replace("-", "_")
    return lambda reader, node: {field: reader.word(node, key, words.SWITCH, words.MEANT_BY_SWITCH)}


def _yield(reader: Reader, node: Node) -> dict[str, Any]:
    return {"yield_all": reader.word(node, "yield", {word: word == "all" for word in words.YIELDS})}


def _bootstrap(reader: Reader, node: Node) -> dict[str, Any]:
    return {"bootstrap": read_addresses(reader, node, "bootstrap")}


def _private(reader: Reader, node: Node) -> dict[str, Any]:
    items = reader.items(node, "resolver.private")
    names = [name for item in items if (name := reader.host(item, "private", everywhere=True)) is not None]
    return {"private": tuple(dict.fromkeys(names))}


def _dns64(reader: Reader, node: Node) -> dict[str, Any]:
    text = reader.text(node, "dns64")
    if text is None or words.SWITCH.get(text.lower()) is False:
        return {}
    network = read_network(text)
    if isinstance(network, IPv6Network) and network.prefixlen == 96:
        return {"dns64": str(network)}
    reader.fault("P017", node, f"dns64 is no prefix of 96 bits: {text[:60]!r}", 'write "64:ff9b::/96", or off')
    return {}


def _cache(reader: Reader, node: Node) -> dict[str, Any]:
    found = reader.mapping(node, "cache", words.CACHE, words.MEANT_BY_CACHE_KEY)
    fields: dict[str, Any] = {}
    for key, (_, value) in found.items():
        if key == "size":
            fields["cache_size"] = measures.size(reader, value, key, MIN_CACHE, MAX_CACHE)
        elif key == "prefetch":
            fields[key] = reader.word(value, key, words.SWITCH, words.MEANT_BY_SWITCH)
        else:
            most = MAX_MIN_TTL if key == "min-ttl" else WEEK
            fields[key.replace("-", "_")] = measures.seconds(reader, value, key, most)
    shortest, longest = fields.get("min_ttl"), fields.get("max_ttl")
    if shortest is not None and longest is not None and shortest > longest:
        reader.fault("P013", found["min-ttl"][1], "min-ttl is more than max-ttl", "lower it, or raise max-ttl")
    return fields


def _log(reader: Reader, node: Node) -> dict[str, Any]:
    table = {word: word for word in words.LOGS} | dict.fromkeys(("no", "false"), "off")
    if not isinstance(node, tree.Mapping):
        return {"log": reader.word(node, "log", table, words.MEANT_BY_LOG)}
    found = reader.mapping(node, "log", words.LOG)
    return {
        "log": reader.word(found["level"][1], "level", table, words.MEANT_BY_LOG) if "level" in found else None,
        "log_days": measures.number(reader, found["days"][1], "days", 1, MAX_DAYS) if "days" in found else None,
    }


def _access(reader: Reader, node: Node) -> dict[str, Any]:
    found: dict[str, None] = {}
    items = reader.items(node, "resolver.access")
    for item in items:
        text = reader.text(item, "access")
        if text is None:
            continue
        if text in words.ACCESS or read_network(text) is not None:
            found[text] = None
            continue
        guess = words.nearest(text, words.ACCESS, {"localhost": "loopback", "lan": "private", "any": "all"})
        hint = f"did you mean `{guess}`?" if guess else "loopback, private, all, or a network as in 192.168.7.0/24"
        reader.fault("P017", item, f"access cannot be {text[:60]!r}", hint)
    if isinstance(node, tree.Sequence) and not items:
        reader.fault("P003", node, "access is empty, so nobody may ask", "write [loopback] for this machine alone")
    return {"access": tuple(found)}


def _rate(reader: Reader, node: Node) -> dict[str, Any]:
    off = isinstance(node, Scalar) and words.SWITCH.get(node.text.lower()) is False
    return {"rate": 0 if off else measures.number(reader, node, "rate", 0, MAX_RATE)}


def _tls(reader: Reader, node: Node) -> dict[str, Any]:
    found = reader.mapping(node, "tls", words.TLS, words.MEANT_BY_TLS_KEY)
    for key in words.TLS:
        if key not in found:
            reader.fault("P009", node, f"tls has no {key}", "write tls: {certificate: cert.pem, key: key.pem}")
    return {key: reader.text(value, key) for key, (_, value) in found.items()}


def _metrics(reader: Reader, node: Node) -> dict[str, Any]:
    text = reader.text(node, "metrics")
    if text is None or words.SWITCH.get(text.lower()) is False:
        return {}
    try:
        place = read_listen(text)
        if place.scheme != "dns":
            raise ValueError("write address:port, as in 127.0.0.1:9335")
    except ValueError as error:
        reader.fault("P017", node, f"metrics cannot be {text[:60]!r}", str(error))
        return {}
    return {"metrics": str(place)}


def _api(reader: Reader, node: Node) -> dict[str, Any]:
    if isinstance(node, Scalar) and words.SWITCH.get(node.text.lower()) is False:
        return {"api": ()}
    if isinstance(node, Scalar) and words.SWITCH.get(node.text.lower()):
        return {}
    found: dict[str, None] = {}
    for item in reader.items(node, "resolver.api") if isinstance(node, tree.Sequence) else (node,):
        text = reader.text(item, "api")
        if text is None:
            continue
        try:
            read_place(text)
            found[text] = None
        except ValueError as error:
            reader.fault("P017", item, f"api cannot be {text[:60]!r}", str(error))
    return {"api": tuple(found) or None}


READERS: Mapping[str, Callable[[Reader, Node], dict[str, Any]]] = {
    "strategy": _words("strategy", words.STRATEGIES),
    "bootstrap": _bootstrap,
    "answer": _words("answer", words.ANSWERS),
    "yield": _yield,
    "records": lambda reader, node: {"records": read_records(reader, node)},
    "safe-search": _switch("safe-search"),
    "rebinding": _switch("rebinding"),
    "private": _private,
    "dns64": _dns64,
    "cache": _cache,
    "log": _log,
    "access": _access,
    "refresh": _switch("refresh"),
    "public": _switch("public"),
    "rate": _rate,
    "workers": lambda reader, node: {"workers": measures.number(reader, node, "workers", 1, MAX_WORKERS)},
    "tls": _tls,
    "metrics": _metrics,
    "api": _api,
}


def _check_asked(reader: Reader, found: Found, settings: Resolver, asked: Mapping[str, Node]) -> None:
    """Tell upstreams that are ourselves, and names of upstreams that nobody can look up."""
    places = [read_listen(text) for text in settings.listen]
    for text, node in asked.items():
        if (own := asks_itself(places, text)) is not None:
            message = f"{text} is where this resolver listens itself ({own})"
            reader.fault("P017", node, message, "name another resolver: this would ask itself for ever")
    named = [text for text in settings.upstreams if not is_address(read_upstream(text).host)]
    if named and len(named) == len(settings.upstreams) and not settings.bootstrap and "bootstrap" not in found:
        message = f"the system's own resolver has to find {read_upstream(named[0]).host}, and that may become this one"
        hint = "add bootstrap: [9.9.9.9], whom to ask for the upstreams' own addresses"
        reader.fault("P017", found["upstreams"][0], message, hint, Severity.WARNING)


def _check_served(reader: Reader, found: Found, settings: Resolver, listens: Mapping[str, tuple[Listen, Node]]) -> None:
    """Tell encrypted ports without a certificate, and doors that stand open to everybody."""
    secure = next(((text, node) for text, (place, node) in listens.items() if place.secure), None)
    if secure is None and "api" in found:
        secure = next(((text, found["api"][1]) for text in settings.api if read_place(text).secure), None)
    if secure is not None and "tls" not in found:
        hint = "add tls: {certificate: cert.pem, key: key.pem}, PEM files; `blockctl profile --with-ca HOST` makes them"
        reader.fault("P009", secure[1], f"{secure[0]} {NO_CERTIFICATE}", hint)
    word = opens_to_all(settings.access)
    if word and not settings.public:
        message = f"access to {word} makes this an open resolver, which strangers use to flood others"
        hint = "name networks instead, or add `public: on` if you mean it"
        reader.fault("P017", found["access"][0], message, hint)
