"""Real DNS servers on loopback, fed one of our files each, with an upstream that knows every name."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

A, AAAA, TXT = 1, 28, 16
CODES = {0: "noerror", 2: "servfail", 3: "nxdomain", 5: "refused"}
REACHED = b"\xc0\x00\x02\x01"  # 192.0.2.1 (RFC 5737): what the upstream answers
SEARCH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


def free_port() -> int:
    """Return a port that is free for UDP and TCP just now."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as tcp:
        tcp.bind(("127.0.0.1", 0))
        return int(tcp.getsockname()[1])


def query(name: str, kind: int, number: int) -> bytes:
    """Return one question on the wire (RFC 1035, section 4)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)


def question_end(message: bytes) -> int:
    at = 12
    while message[at]:
        at += message[at] + 1
    return at + 5


class Upstream(threading.Thread):
    """Answers every A question with `REACHED`, and others with no data."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                message, client = self.socket.recvfrom(4096)
            except OSError:
                return
            if not message:
                return
            end = question_end(message)
            (kind,) = struct.unpack(">H", message[end - 4 : end - 2])
            answer = b"\xc0\x0c" + struct.pack(">HHIH", A, 1, 60, 4) + REACHED if kind == A else b""
            head = message[:2] + struct.pack(">HHHHH", 0x8180, 1, bool(answer), 0, 0)
            self.socket.sendto(head + message[12:end] + answer, client)

    def stop(self) -> None:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as bell:
            bell.sendto(b"", ("127.0.0.1", self.port))
        self.join()
        self.socket.close()


def ask(port: int, names: Iterable[str], kind: int = A) -> dict[str, str]:
    """Ask a server for many names; say of each `reached`, `nodata`, `null` or the name of the error.

    A SERVFAIL is no verdict, but an upstream that was too slow: it is asked again when servers have forgotten it.
    """
    wanted = dict(enumerate(names))
    found: dict[str, str] = {}
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as udp:
        udp.settimeout(1)
        for _ in range(10):
            waiting = [number for number in wanted if wanted[number] not in found]
            for start in range(0, len(waiting), 50):
                batch = waiting[start : start + 50]
                for number in batch:
                    udp.sendto(query(wanted[number], kind, number), ("127.0.0.1", port))
                for _ in batch:
                    try:
                        message = udp.recv(4096)
                    except TimeoutError:
                        break
                    (number,) = struct.unpack(">H", message[:2])
                    if (said := _says(message)) != "servfail":
                        found[wanted[number]] = said
            if len(found) == len(set(wanted.values())):
                return found
            time.sleep(0.5)
    raise AssertionError(f"no answer for {len(set(wanted.values())) - len(found)} names")


def _says(message: bytes) -> str:
    code = CODES.get(message[3] & 15, str(message[3] & 15))
    if code != "noerror":
        return code
    (answers,) = struct.unpack(">H", message[6:8])
    if not answers:
        return "nodata"
    rdata = message[question_end(message) :][12:]  # of the first answer, whose name is a pointer
    if rdata.startswith(REACHED):
        return "reached"
    return "null" if not any(rdata[:4]) else rdata[:16].hex()


@contextmanager
def serving(engine: str, text: str, folder: Path) -> Iterator[int]:
    """Run a server with our file; give its port."""
    upstream = Upstream()
    upstream.start()
    port = free_port()
    command = COMMANDS[engine](text, folder, port, upstream.port)
    program = shutil.which(command[0], path=SEARCH)
    assert program
    log = (folder / "log").open("wb")
    server = subprocess.Popen([program, *command[1:]], stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        _wait(server, port, folder)
        if engine == "bind":
            _wait_for_zone(server, folder)
        yield port
    finally:
        server.terminate()
        server.wait(20)
        upstream.stop()
        log.close()


def _wait(server: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as udp:
            udp.settimeout(0.2)
            try:
                udp.sendto(query("ready.test", A, 1), ("127.0.0.1", port))
                if _says(udp.recv(4096)) == "reached":
                    return
            except OSError:
                time.sleep(0.05)
    raise AssertionError((folder / "log").read_text(errors="replace")[-3000:])


def _wait_for_zone(server: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until BIND obeys the policy zone: it answers before, and takes seconds for a zone of 300,000 names."""
    deadline = time.monotonic() + 120
    while "reload done: success" not in (said := (folder / "log").read_text(errors="replace")):
        assert time.monotonic() < deadline and server.poll() is None, said[-3000:]
        time.sleep(0.1)


def _dnsmasq(text: str, folder: Path, port: int, upstream: int) -> list[str]:
    (folder / "ours").write_text(text)
    own = f"no-resolv\nno-hosts\ncache-size=0\nbind-interfaces\nlisten-address=127.0.0.1\nport={port}\n"
    (folder / "conf").write_text(f"{own}server=127.0.0.1#{upstream}\nconf-file={folder / 'ours'}\n")
    return ["dnsmasq", "-k", "-C", str(folder / "conf"), "--user=root", "--pid-file="]


UNBOUND = """server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  interface: 127.0.0.1@{port}
  do-not-query-localhost: no
  module-config: "{modules}"
  local-zone: "test." nodefault
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@{upstream}
"""


def _unbound(text: str, folder: Path, port: int, upstream: int) -> list[str]:
    (folder / "ours").write_text(text)
    own = UNBOUND.format(folder=folder, port=port, upstream=upstream, modules="iterator")
    (folder / "conf").write_text(f'{own}include: "{folder / "ours"}"\n')
    return ["unbound", "-d", "-c", str(folder / "conf")]


def _unbound_rpz(text: str, folder: Path, port: int, upstream: int) -> list[str]:
    (folder / "ours").write_text(text)
    own = UNBOUND.format(folder=folder, port=port, upstream=upstream, modules="respip iterator")
    (folder / "conf").write_text(f'{own}rpz:\n  name: "rpz.blockctl"\n  zonefile: "{folder / "ours"}"\n')
    return ["unbound", "-d", "-c", str(folder / "conf")]


BIND = """options {{
  directory "{folder}"; pid-file none; session-keyfile none; managed-keys-directory "{folder}";
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion yes; dnssec-validation no;
  empty-zones-enable no;
  forward only; forwarders {{ 127.0.0.1 port {upstream}; }};
  response-policy {{ zone "rpz.blockctl"; }} qname-wait-recurse no;
}};
controls {{}};
zone "rpz.blockctl" {{ type primary; file "ours"; }};
"""


def _bind(text: str, folder: Path, port: int, upstream: int) -> list[str]:
    (folder / "ours").write_text(text)
    (folder / "conf").write_text(BIND.format(folder=folder, port=port, upstream=upstream))
    return ["named", "-g", "-c", str(folder / "conf")]


COMMANDS = {"dnsmasq": _dnsmasq, "unbound": _unbound, "unbound-rpz": _unbound_rpz, "bind": _bind}
