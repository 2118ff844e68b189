"""Outputs are whole or not there: killed in the middle, a full disk, nothing new."""

import mmap
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from blockctl.io.files import is_in_memory, remove_leftovers, write_file
from blockctl.model.diagnostic import WorldError

WRITER = """
import sys
from pathlib import Path
from blockctl.io.files import write_file
path = Path(sys.argv[1])
print("ready", flush=True)
turn = 0
while True:
    turn += 1
    letter = b"ab"[turn % 2 : turn % 2 + 1]
    write_file(path, [letter * 1000, memoryview(letter * 4_000_000), letter])
"""


def test_pieces_are_written_in_order_and_the_mode_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "list.txt"
    assert write_file(path, [b"one\n", memoryview(b"two\n")])
    path.chmod(0o640)
    assert write_file(path, [b"three\n"])
    assert path.read_bytes() == b"three\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in path.parent.iterdir()] == ["list.txt"]


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_equal_bytes_leave_the_file_alone(tmp_path: Path, size: int) -> None:
    path = tmp_path / "list.txt"
    data = random.Random(size).randbytes(size)
    assert write_file(path, [data[: size // 3], data[size // 3 :]])
    before = path.stat()
    assert not write_file(path, [data])
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    if size:
        assert write_file(path, [data[:-1], bytes([data[-1] ^ 1])])
        assert path.read_bytes()[-1] == data[-1] ^ 1


def test_a_kill_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    write_file(path, [b"a" * 4_001_001])
    chance = random.Random(7)
    for _ in range(12):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(chance.random() / 20)
            writer.send_signal(signal.SIGKILL)
        data = path.read_bytes()
        assert len(data) == 4_001_001
        assert set(data) in ({ord("a")}, {ord("b")})
    theirs, young = tmp_path / ".theirs.new", tmp_path / ".list.txt.young.new"
    for each in (theirs, young):
        each.touch()
    for each in tmp_path.iterdir():
        if each != young:
            os.utime(each, (0, 0))
    remove_leftovers(tmp_path, {"list.txt"}, set())
    assert {each.name for each in tmp_path.iterdir()} == {"list.txt", theirs.name, young.name}


def test_a_pipe_and_a_link_stay_what_they_are(tmp_path: Path) -> None:
    pipe, real, link = tmp_path / "pipe", tmp_path / "real.txt", tmp_path / "link.txt"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert write_file(pipe, [b"through"])
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert pipe.is_fifo()
    real.write_text("old")
    link.symlink_to(real)
    assert write_file(link, [b"new"])
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_leftovers_of_an_earlier_run_go(tmp_path: Path) -> None:
    for name in ("network.json", "network-2.json", "mine.json"):
        (tmp_path / name).write_text("x")
    remove_leftovers(tmp_path, {"network.json"}, {"network.json", "network-2.json"})
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mine.json", "network.json"]


def _small_files() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_a_full_disk_is_said_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("old")
    script = (
        "import sys; from pathlib import Path; from blockctl.io.files import write_file\n"
        "from blockctl.model.diagnostic import WorldError\n"
        "try: write_file(Path(sys.argv[1]), [b'x' * 1_000_000])\n"
        "except WorldError as error: print(error); sys.exit(error.status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, preexec_fn=_small_files, check=False
    )
    assert done.returncode == 3, done.stderr
    assert "cannot write" in done.stdout
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["list.txt"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(WorldError, match="cannot write"):
        write_file(tmp_path / "list.txt", [b"x"])
    tmp_path.chmod(0o700)


def test_a_new_file_is_for_those_whom_the_umask_lets(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "list.txt", [b"x"])
    finally:
        os.umask(before)
    assert (tmp_path / "list.txt").stat().st_mode & 0o777 == 0o640


def test_a_mapped_file_is_not_in_memory(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"x" * 2_000_000)
    with (tmp_path / "body").open("rb") as file:
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    assert [is_in_memory(chunk) for chunk in (mapped, mapped[5:], bytes(mapped), memoryview(bytes(mapped)), b"x")] == [
        False, False, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("lasting", [True, False])
def test_a_lasting_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lasting: bool
) -> None:
    path, synced = tmp_path / "rules", []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append((os.fstat(handle).st_size, path.exists())))
    assert write_file(path, [b"0123", b"45"], lasting=lasting)
    assert synced == [(6, False)] * lasting
    assert path.read_bytes() == b"012345"
