"""`blockctl fix` with a real resolver, and a script in the place of the browser and the person."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.running import Running, Upstream, serving

ROOT = Path(__file__).parents[2]
POLICY = """\
version: 1
# mine
sites:
  other.example: {{javascript: deny}}   # stays
lists:
  - {{name: mine, path: list.txt}}
resolver:
  listen: ["127.0.0.1:PORT"]
  upstreams: ["127.0.0.1:{upstream}"]
"""
HOSTS = [f"t{number}.example" for number in range(12)]
LIST = "".join(f"||{host}^\n" for host in HOSTS)

# Opens the page as a browser does: asks for its name and all it needs. It works when these hosts have addresses.
BROWSER = """\
import sys
sys.path.insert(0, sys.argv[1])
from dnslib import DNSRecord
from tests.serve.running import ask_udp
port, needed, all_of_them = int(sys.argv[2]), sys.argv[3].split(","), sys.argv[4].split(",")
got = {name for name in ["shop.example", *all_of_them]
       if DNSRecord.parse(ask_udp(port, DNSRecord.question(name).pack())).rr}
sys.exit(0 if set(needed) <= got else 1)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    upstream = Upstream()
    with serving(
        tmp_path, POLICY.format(upstream=upstream.port), **{"list.txt": LIST, "browser.py": BROWSER}
    ) as running:
        yield running
    upstream.close()


def test_of(server: Running, *needed: str) -> str:
    words = [
        sys.executable,
        str(server.folder / "browser.py"),
        str(ROOT),
        str(server.port),
        ",".join(needed),
        ",".join(HOSTS),
    ]
    return shlex.join(words)


test_of.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "needed", [["t7.example"], ["t0.example", "t11.example"], ["t2.example", "t3.example", "t9.example"]]
)
def test_the_fewest_hosts_are_found_and_allowed_on_the_site_alone(server: Running, needed: list[str]) -> None:
    before = server.policy.read_text()
    done = server.run("fix", "shop.example", "--test", test_of(server, *needed), "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert sorted(said["allowed"]) == sorted(needed)
    assert len(said["suspects"]) == len(HOSTS)
    after = server.policy.read_text()
    assert [line for line in after.splitlines() if line in before.splitlines()] == before.splitlines()
    (added,) = [line for line in after.splitlines() if line not in before.splitlines()]
    assert added.startswith("  shop.example: {allow: [")
    assert "until" not in after
    for host in HOSTS:
        server.until(lambda host=host: (server.code(host) == "NOERROR") is (host in needed))  # type: ignore[misc]


def test_it_was_not_us(server: Running) -> None:
    before = server.policy.read_bytes()
    done = server.run("fix", "shop.example", "--test", test_of(server, "t1.example", "unheard-of"))
    assert done.returncode == 1
    assert "it was not us" in done.stderr
    assert "blockctl doctor shop.example" in done.stderr
    assert server.policy.read_bytes() == before


def test_nothing_of_it_is_blocked(server: Running) -> None:
    before = server.policy.read_bytes()
    done = server.run("fix", "elsewhere.example", "--test", "false")
    assert done.returncode == 1
    assert "it was not the resolver" in done.stderr
    assert server.policy.read_bytes() == before


def test_what_browsers_stop_is_named(server: Running) -> None:
    (server.folder / "browser.txt").write_text("||lib.example^$script\n")
    text = server.policy.read_text()
    lists = "lists:\n  - {name: browsers, path: browser.txt, use: [browser]}\n"
    server.policy.write_text(text.replace("lists:\n", lists))
    opens = test_of(server, "unheard-of").replace(HOSTS[0], "lib.example").replace(HOSTS[1], "free.example")
    done = server.run("fix", "shop.example", "--test", opens)
    assert done.returncode == 1
    assert "browsers stop lib.example by browser.txt:1: ||lib.example^$script" in done.stderr
    assert "browsers stop free.example" not in done.stderr


def test_what_works_is_left_alone(server: Running) -> None:
    before = server.policy.read_bytes()
    done = server.run("fix", "shop.example", "--test", "true")
    assert (done.returncode, server.policy.read_bytes()) == (1, before)
    assert "works as it is" in done.stderr


def hanging(server: Running) -> subprocess.Popen[bytes]:
    """Start a repair, and return when it hangs in the middle of a try."""
    before, mark = server.policy.read_bytes(), shlex.quote(str(server.folder / "again"))
    hangs = f"{test_of(server, 'unheard-of')} || {{ test -e {mark} && sleep 60; touch {mark}; false; }}"
    words = ["fix", "shop.example", "--test", hangs]
    words += ["--policy", str(server.policy), "--state", str(server.folder / "state")]
    process = subprocess.Popen(
        [sys.executable, "-m", "blockctl", *words], stderr=subprocess.PIPE, start_new_session=True
    )
    end = time.monotonic() + 60
    while server.policy.read_bytes() == before:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    text = server.policy.read_text()
    assert text.count("until:") == len(HOSTS), "each try lapses by itself"
    assert "max-ttl: 5s" in text, "and is soon forgotten"
    time.sleep(0.5)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_it_puts_the_policy_back_to_the_byte(server: Running, number: signal.Signals) -> None:
    before = server.policy.read_bytes()
    process = hanging(server)
    os.killpg(process.pid, number)
    process.communicate(timeout=60)
    assert server.policy.read_bytes() == before
    assert not (server.folder / "state/fix.json").exists()


@pytest.mark.parametrize("theirs", ["", "# theirs\n"])
def test_killed_it_is_taken_back_by_the_next(server: Running, theirs: str) -> None:
    before = server.policy.read_text()
    process = hanging(server)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    with server.policy.open("a") as file:
        file.write(theirs)
    assert "until:" in server.policy.read_text()
    done = server.run("fix", "shop.example", "--test", "true")
    assert "was cut short: what it tried is taken back" in done.stderr
    assert server.policy.read_text() == before + theirs


def test_a_change_of_somebody_else_meanwhile_is_kept(server: Running) -> None:
    adds = f"{test_of(server, 't1.example')} || {{ echo '# theirs' >> {server.policy}; false; }}"
    done = server.run("fix", "shop.example", "--test", adds)
    assert done.returncode == 2
    assert "was changed meanwhile" in done.stderr
    assert server.policy.read_text().endswith("# theirs\n")
    assert "max-ttl" not in server.policy.read_text()


def test_a_person_answers(server: Running) -> None:
    """The log has the page's questions already; yes as soon as t4.example is allowed."""
    subprocess.run(test_of(server, "t4.example"), shell=True, check=False)
    words = ["fix", "shop.example", "--policy", str(server.policy), "--state", str(server.folder / "state")]
    command = [sys.executable, "-m", "blockctl", *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    assert process.stdin is not None
    assert process.stderr is not None
    said = b""
    while piece := process.stderr.read(1):
        said += piece
        if said.endswith(b"[y/n]:"):
            works = server.code("t4.example") == "NOERROR"
            process.stdin.write(b"y\n" if works else b"n\n")
    assert process.wait(60) == 0, said.decode()
    assert "shop.example: {allow: [t4.example]}" in server.policy.read_text()


def test_what_a_lapsed_entry_had_replaced_comes_back(tmp_path: Path) -> None:
    """Nothing is left to lapse when a repair begins: what it writes for good would else be lost with that entry."""
    policy = tmp_path / "policy.yaml"
    text = "version: 1\nresolver: {listen: ['127.0.0.1:1']}\nsites:\n  shop.example: "
    policy.write_text(f"{text}{{javascript: allow, until: 2020-01-01T00:00:00Z}}\n")
    said = {"until": "2020-01-01T00:00:00Z", "words": {"javascript": "deny"}, "hide": None}
    (tmp_path / "state/api").mkdir(parents=True)
    (tmp_path / "state/api/returns.json").write_text(json.dumps({"shop.example": said}))
    words = ["--policy", str(policy), "--state", str(tmp_path / "state")]
    run = subprocess.run([sys.executable, "-m", "blockctl", "fix", "shop.example", *words], capture_output=True)
    assert run.returncode == 3, "no resolver runs here"
    assert policy.read_text() == f"{text}{{javascript: deny}}\n"


def test_without_a_resolver_nothing_is_tried(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text('version: 1\nresolver: {listen: ["127.0.0.1:1"]}\n')
    words = [
        "fix",
        "shop.example",
        "--test",
        "false",
        "--policy",
        str(tmp_path / "policy.yaml"),
        "--state",
        str(tmp_path),
    ]
    done = subprocess.run([sys.executable, "-m", "blockctl", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "blockctl serve" in done.stderr
