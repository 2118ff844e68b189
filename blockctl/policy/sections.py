"""The sections about the machinery: `lists` and `targets`; `resolver` has a module of its own."""

from __future__ import annotations

from blockctl.model.policy import ListSource, Target
from blockctl.policy import tree, words
from blockctl.policy.tree import Node, Scalar
from blockctl.policy.values import Reader, host_name

MEANT_BY_LIST_KEY = {
    "file": "path",
    "address": "url",
    "source": "url",
    "type": "format",
    "for": "use",
    "checksum": "sha256",
    "mirror": "mirrors",
    "urls": "mirrors",
}
MEANT_BY_TARGET_KEY = {"file": "path", "out": "path", "output": "path", "type": "backend", "format": "backend"}


def read_lists(reader: Reader, node: Node) -> tuple[ListSource, ...]:
    """Read the lists; their names differ."""
    sources: dict[str, ListSource] = {}
    for item in reader.items(node, "lists"):
        source = _read_list(reader, item)
        if source is None:
            continue
        if source.name in sources:
            first = sources[source.name].origin.line
            reader.fault("P005", item, f"two lists are called {source.name!r}", f"the first is in line {first}")
        else:
            sources[source.name] = source
    return tuple(sources.values())


def _read_list(reader: Reader, node: Node) -> ListSource | None:
    if isinstance(node, Scalar) and node.style != "*" and not node.empty:
        key = "url" if "://" in node.text else "path"
        hint = f'write {{name: NAME, {key}: "{node.text}"}}' if len(node.text) < 200 else ""
        reader.fault("P003", node, "a list is an entry with a name and a path or url", hint)
        return None
    found = reader.mapping(node, "a list", words.LIST, MEANT_BY_LIST_KEY)
    texts = {key: reader.text(found[key][1], key) for key in ("name", "path", "url", "sha256") if key in found}
    if "name" not in found:
        reader.fault("P009", node, "a list has no name", "give it a short one, as in name: easylist")
    if ("path" in found) == ("url" in found):
        wrong = "both a path and a url" if "path" in found else "neither a path nor a url"
        reader.fault("P009", node, f"a list has {wrong}", "path: a file or builtin:NAME; url: where to download it")
        return None
    if "url" in found and texts["url"] is not None and not _is_url(texts["url"], ("https", "http")):
        hint = "a file of yours goes under path:" if texts["url"].startswith(("file:", "/", ".")) else "https://..."
        reader.fault("P007", found["url"][1], "url is no web address", hint)
    mirrors = _read_mirrors(reader, found["mirrors"][1]) if "mirrors" in found else ()
    if mirrors and "url" not in found:
        reader.fault("P009", found["mirrors"][0], "mirrors of a list without a url", "mirrors stand beside a url")
    sha256 = texts.get("sha256") or ""
    if sha256 and (len(sha256) != 64 or not set(sha256.lower()) <= set("0123456789abcdef")):
        reader.fault(
            "P007",
            found["sha256"][1],
            "sha256 is not 64 hexadecimal digits",
            "`sha256sum FILE` prints them; of a download that includes others `lists --json` does, as `pin`",
        )
    uses = _read_uses(reader, found["use"][1]) if "use" in found else set(words.USES)
    return ListSource(
        texts.get("name") or "",
        reader.origin(node),
        path=texts.get("path") or "",
        url=texts.get("url") or "",
        browser="browser" in uses,
        dns="dns" in uses,
        format=_choice(reader, found, "format", words.FORMATS),
        match=_choice(reader, found, "match", words.MATCHES),
        widen=tuple(_choices(reader, found["widen"][1], "widen", words.WIDENINGS)) if "widen" in found else (),
        trust=bool(reader.word(found["trust"][1], "trust", words.SWITCH)) if "trust" in found else False,
        sha256=sha256,
        mirrors=mirrors,
    )


def _read_mirrors(reader: Reader, node: Node) -> tuple[str, ...]:
    """Return the other addresses of a list; a single one may stand without brackets."""
    items = [node] if isinstance(node, Scalar) and not node.empty else reader.items(node, "mirrors")
    texts = {text: item for item in items if (text := reader.text(item, "mirrors")) is not None}
    for text, item in texts.items():
        if not _is_url(text, ("https", "http")):
            reader.fault("P007", item, f"mirrors: no web address: {text[:80]!r}", "https://...")
    return tuple(texts)


def _read_uses(reader: Reader, node: Node) -> set[str]:
    if isinstance(node, Scalar) and node.text == "both":
        return set(words.USES)
    if isinstance(node, tree.Sequence) and not node.items:
        reader.fault("P003", node, "use is empty, so the list is for nothing", "name browser or dns, or delete `use`")
    return set(_choices(reader, node, "use", words.USES))


def _choices(reader: Reader, node: Node, what: str, right: tuple[str, ...]) -> list[str]:
    """Return the words of a list of words; a single one may stand without brackets."""
    items = [node] if isinstance(node, Scalar) else reader.items(node, what)
    table = {word: word for word in right}
    return [word for item in items if (word := reader.word(item, what, table)) is not None]


def _choice(reader: Reader, found: dict[str, tuple[Scalar, Node]], key: str, right: tuple[str, ...]) -> str:
    return (reader.word(found[key][1], key, {word: word for word in right}) or "") if key in found else ""


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    scheme, colon, rest = text.partition("://")
    if not colon or scheme.lower() not in schemes or any(sign in text for sign in " \t\n\r\\"):
        return False
    authority = rest.partition("/")[0].partition("?")[0].rpartition("@")[2]
    if authority.startswith("["):
        name, _, port = authority[1:].partition("]")
        colon, port = port[:1], port[1:]
        if ":" not in name or colon not in ("", ":"):
            return False
    else:
        name, colon, port = authority.partition(":")
    if colon and not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536):
        return False
    return host_name(name) is not None


def read_targets(reader: Reader, node: Node) -> dict[str, Target]:
    """Read the targets. What an option's value may be is for the backend to say."""
    targets: dict[str, Target] = {}
    for key, value in reader.entries(node, "targets"):
        if key.text in targets:
            first = targets[key.text].origin.line
            reader.fault("P005", key, f"{key.text!r} is here twice", f"the first is in line {first}")
            continue
        target = _read_target(reader, key, value)
        if target is not None:
            targets[key.text] = target
    return targets


def _read_target(reader: Reader, key: Scalar, node: Node) -> Target | None:
    name = key.text
    if isinstance(node, Scalar) and node.style != "*" and not node.empty:
        reader.fault("P003", node, f"targets.{name[:60]} is an entry with a path", f"write {{path: {node.text[:80]}}}")
        return None
    found = reader.mapping(node, f"targets.{name[:60]}", words.TARGET, MEANT_BY_TARGET_KEY, more=True)
    table = {word: word for word in words.BACKENDS}
    backend: str | None
    if "backend" in found:
        backend = reader.word(found["backend"][1], "backend", table)
    elif name in table:
        backend = name
    else:
        guess = words.nearest(name, words.BACKENDS)
        hint = f"did you mean `{guess}`? Else add backend: one of " if guess else "add backend: one of "
        reader.fault("P007", key, f"there is no backend {name[:60]!r}", hint + ", ".join(words.BACKENDS))
        backend = None
    path = reader.text(found["path"][1], "path") if "path" in found else None
    if "path" not in found:
        reader.fault(
            "P009", key, f"targets.{name[:60]} has no path", f"say where to write it: {{path: out/{name[:60]}}}"
        )
    options = {}
    for option, (place, value) in found.items():
        if option in words.TARGET:
            continue
        if backend is not None and option not in words.OPTIONS[backend]:
            known = (*words.TARGET, *words.OPTIONS[backend])
            reader.fault("P006", place, f"{backend} has no option {option[:60]!r}", reader.advise(option, known))
        elif (text := reader.text(value, option)) is not None:
            options[option] = text
    if backend is None or path is None:
        return None
    return Target(name, backend, path, reader.origin(key), options)
