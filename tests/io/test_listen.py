"""Sockets bound, refused with the way out, or handed over."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from blockctl.io import handed, holder, listen
from blockctl.io.handed import from_launchd, handed_over
from blockctl.io.listen import Inherited, bind
from blockctl.model.diagnostic import WorldError
from blockctl.model.listen import Listen


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as sock:
        sock.bind(("::1", 0))
        return True
    return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="IPv6 is switched off here")


def stream(address: str = "127.0.0.1", family: int = socket.AF_INET) -> socket.socket:
    sock = socket.socket(family)
    sock.bind((address, 0))
    sock.listen()
    return sock


def datagram(port: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", port))
    return sock


def test_plain_dns_has_one_port_for_both() -> None:
    bindings = bind(["127.0.0.1:0", "tls://127.0.0.1:0", "https://127.0.0.1:0/q"])
    plain, dot, doh = bindings.bound
    assert plain.udp is not None
    assert plain.udp.getsockname() == plain.tcp.getsockname() == ("127.0.0.1", plain.listen.port)
    assert (dot.udp, doh.udp, doh.listen.path) == (None, None, "/q")
    assert plain.udp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) > 212_992
    bindings.close()
    bind([str(plain.listen)]).close()  # and is free again


@needs_ipv6
def test_every_address_of_both_families() -> None:
    first = bind(["0.0.0.0:0"])
    port = first.bound[0].listen.port
    second = bind([f"[::]:{port}"])
    with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("::1", port)):
        pass
    first.close()
    second.close()


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_port_that_is_held_names_who_holds_it(kind: str) -> None:
    held = stream() if kind == "tcp" else datagram()
    port = held.getsockname()[1]
    with held, pytest.raises(WorldError) as caught:
        bind(["tls://127.0.0.1:0", f"127.0.0.1:{port}"])
    if sys.platform == "linux":
        name = Path("/proc/self/comm").read_text().strip()
        assert str(caught.value) == (
            f"cannot listen on 127.0.0.1:{port}: {name} (pid {os.getpid()}) holds its {kind.upper()} port"
        )
    assert "listen elsewhere: 127.0.0.1:5335" in caught.value.hint
    bind([f"127.0.0.1:{port}"]).close()


@pytest.mark.parametrize(
    ("place", "other"),
    [("127.0.0.1:5335", "127.0.0.1:5336"), ("tls://127.0.0.1:8853", "tls://127.0.0.1:8854")],
)
def test_a_port_that_is_held_is_not_what_is_advised(monkeypatch: pytest.MonkeyPatch, place: str, other: str) -> None:
    class Held(socket.socket):
        def bind(self, address: object) -> None:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))

    monkeypatch.setattr("blockctl.io.listen.socket.socket", Held)
    with pytest.raises(WorldError) as caught:
        bind([place])
    assert caught.value.hint == f"stop it, or listen elsewhere: {other}"


@pytest.mark.parametrize(
    ("error", "place", "said", "hint"),
    [
        pytest.param(13, "127.0.0.1:53", "may not use ports below 1024", "listen on 127.0.0.1:5335", id="rights"),
        pytest.param(13, "tls://127.0.0.1", "may not use ports below", "listen on tls://127.0.0.1:8853", id="DoT"),
        pytest.param(13, "127.0.0.1:5335", "Permission denied", "", id="another refusal"),
        pytest.param(97, "[::1]:53", "IPv6 is switched off here", "", id="no IPv6"),
        pytest.param(105, "127.0.0.1:53", "No buffer space", "", id="anything else"),
    ],
)
def test_what_the_system_refuses(monkeypatch: pytest.MonkeyPatch, error: int, place: str, said: str, hint: str) -> None:
    class Refusing(socket.socket):
        def bind(self, address: object) -> None:
            raise OSError(error, os.strerror(error))

    monkeypatch.setattr("blockctl.io.listen.socket.socket", Refusing)
    with pytest.raises(WorldError) as caught:
        bind([place])
    assert said in str(caught.value)
    assert hint in caught.value.hint


def test_an_address_of_another_machine() -> None:
    with pytest.raises(WorldError, match="this machine has no such address") as caught:
        bind(["192.0.2.1:5335"])
    assert "shows those it has" in caught.value.hint


def test_systemd_resolved_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blockctl.io.listen.holder", lambda *_: "systemd-resolve (pid 1)")
    error = listen._cannot(Listen("dns", "0.0.0.0", 53), socket.SOCK_DGRAM, OSError(98, "in use"))
    assert "127.0.0.1:53" in error.hint


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="no SO_REUSEPORT")
def test_workers_share_a_port_and_strangers_do_not() -> None:
    first = bind(["127.0.0.1:0"], share=True)
    place = str(first.bound[0].listen)
    second = bind([place], share=True)
    with pytest.raises(WorldError, match="holds its TCP port"):
        bind([place])
    first.close()
    second.close()


def test_sockets_handed_over_are_found_by_their_place() -> None:
    tcp = stream()
    port = tcp.getsockname()[1]
    udp, dot, odd = datagram(port), stream(), stream()
    dot_port, odd_port = dot.getsockname()[1], odd.getsockname()[1]
    given = [Inherited(odd, "x"), Inherited(dot, "any"), Inherited(udp), Inherited(tcp)]
    bindings = bind([f"127.0.0.1:{port}", f"tls://127.0.0.1:{dot_port}"], given)
    assert [(each.tcp, each.udp, each.inherited) for each in bindings.bound] == [(tcp, udp, True), (dot, None, True)]
    assert bindings.unused == [f"127.0.0.1:{odd_port}"]
    assert odd.fileno() == -1, "closed: clients would wait for ever"
    bindings.close()


def test_sockets_handed_over_by_name_need_no_line_in_the_policy() -> None:
    tcp, doh, lone = stream(), stream(), stream()
    port = tcp.getsockname()[1]
    udp, stray = datagram(port), datagram()
    given = [Inherited(tcp, "dns"), Inherited(udp, "dns"), Inherited(doh, "https"), Inherited(lone, "dns")]
    bindings = bind([], [*given, Inherited(stray, "dns")])
    assert [each.listen.scheme for each in bindings.bound] == ["dns", "https"]
    assert bindings.bound[0].udp is udp
    assert bindings.bound[1].listen.path == "/dns-query"
    assert len(bindings.unused) == 2
    bindings.close()


def test_half_of_a_place_handed_over_is_completed() -> None:
    udp = datagram()
    port = udp.getsockname()[1]
    bindings = bind([f"127.0.0.1:{port}"], [Inherited(udp)])
    assert bindings.bound[0].udp is udp
    assert bindings.bound[0].tcp.getsockname()[1] == port
    bindings.close()


CHILD = """
import os, socket, sys
from blockctl.io.handed import handed_over
os.environ["LISTEN_PID"] = str(os.getpid())
first, second = handed_over(), handed_over()
left = [name for name in os.environ if name.startswith("LISTEN_")]
print([(each.name, each.sock.getsockname()[1], each.sock.get_inheritable()) for each in first], second, left)
"""


def test_systemd_hands_over() -> None:
    with stream() as tcp, datagram() as udp, Path(os.devnull).open() as nothing:
        # descriptors 3, 4 and 5 of the child, by way of a shell that puts them there
        shell = f'exec 3<&{tcp.fileno()} 4<&{udp.fileno()} 5<&{nothing.fileno()}; exec {sys.executable} -c "$CODE"'
        environ = {**os.environ, "CODE": CHILD, "LISTEN_FDS": "3", "LISTEN_FDNAMES": "dns:tls.socket"}
        command = ["bash", "-c", shell]
        numbers = (tcp.fileno(), udp.fileno(), nothing.fileno())
        result = subprocess.run(
            command, env=environ, pass_fds=numbers, capture_output=True, text=True, check=True, timeout=30
        )
        expected = [("dns", tcp.getsockname()[1], False), ("tls.socket", udp.getsockname()[1], False)]
        assert result.stdout == f"{expected} [] []\n"


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"LISTEN_PID": "1", "LISTEN_FDS": "1"}, id="meant for another process"),
        pytest.param({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "many"}, id="not a number"),
    ],
)
def test_systemd_hands_nothing_over(environ: dict[str, str]) -> None:
    assert handed_over(environ) == []
    assert environ == {}


class FakeLaunchd:
    """launch_activate_socket(3) and free(3), as ctypes would call them."""

    def __init__(self, sockets: dict[bytes, list[int]]) -> None:
        self.freed = 0
        self.arrays = {name: (ctypes.c_int * len(numbers))(*numbers) for name, numbers in sockets.items()}

        def activate(name: bytes, numbers: object, count: object) -> int:
            if name not in self.arrays:
                return 2  # ENOENT
            out = ctypes.cast(numbers, ctypes.POINTER(ctypes.POINTER(ctypes.c_int)))  # type: ignore[arg-type]
            out[0] = ctypes.cast(self.arrays[name], ctypes.POINTER(ctypes.c_int))
            ctypes.cast(count, ctypes.POINTER(ctypes.c_size_t))[0] = len(self.arrays[name])  # type: ignore[arg-type]
            return 0

        def free(_: object) -> None:
            self.freed += 1

        self.launch_activate_socket = activate
        self.free = free


def test_launchd_hands_over() -> None:
    tcp, udp, doh = stream(), datagram(), stream()
    library = FakeLaunchd({b"dns": [tcp.detach(), udp.detach()], b"https": [doh.detach()]})
    found = from_launchd(handed.NAMES, library)  # type: ignore[arg-type]
    assert [(each.name, each.sock.type) for each in found] == [
        ("dns", socket.SOCK_STREAM),
        ("dns", socket.SOCK_DGRAM),
        ("https", socket.SOCK_STREAM),
    ]
    assert library.freed == 2
    for each in found:
        each.sock.close()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux")
def test_who_holds_the_port_of_another_address_is_not_blamed() -> None:
    with datagram() as held:
        port = held.getsockname()[1]
        assert f"(pid {os.getpid()})" in holder.holder("127.0.0.1", port, "udp")
        assert f"(pid {os.getpid()})" in holder.holder("0.0.0.0", port, "udp")
        assert holder.holder("127.0.0.2", port, "udp") == ""
        assert holder.holder("127.0.0.1", port, "tcp") == ""


@needs_ipv6
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux")
def test_who_holds_a_port_of_ipv6() -> None:
    with stream("::1", socket.AF_INET6) as held:
        assert f"(pid {os.getpid()})" in holder.holder("::1", held.getsockname()[1], "tcp")


def test_who_holds_a_port_where_nobody_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert holder._from_proc("127.0.0.1", 5335, "udp", tmp_path) == ""
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    assert holder._from_lsof(5335, "udp") == ""


def test_lsof_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lsof = tmp_path / "lsof"
    lsof.write_text("#!/bin/sh\nprintf 'p77\\ncmDNSResponder\\nf8\\np99\\ncother\\n'\n")
    lsof.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda *_, **__: str(lsof))
    assert holder._from_lsof(53, "udp") == "mDNSResponder (pid 77)"
