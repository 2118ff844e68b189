"""The rules of the house, read from the source: who may import whom, and who may touch the world."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_LINES = 300

# What each room may import of ours, besides itself. `compiler` is a module that stands alone.
BELOW = {
    "model": set[str](),
    "parsers": {"model"},
    "policy": {"model"},
    "backends": {"model"},
    "dns": {"model"},
    "compiler": {"parsers", "policy", "backends", "dns", "model"},
    "io": {"parsers", "policy", "backends", "dns", "model"},
    "cli": {"io", "compiler", "parsers", "policy", "backends", "dns", "model"},
}

# The one owner of each dependency: a module, or a room (with a closing dot).
OWNERS = {
    "yaml": "policy.",
    "publicsuffixlist": "model.names",
    "idna": "model.names",
    "regex": "model.pattern",
    "dnslib": "dns.wire",
    "h2": "io.",
    "hpack": "io.upstream_http2.",
    "h11": "io.",
    "aioquic": "io.upstream_quic",
    "xxhash": "dns.table",
    "requests": "io.fetch",
    "fastapi": "io.",
    "pydantic": "io.",
    "uvicorn": "io.api_server",
    "segno": "cli.pair",
    "rich": "cli.",
    "typer": "cli.",
}

# Modules that are the world: only io may import them. `os.environ` and the rest of `os` are seen to below.
WORLD = {
    "socket", "ssl", "select", "selectors", "asyncio", "subprocess", "multiprocessing", "threading", "tempfile",
    "shutil", "urllib.request", "http.client", "time", "fcntl", "msvcrt", "mmap", "signal", "random", "secrets", "glob",
}  # fmt: skip
OF_OS = {
    "environ",
    "getenv",
    "urandom",
    "listdir",
    "scandir",
    "stat",
    "remove",
    "replace",
    "rename",
    "open",
    "fsync",
    "walk",
}
OF_PATHS = {
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "unlink",
    "mkdir",
    "exists",
    "is_file",
    "iterdir",
    "glob",
}
OF_CLOCKS = {"now", "utcnow", "today"}


@dataclass(frozen=True, order=True)
class Breach:
    """One place where a rule of the house is broken."""

    module: str
    line: int
    what: str


def breaches(package: Path) -> list[Breach]:
    """Return every breach in the package at that folder."""
    found: list[Breach] = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        source = path.read_text(encoding="utf-8")
        count = len(source.splitlines())
        if count > MAX_LINES:
            found.append(Breach(module, count, f"has {count} lines, more than {MAX_LINES}"))
        tree = ast.parse(source)
        room = "cli" if parts[0] == "__main__" else parts[0]  # the door is a part of the house it leads to
        found += [Breach(module, line, what) for line, what in _imports(tree, package.name, module, room)]
        found += [Breach(module, line, what) for line, what in _touches(tree, room)]
    return sorted(found)


def dependencies(package: Path) -> set[str]:
    """Return the top-level names of everything the package imports."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in package.rglob("*.py"))
    return {name.partition(".")[0] for tree in trees for _, name in imported(tree)}


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of every module imported anywhere, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield node.lineno, base
            # `from ours import room` names a module too
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def _imports(tree: ast.AST, ours: str, module: str, room: str) -> Iterator[tuple[int, str]]:
    for line, name in imported(tree):
        if name.startswith("."):
            yield line, f"imports {name} by a relative name"
        elif name.startswith(ours + "."):
            other = name.split(".")[1]
            if room in BELOW and other in BELOW and other != room and other not in BELOW[room]:
                yield line, f"{room} imports {other}"
        elif (owner := OWNERS.get(name.partition(".")[0])) and not f"{module}.".startswith(owner):
            yield line, f"imports {name.partition('.')[0]}, which {owner.rstrip('.')} owns"
        elif name in WORLD and room != "io":
            yield line, f"imports {name}: only io touches the world"


def _touches(tree: ast.AST, room: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "print" and room != "cli":
                yield node.lineno, "prints: only cli prints"
            if node.func.id == "open" and room != "io":
                yield node.lineno, "opens a file: only io touches the world"
        if isinstance(node, ast.Attribute) and room != "io":
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if owner == "os" and node.attr in OF_OS:
                yield node.lineno, f"uses os.{node.attr}: only io touches the world"
            if owner in ("datetime", "date") and node.attr in OF_CLOCKS:
                yield node.lineno, f"asks the time by {owner}.{node.attr}: only io touches the world"
            if node.attr in OF_PATHS:
                yield node.lineno, f"uses .{node.attr}: only io touches the world"
            if owner == "sys" and room != "cli" and node.attr in ("stdout", "stderr", "stdin", "argv"):
                yield node.lineno, f"uses sys.{node.attr}: only cli prints"
