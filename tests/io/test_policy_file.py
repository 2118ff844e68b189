"""The policy file: found, read, and changed without loss, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from blockctl.io import policy_file
from blockctl.model.diagnostic import BlockctlError, WorldError

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
NOT_ROOT = pytest.mark.skipif(ROOT, reason="root may write everywhere")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("BLOCKCTL_POLICY", "BLOCKCTL_STATE", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path


def test_where_the_policy_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert policy_file.policy_path(None) == home / ".config/blockctl/policy.yaml"
    assert policy_file.state_path(None) == home / ".local/state/blockctl"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative, and so ignored")
    assert policy_file.policy_path(None) == home / ".config/blockctl/policy.yaml"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/xdg")
    assert policy_file.policy_path(None) == Path("/xdg/blockctl/policy.yaml")
    monkeypatch.setenv("BLOCKCTL_POLICY", "~/p.yaml")
    monkeypatch.setenv("BLOCKCTL_STATE", "s")
    assert policy_file.policy_path(None) == home / "p.yaml"
    assert policy_file.state_path(None) == Path("s")
    assert policy_file.policy_path(Path("o.yaml")) == Path("o.yaml")
    assert policy_file.state_path(Path("o")) == Path("o")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_nobody_waits_for_what_comes_through_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "policy.yaml"
    os.mkfifo(pipe)
    read = "import sys, pathlib; from blockctl.io import policy_file as it; it.read_text(pathlib.Path(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", read, str(pipe)], capture_output=True, text=True, timeout=20, check=False
    )
    assert f"cannot read the policy {pipe}: it is no file" in done.stderr


def test_a_policy_that_icloud_took_away_is_told_so(tmp_path: Path) -> None:
    (tmp_path / ".policy.yaml.icloud").write_bytes(b"bplist00")
    with pytest.raises(WorldError, match="in iCloud only") as told:
        policy_file.read_text(tmp_path / "policy.yaml")
    assert "brctl download" in told.value.hint


def test_where_the_policy_is_on_a_mac(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert policy_file.policy_path(None) == home / "Library/Application Support/blockctl/policy.yaml"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"version: 1\n# \xff\n", "p.yaml:2:3: P001 the byte 0xFF is not UTF-8", id="not UTF-8"),
        pytest.param(b"\xc3", "p.yaml:1:1: P001 the byte 0xC3 is not UTF-8", id="cut off"),
        pytest.param("version: 1".encode("utf-16"), "p.yaml: P001 the file is UTF-16", id="UTF-16"),
        pytest.param(b"#" * (policy_file.MAX_BYTES + 1), "p.yaml: P001 the policy has more than 17 MB", id="too large"),
    ],
)
def test_bytes_that_are_no_text(data: bytes, message: str) -> None:
    with pytest.raises(BlockctlError, match=re.escape(message)) as raised:
        policy_file.decode(data, "p.yaml")
    assert raised.value.status == 2
    assert raised.value.hint


def test_what_cannot_be_read_names_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(BlockctlError, match="there is no policy at") as raised:
        policy_file.read_text(tmp_path / "none.yaml")
    assert raised.value.status == 2
    assert "blockctl init" in raised.value.hint
    with pytest.raises(BlockctlError, match="it is a folder") as raised:
        policy_file.read_text(tmp_path)
    assert raised.value.status == 2


@NOT_ROOT
def test_an_unreadable_policy(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("version: 1\n")
    path.chmod(0)
    with pytest.raises(BlockctlError, match="cannot read the policy") as raised:
        policy_file.read_text(path)
    assert raised.value.status == 2


def test_text_comes_and_goes_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes("\ufeffversion: 1\r\n# é\r\n".encode())
    assert policy_file.read_text(path) == "\ufeffversion: 1\r\n# é\r\n"
    assert policy_file.edit(path, lambda text: text + "x\r\n")
    assert path.read_bytes() == "\ufeffversion: 1\r\n# é\r\nx\r\n".encode()


def test_an_edit_keeps_mode_and_link_and_leaves_nothing_beside(tmp_path: Path) -> None:
    real, link = tmp_path / "real" / "p.yaml", tmp_path / "link.yaml"
    real.parent.mkdir()
    real.write_text("a\n")
    real.chmod(0o640)
    link.symlink_to(real)
    assert policy_file.edit(link, str.upper)
    assert link.is_symlink()
    assert real.read_text() == "A\n"
    assert real.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in real.parent.iterdir()] == ["p.yaml"]


def test_what_is_not_changed_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("a\n")
    before = path.stat()
    assert not policy_file.edit(path, lambda text: text)
    assert path.stat() == before


def test_a_change_that_fails_leaves_the_file_and_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("a\n")

    def fail(text: str) -> str:
        raise BlockctlError(f"no {text}")

    with pytest.raises(BlockctlError, match="no a"):
        policy_file.edit(path, fail)
    assert policy_file.edit(path, str.upper)
    assert [path.name for path in tmp_path.iterdir()] == ["p.yaml"]


def _fails(error: int) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(error, os.strerror(error))

    return fail


@pytest.mark.parametrize(
    ("function", "error"),
    [
        pytest.param("fsync", errno.ENOSPC, id="the disk is full"),
        pytest.param("fsync", errno.EIO, id="the disk fails"),
        pytest.param("open", errno.EROFS, id="the folder is read-only"),
    ],
)
def test_a_failing_disk_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, error: int
) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("a\n")
    with monkeypatch.context() as patched:
        patched.setattr(os, function, _fails(error))
        with pytest.raises(WorldError, match="cannot write") as raised:
            policy_file.edit(path, str.upper)
    assert raised.value.status == 3
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("p.yaml", "a\n")]


@NOT_ROOT
def test_a_read_only_folder(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("a\n")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(WorldError, match="cannot write"):
            policy_file.edit(path, str.upper)
    finally:
        tmp_path.chmod(0o700)
    assert path.read_text() == "a\n"


def test_create_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "new" / "p.yaml"
    policy_file.create(path, "a\n")
    with pytest.raises(BlockctlError, match="exists, and is left as it is") as raised:
        policy_file.create(path, "b\n")
    assert raised.value.status == 2
    assert path.read_text() == "a\n"
    dangling = tmp_path / "dangling.yaml"
    dangling.symlink_to(tmp_path / "nowhere")
    with pytest.raises(BlockctlError, match="exists"):
        policy_file.create(dangling, "b\n")
    with pytest.raises(WorldError, match="cannot write"):
        policy_file.create(path / "below a file" / "p.yaml", "b\n")


WRITER = """
import sys
from pathlib import Path
from blockctl.io import policy_file
for number in range(20):
    policy_file.edit(Path(sys.argv[1]), lambda text: text + f"{sys.argv[2]} {number}\\n")
"""


def test_processes_that_edit_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("")
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in "abcd"]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    lines = path.read_text().splitlines()
    assert sorted(lines) == sorted(f"{name} {number}" for name in "abcd" for number in range(20))
    for name in "abcd":  # and each process's own in their order
        assert [line for line in lines if line[0] == name] == [f"{name} {number}" for number in range(20)]
    assert [each.name for each in tmp_path.iterdir()] == ["p.yaml"]


KILLED = """
import sys, time
from pathlib import Path
from blockctl.io import policy_file
def change(text):
    print("in", flush=True)
    time.sleep(60)
policy_file.edit(Path(sys.argv[1]), change)
"""


@pytest.mark.skipif(policy_file.fcntl is None, reason="needs fcntl: a killed process's lock is freed by the system")
def test_a_killed_process_leaves_the_file_whole_and_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("a\n")
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"in\n"
        process.send_signal(signal.SIGKILL)
    assert path.read_text() == "a\n"
    assert policy_file.edit(path, str.upper)
    assert path.read_text() == "A\n"


@pytest.mark.parametrize("with_fcntl", [True, False])
def test_who_waits_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_fcntl: bool) -> None:
    if not with_fcntl:
        monkeypatch.setattr(policy_file, "fcntl", None)
    monkeypatch.setattr(policy_file, "LOCK_SECONDS", 0.05)
    path = tmp_path / "p.yaml"
    path.write_text("a\n")
    with policy_file.locked(path), pytest.raises(WorldError, match="another blockctl is changing"):
        policy_file.edit(path, str.upper)
    assert policy_file.edit(path, str.upper)
    assert [each.name for each in tmp_path.iterdir()] == ["p.yaml"]


def test_a_lock_file_that_was_replaced_is_no_lock(tmp_path: Path) -> None:
    """A process that opened the lock file just before it was removed must not believe that it holds the lock."""
    path = tmp_path / "p.yaml"
    lock = tmp_path / ".p.yaml.lock"
    with policy_file.locked(path):
        lock.unlink()
        with policy_file.locked(path):
            assert lock.exists()
    assert not lock.exists()
