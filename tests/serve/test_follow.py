"""`blockctl serve` follows the policy however an editor or a synchronising service replaces it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serve.running import Running, Upstream, free_port, start

POLICY = """\
version: 1
hosts: {{deny: [{denied}]}}
resolver: {{listen: ["127.0.0.1:{port}"], upstreams: ["127.0.0.1:{upstream}"]}}
"""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    made = Upstream()
    yield made
    made.close()


def renamed_over(path: Path, text: str) -> None:
    new = path.with_name("policy.yaml.tmp")
    new.write_text(text)
    new.replace(path)


def emptied_first(path: Path, text: str) -> None:
    path.write_text("")
    path.write_text(text)


def away_and_back(path: Path, text: str) -> None:
    """As iCloud Drive takes a file away, and brings it back."""
    path.unlink()
    path.with_name(".policy.yaml.icloud").write_bytes(b"bplist00")
    path.with_name(".policy.yaml.icloud").unlink()
    renamed_over(path, text)


def led_elsewhere(path: Path, text: str) -> None:
    other = path.with_name("another.yaml")
    other.write_text(text)
    link = path.with_name("link")
    link.symlink_to(other)
    link.replace(path)


def folder_replaced(path: Path, text: str) -> None:
    folder = path.parent
    new = folder.with_name("new")
    new.mkdir()
    (new / path.name).write_text(text)
    folder.rename(folder.with_name("old"))
    new.rename(folder)


@pytest.mark.parametrize("change", [renamed_over, emptied_first, away_and_back, led_elsewhere, folder_replaced])
def test_a_replaced_policy_is_followed(tmp_path: Path, upstream: Upstream, change: Callable[[Path, str], None]) -> None:
    port, config = free_port(), tmp_path / "config"
    config.mkdir()
    (config / "policy.yaml").write_text(POLICY.format(denied="one.example", port=port, upstream=upstream.port))
    (tmp_path / "policy.yaml").symlink_to(config / "policy.yaml")  # where `start` looks
    with start(tmp_path, port) as running:
        for number, denied in enumerate(("two.example", "three.example")):
            text = POLICY.format(denied=denied, port=port, upstream=upstream.port)
            (renamed_over if number else change)(
                (config if change is not led_elsewhere or number else tmp_path) / "policy.yaml", text
            )
            if number and change is led_elsewhere:
                (tmp_path / "another.yaml").write_text(text)
            running.until(lambda denied=denied: blocks(running, denied))  # type: ignore[misc]
            assert not blocks(running, "one.example")


def blocks(running: Running, name: str) -> bool:
    return running.code(name) == "NXDOMAIN"
