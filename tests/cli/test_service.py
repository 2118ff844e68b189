"""The commands of `service` as a user without rights, or without a service manager, meets them; and first use."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import typer
import typer.main

from blockctl.cli import ways
from blockctl.cli.examples import EXAMPLES, WIDE, examples
from blockctl.cli.main import COMMANDS, make_app
from blockctl.io import opening, service_manager, service_steps
from blockctl.io.shell import completed_command
from blockctl.io.strategies import strategies
from blockctl.io.system_dns import SystemDns
from blockctl.io.system_dns_places import ResolvConf
from tests.cli.run import Run, runner

POLICY = "version: 1\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    (tmp_path / "policy.yaml").write_text(POLICY)
    return runner(tmp_path, monkeypatch, capfd)


@pytest.fixture
def dns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SystemDns:
    """Return a system resolver of this test's own, which is what the commands find."""
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.53\n")
    made = SystemDns(ResolvConf(tmp_path / "resolv.conf", "127.0.0.1"), tmp_path / "record")
    monkeypatch.setattr(service_steps, "system_dns", lambda commands: made)
    monkeypatch.setattr(service_steps, "record_folder", lambda: tmp_path / "record")
    return made


@pytest.mark.parametrize(
    "words", [["install", "--user", "daemon"], ["uninstall"], ["dns", "on"], ["dns", "off"], ["watch"]]
)
def test_only_root_changes_the_system(
    words: list[str], run: Run, dns: SystemDns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_manager, "is_root", lambda: False)
    done = run("service", *words)
    assert done.status == 3
    assert "put sudo before it" in done.err or "neither runs this machine" in done.err


def test_upstreams_are_asked_for_first(run: Run, dns: SystemDns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_manager, "is_root", lambda: True)
    done = run("service", "dns", "on")
    assert done.status == 2
    assert "the policy names no upstreams" in done.err
    assert "dns.quad9.net" in done.err


def test_status_of_the_systems_resolver(run: Run, dns: SystemDns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_manager, "is_root", lambda: False)
    done = run("service", "dns", "status")
    assert done.status == 1
    assert "asks whom it asked before" in done.out
    dns.on()
    done = run("service", "dns", "status", "--json")
    assert done.status == 0
    assert list(json.loads(done.out)["places"].values()) == [True]
    dns.step_aside("a reason")
    assert "aside: a reason" in run("service", "dns", "status").out


def test_off_gives_back_and_can_be_said_twice(
    run: Run, dns: SystemDns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_manager, "is_root", lambda: True)
    dns.on()
    dry = run("service", "dns", "off", "--dry-run")
    assert "would give" in dry.out
    assert dns.record().wanted
    for _ in range(2):
        assert run("service", "dns", "off").status == 0
        assert (tmp_path / "resolv.conf").read_text() == "nameserver 192.0.2.53\n"


def test_a_next_command_mends_what_was_killed(
    run: Run, dns: SystemDns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blockctl.dns.told import Told
    from blockctl.io import system_dns_watch

    monkeypatch.setattr(service_manager, "is_root", lambda: True)
    monkeypatch.setattr(system_dns_watch, "ask", lambda server, *rest: Told(server))
    dns.on()
    done = run("service", "dns", "status")
    assert done.status == 1
    assert "does not answer" in done.err
    assert (tmp_path / "resolv.conf").read_text() == "nameserver 192.0.2.53\n"


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        pytest.param({}, "darwin", True, id="a Mac"),
        pytest.param({"CI": "1"}, "darwin", False, id="CI"),
        pytest.param({"SSH_CONNECTION": "a b"}, "darwin", False, id="over ssh"),
        pytest.param({}, "linux", False, id="no screen"),
        pytest.param({"SUDO_USER": "me", "DISPLAY": ":0"}, "linux", False, id="sudo"),
    ],
)
def test_a_page_opens_only_before_a_person(environ: dict[str, str], platform: str, expected: bool) -> None:
    assert opening.is_desktop(environ, platform) is expected


def test_a_page_opens_when_somebody_listens() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert opening.wait_for(f"http://127.0.0.1:{port}/#code=1", 5)
    assert not opening.wait_for(f"http://127.0.0.1:{port}/", 0.2)


def test_the_browser_is_led_to_the_address_by_a_file_that_nobody_else_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """$BROWSER is what Python's own webbrowser obeys; what it is started with every user can read."""
    import socket
    import stat
    import time
    from urllib.parse import unquote, urlsplit

    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/new && mv {tmp_path}/new {tmp_path}/opened\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WSL_DISTRO_NAME", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/#code=abc"
        opening.open_soon(address)
        end = time.monotonic() + 60
        while not (tmp_path / "opened").exists():
            assert time.monotonic() < end
            time.sleep(0.05)
    words = (tmp_path / "opened").read_text().strip()
    assert words.startswith("file:///")
    assert "abc" not in words
    file = Path(unquote(urlsplit(words).path))
    assert file.parent == tmp_path
    assert not file.name.startswith(".")  # a browser that snap confines sees no such file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert f'content="0;url={address}"' in file.read_text()


def test_the_file_goes_and_without_one_no_code_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import webbrowser

    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(opening, "LEFT", 0.0)
    opening.open_page("http://127.0.0.1:5380/#code=abc", tmp_path)
    assert opened[0].startswith("file:///")
    assert list(tmp_path.iterdir()) == []
    for folder in (tmp_path / "absent", opening.home({"WSL_DISTRO_NAME": "Debian"})):
        opening.open_page("http://127.0.0.1:5380/#code=abc", folder)
        assert opened.pop() == "http://127.0.0.1:5380/"


def test_every_way_of_browsing_ships() -> None:
    assert sorted(ways.WAYS) == strategies()
    assert len(ways.WAYS) == 6


@pytest.mark.parametrize(
    ("said", "way"), [("1", "js-denylist-dns"), ("6", "nothing"), ("ublock", "ublock"), ("7", ""), ("0", ""), ("²", "")]
)
def test_a_way_is_said_by_number_or_name(said: str, way: str) -> None:
    assert ways.read_way(said) == way


def test_init_asks_nobody_who_is_not_there(run: Run, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").unlink()
    assert run("init").status == 0
    assert (tmp_path / "policy.yaml").read_text().startswith("# JavaScript runs, except where you say no; ads")
    assert run("init").status == 2


def test_up_says_in_five_lines_what_to_do_next(run: Run, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").unlink()
    done = run("up", "--once", "--out", str(tmp_path / "out"))
    assert done.status == 0
    lines = done.out.partition("Next:\n")[2].splitlines()
    assert [line.split()[0] for line in lines][1:] == ["browser", "blockers", "phone", "file"]
    assert "service install" in lines[0]
    assert "http://127.0.0.1:5380/" in lines[1]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed(shell: str, run: Run) -> None:
    done = run("completion", shell)
    assert done.status == 0
    assert "_BLOCKCTL_COMPLETE" in done.out


def test_an_unknown_shell_is_told(run: Run) -> None:
    assert run("completion", "tcsh").status == 2


def test_a_shell_gets_commands_and_options(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_BLOCKCTL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "blockctl se")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert run().out.split() == ["set", "serve", "service"]
    monkeypatch.setenv("COMP_WORDS", "blockctl set --no")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert run().out.split() == ["--note"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [("blockctl", ""), ("blockctl se", ""), ("blockctl set --no", "set"), ("", "")],
)
def test_which_command_a_shell_completes(words: str, expected: str) -> None:
    assert completed_command({"COMP_WORDS": words, "_BLOCKCTL_COMPLETE": "complete_bash"}) == expected
    assert completed_command({"COMP_WORDS": words}) == ""


@pytest.mark.parametrize("command", EXAMPLES)
def test_examples_are_read_as_the_shell_would(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command, argument and option of an example exists."""
    told = examples(command)
    assert told
    assert max(map(len, told.splitlines())) + 2 <= WIDE + 2
    assert command in COMMANDS
    app = typer.main.get_command(make_app([command]))
    for line, _ in EXAMPLES[command]:
        step = app
        words = shlex.split(line)
        parent = None
        while hasattr(step, "commands"):
            parent = typer.Context(step, info_name=words[0], parent=parent)
            step = step.commands[words.pop(0)]
        step.make_context(words[0] if words else command, words, parent=parent)


@pytest.mark.parametrize("group", [("service",), ("service", "dns")])
def test_what_a_command_does_is_said_whole_in_80_columns(
    group: tuple[str, ...], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = run(*group, "--help")
    assert "..." not in result.out.partition("Commands:")[2]
