"""`compile`, `export`, `up` and `why` as a person types them, on small lists."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from blockctl.cli.main import main

POLICY = """\
version: 1
defaults: {javascript: allow, blocking: on}
sites:
  rant.example: {javascript: deny}
  news.example:
    allow: [cdn.partner.example]
hosts:
  deny: [telemetry.example]
lists:
  - {name: names, path: names.txt}
  - {name: filters, path: filters.txt, use: [browser]}
targets:
  safari: {path: out/safari}
  ublock: {path: out/ublock.txt}
  unbound: {path: out/unbound.conf}
  dnsmasq: {path: out/dnsmasq.conf}
  rpz: {path: out/blockctl.rpz}
"""
NAMES = "# names\nads.example\ntracker.example\ncdn.partner.example\n"
FILTERS = """\
[Adblock Plus 2.0]
! Title: filters
||banner.example^$third-party
/pixel.gif?$image
@@||banner.example/ok^
news.example##.sponsored
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "names.txt").write_text(NAMES)
    (tmp_path / "filters.txt").write_text(FILTERS)
    return tmp_path


@dataclass
class Done:
    exit_code: int
    output: str  # standard output and error
    stdout_bytes: bytes


def blockctl(*words: str) -> Done:
    """Run the program as `main` does, in this process."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["blockctl", *words])
        patch.setattr("sys.stdout", out)
        patch.setattr("sys.stderr", err)
        with pytest.raises(SystemExit) as stopped:
            main()
        out.flush()
    data = cast(io.BytesIO, out.buffer).getvalue()
    assert "Traceback" not in err.getvalue()
    return Done(int(stopped.value.code or 0), data.decode() + err.getvalue(), data)


def run(folder: Path, *words: str) -> Done:
    return blockctl(*words, "--policy", str(folder / "policy.yaml"), "--state", str(folder / "state"))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_each_file_for_safari_is_counted(folder: Path) -> None:
    printed = run(folder, "compile", "--out", str(folder / "out")).output
    said = json.loads((folder / "out/report.json").read_text())["targets"]["safari"]["rules"]
    files = {name: json.loads((folder / "out/safari" / name).read_text()) for name in said}
    assert said == {name: len(rules) for name, rules in files.items()}
    assert set(said) == {"network.json", "cosmetic.json", "javascript.json"}
    for name in said:
        (line,) = [line for line in printed.splitlines() if name in line]
        assert line.split()[2:] == [f"{said[name]:,}", f"{(folder / 'out/safari' / name).stat().st_size:,}"]


def test_compile_writes_every_target_and_the_report(folder: Path) -> None:
    done = run(folder, "compile")
    assert done.exit_code == 0, done.output
    made = files(folder / "out")
    assert {"safari/network.json", "ublock.txt", "unbound.conf", "dnsmasq.conf", "blockctl.rpz", "report.json"} <= set(
        made
    )
    for name in made:
        if name.endswith(".json"):
            json.loads(made[name])
    report = json.loads(made["report.json"])
    assert [(each["name"], each["format"], each["lines"], each["refused"]) for each in report["lists"]] == [
        ("names", "domains", 4, 0),
        ("filters", "adblock", 6, 0),
    ]
    assert report["targets"]["ublock"]["files"] == {"": len(made["ublock.txt"])}
    assert all(each["rules_out"] > 0 for each in report["targets"].values())
    for name in ("names", "filters", "safari", "ublock", "unbound"):
        assert name in done.output


def test_compile_again_changes_no_byte_and_touches_no_file(folder: Path) -> None:
    run(folder, "compile")
    before = {
        path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in (folder / "out").rglob("*") if path.is_file()
    }
    run(folder, "compile")
    assert before == {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in before}
    first = files(folder / "out")
    run(folder, "compile", "--out", str(folder / "elsewhere"))
    fresh = blockctl(
        "compile",
        "--policy",
        str(folder / "policy.yaml"),
        "--state",
        str(folder / "fresh"),
        "--out",
        str(folder / "third"),
    )
    assert fresh.exit_code == 0
    assert files(folder / "elsewhere") == first == files(folder / "third")


def test_an_edit_reaches_the_outputs_from_what_was_kept(folder: Path) -> None:
    run(folder, "compile")
    assert run(folder, "deny", "edited.example").exit_code == 0
    run(folder, "compile")
    kept = files(folder / "out")
    assert b"edited.example" in kept["ublock.txt"]
    assert b"edited.example" in kept["unbound.conf"]
    blockctl(
        "compile",
        "--policy",
        str(folder / "policy.yaml"),
        "--state",
        str(folder / "fresh"),
        "--out",
        str(folder / "fresh-out"),
    )
    assert files(folder / "fresh-out") == kept


def test_pause_lets_everything_through_and_resume_brings_it_back(folder: Path) -> None:
    run(folder, "compile")
    before = files(folder / "out")
    assert run(folder, "pause", "10m").exit_code == 0
    run(folder, "compile")
    assert b"ads.example" not in files(folder / "out")["unbound.conf"]
    assert run(folder, "why", "ads.example").exit_code == 0
    assert run(folder, "resume").exit_code == 0
    run(folder, "compile")
    after = files(folder / "out")
    assert after == before


def test_strict_says_no_when_something_is_left_out(folder: Path) -> None:
    assert run(folder, "compile", "--strict").exit_code == 1  # DNS cannot say `$third-party`
    (folder / "filters.txt").write_text("<!DOCTYPE html><html><body>404</body></html>")
    done = run(folder, "compile")
    assert done.exit_code == 0
    assert "filters" in done.output
    assert b"ads.example" in files(folder / "out")["ublock.txt"]
    assert run(folder, "compile", "--strict").exit_code == 1


def test_a_wrong_policy_writes_nothing(folder: Path) -> None:
    (folder / "policy.yaml").write_text(POLICY.replace("javascript: deny", "javascript: dney"))
    done = run(folder, "compile")
    assert done.exit_code == 2
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        pytest.param(["compile", "nowhere"], 2, "nowhere", id="compile: no such target"),
        pytest.param(["export", "nowhere"], 2, "nowhere", id="export: no such target"),
        pytest.param(["export", "safari"], 2, "safari/network.json", id="export: one of several files"),
        pytest.param(["export", "unbound", "--into", "x"], 2, "ublock-backup", id="export: --into elsewhere"),
        pytest.param(["why", "a b"], 2, "not an address", id="why: no address"),
        pytest.param(["why", ""], 2, "not an address", id="why: nothing"),
        pytest.param(["why", "https://[::1"], 2, "not an address", id="why: an address cut off"),
        pytest.param(["why", "ads.example", "--kind", "scrpt"], 2, "script", id="why: no kind"),
    ],
)
def test_what_cannot_be_done_is_said(folder: Path, words: list[str], status: int, said: str) -> None:
    done = run(folder, *words)
    assert done.exit_code == status
    assert said in done.output


def test_export_gives_the_bytes_of_compile(folder: Path) -> None:
    run(folder, "compile")
    made = files(folder / "out")
    assert run(folder, "export", "unbound").stdout_bytes == made["unbound.conf"]
    assert run(folder, "export", "safari/network.json").stdout_bytes == made["safari/network.json"]
    assert run(folder, "export", "hosts", "-o", str(folder / "hosts.txt")).exit_code == 0
    assert b"0.0.0.0 ads.example\n" in (folder / "hosts.txt").read_bytes()


def test_why_names_file_line_and_text_for_each_engine(folder: Path) -> None:
    run(folder, "compile")
    done = run(folder, "why", "https://ads.example/x.js", "--site", "news.example")
    assert done.exit_code == 1
    assert "names.txt:2" in done.output
    assert "blockctl allow ads.example --site news.example" in done.output
    found = json.loads(
        run(folder, "why", "https://banner.example/a.js", "--site", "news.example", "--json").stdout_bytes
    )
    assert found["blocked"]
    assert (found["rule"]["file"], found["rule"]["line"], found["rule"]["text"]) == (
        "filters.txt",
        3,
        "||banner.example^$third-party",
    )
    assert {name: engine["blocked"] for name, engine in found["engines"].items()} == {
        "safari": True,
        "ublock": True,
        "dns": False,
    }


@pytest.mark.parametrize(
    ("words", "step", "command"),
    [
        (
            ["https://x.example/a.js", "--site", "rant.example"],
            "javascript",
            "blockctl set rant.example javascript=allow",
        ),
        (["telemetry.example"], "host", "blockctl forget telemetry.example"),
        (
            ["https://cdn.partner.example/a.js", "--site", "news.example"],
            "site host",
            "blockctl forget cdn.partner.example --site news.example",
        ),
        (
            ["https://cdn.partner.example/a.js", "--site", "other.example"],
            "block of a list",
            "blockctl allow cdn.partner.example --site other.example",
        ),
        (["https://free.example/"], "default", "blockctl deny free.example"),
        (
            ["https://banner.example/ok/a.js", "--site", "news.example"],
            "exception of a list",
            "blockctl deny banner.example",
        ),
    ],
)
def test_why_says_which_step_and_the_command_does_change_it(
    folder: Path, words: list[str], step: str, command: str
) -> None:
    before = json.loads(run(folder, "why", *words, "--json").stdout_bytes)
    assert before["step"] == step
    assert command in before["commands"]
    assert run(folder, *command.split()[1:]).exit_code == 0
    after = json.loads(run(folder, "why", *words, "--json").stdout_bytes)
    assert after["blocked"] != before["blocked"]


def test_why_tells_that_dns_yields(folder: Path) -> None:
    found = json.loads(
        run(folder, "why", "https://cdn.partner.example/a.js", "--site", "other.example", "--json").output
    )
    assert found["blocked"]
    assert not found["engines"]["dns"]["blocked"]
    assert found["engines"]["dns"]["step"] == "yield"


def test_why_heeds_a_widened_list(folder: Path) -> None:
    for use, blocked in (("[browser]", False), ("both", False), ("both, widen: [third-party]", True)):
        policy = POLICY.replace("filters.txt, use: [browser]", f"filters.txt, use: {use}")
        (folder / "policy.yaml").write_text(policy)
        found = json.loads(run(folder, "why", "banner.example", "--json").stdout_bytes)
        assert found["engines"]["dns"]["blocked"] is blocked
        run(folder, "compile")
        assert (b"banner.example" in files(folder / "out")["unbound.conf"]) is blocked


def test_why_heeds_badfilters(folder: Path) -> None:
    (folder / "filters.txt").write_text(
        FILTERS + "||ads.example^$badfilter\n||gone.example^\n||gone.example^$badfilter\n"
    )
    (folder / "policy.yaml").write_text(POLICY.replace("filters.txt, use: [browser]", "filters.txt"))
    found = json.loads(run(folder, "why", "gone.example", "--json").stdout_bytes)
    assert found["engines"]["dns"]["blocked"] is False
    run(folder, "compile")
    assert b"gone.example" not in files(folder / "out")["unbound.conf"]


def test_one_file_named_twice_is_read_as_each_says(folder: Path) -> None:
    """The text is the same, and what it means is not."""
    lists = "  - {name: wide, path: names.txt, match: subtree, use: [browser]}\n"
    (folder / "policy.yaml").write_text(POLICY.replace("lists:\n", f"lists:\n{lists}"))
    run(folder, "compile")
    assert b"||ads.example^\n" in files(folder / "out")["ublock.txt"]
    assert b'local-data: "ads.example. ' in files(folder / "out")["unbound.conf"]
    for name, blocked in (("ads.example", True), ("x.ads.example", False)):
        found = json.loads(run(folder, "why", name, "--json").stdout_bytes)
        assert found["engines"]["ublock"]["blocked"] is True
        assert found["engines"]["dns"]["blocked"] is blocked


@pytest.mark.parametrize(
    ("targets", "engines"),
    [
        pytest.param(("adguard-browser", "adguard-safari"), ["adguard-browser", "adguard-safari", "dns"], id="AdGuard"),
        pytest.param(("ublock-rules", "firefox-policy"), ["ublock", "dns"], id="one engine"),
        pytest.param(("chromium-policy", "noscript"), ["safari", "ublock", "dns"], id="without lists"),
    ],
)
def test_why_asks_the_engines_that_lists_go_to(folder: Path, targets: tuple[str, ...], engines: list[str]) -> None:
    named = "".join(f"  {name}: {{path: out/{name}}}\n" for name in targets)
    (folder / "policy.yaml").write_text(f"{POLICY.partition('targets:')[0]}targets:\n{named}")
    found = json.loads(
        run(folder, "why", "https://banner.example/x.js", "--site", "news.example", "--json").stdout_bytes
    )
    assert list(found["engines"]) == engines
    assert found["engines"][engines[0]]["blocked"] is True


def test_up_starts_from_nothing(tmp_path: Path) -> None:
    policy = tmp_path / "config" / "policy.yaml"
    words = [
        "up",
        "--policy",
        str(policy),
        "--state",
        str(tmp_path / "state"),
        "--out",
        str(tmp_path / "out"),
        "--once",
    ]
    done = blockctl(*words)
    assert done.exit_code == 0, done.output
    assert policy.exists()
    assert (tmp_path / "out" / "report.json").exists()
    assert "Next:" in done.output
    before = policy.read_bytes()
    assert blockctl(*words).exit_code == 0
    assert policy.read_bytes() == before


@pytest.mark.parametrize(
    ("path", "victim"),
    [
        pytest.param("policy.yaml", "the policy", id="policy"),
        pytest.param("out/../names.txt", "list names", id="list"),
        pytest.param("out//unbound.conf", "target unbound", id="another target"),
        pytest.param("out/report.json", "the report", id="report"),
    ],
)
def test_a_target_is_not_written_over_what_is_needed(folder: Path, path: str, victim: str) -> None:
    policy = POLICY.replace("out/dnsmasq.conf", path)
    (folder / "policy.yaml").write_text(policy)
    done = blockctl("compile", "--policy", str(folder / "policy.yaml"), "--state", str(folder / "state"))
    assert done.exit_code == 2
    assert f"would write over {victim}" in done.output
    assert (folder / "policy.yaml").read_text() == policy
    assert (folder / "names.txt").read_text() == NAMES
    assert not (folder / "out").exists()


def test_an_output_is_not_replaced_by_an_empty_one(folder: Path) -> None:
    run(folder, "compile")
    before = files(folder / "out")
    (folder / "names.txt").unlink()
    done = run(folder, "compile")
    after = files(folder / "out")
    assert done.exit_code == 3
    assert "not written, for none of its lists can be read: unbound, dnsmasq, rpz" in done.output
    assert "list names: cannot read" in done.output
    for name in ("unbound.conf", "dnsmasq.conf", "blockctl.rpz"):
        assert after[name] == before[name]
    assert after["ublock.txt"] != before["ublock.txt"]  # it has another list
    targets = json.loads(after["report.json"])["targets"]
    assert targets["rpz"] == json.loads(before["report.json"])["targets"]["rpz"]
    (folder / "names.txt").write_text("")
    assert run(folder, "compile", "--strict").exit_code == 3


def test_no_empty_output_is_begun_with(folder: Path) -> None:
    (folder / "names.txt").unlink()
    done = run(folder, "compile")
    assert (done.exit_code, "not written" in done.output) == (3, True)
    assert {"unbound.conf", "dnsmasq.conf", "blockctl.rpz"}.isdisjoint(files(folder / "out"))
    assert "ublock.txt" in files(folder / "out")


def test_an_absent_include_is_said_and_strict_heeds_it(folder: Path) -> None:
    (folder / "names.txt").write_text("||more.example^\n!#include gone.txt\n")
    done = run(folder, "compile")
    assert (done.exit_code, "left out: names.txt:2: L213 cannot include gone.txt" in done.output) == (0, True)
    assert run(folder, "compile", "dnsmasq", "--strict").exit_code == 1


@pytest.mark.parametrize(
    ("policy", "asked", "commands"),
    [
        pytest.param(
            "defaults: {javascript: deny}\n",
            ["https://ads.example/a.js", "--site", "shop.example"],
            ["blockctl set shop.example javascript=allow && blockctl allow ads.example --site shop.example"],
            id="scripts are off and a list blocks: both",
        ),
        pytest.param(
            "hosts: {deny: [ads.example]}\n",
            ["https://ads.example/a.js", "--site", "shop.example"],
            ["blockctl allow ads.example"],
            id="to forget a denial leaves the list's",
        ),
        pytest.param(
            "sites: {shop.example: {blocking: off, until: 2999-01-01T00:00:00Z}}\nhosts: {deny: [bad.example]}\n",
            ["https://bad.example/a.js", "--site", "shop.example"],
            ["blockctl forget bad.example", "blockctl allow bad.example"],
            id="blocking is off already",
        ),
        pytest.param("", ["https://fine.example/"], ["blockctl deny fine.example"], id="to block"),
    ],
)
def test_why_tells_only_what_helps(folder: Path, policy: str, asked: list[str], commands: list[str]) -> None:
    (folder / "policy.yaml").write_text(f"version: 1\n{policy}lists: [{{name: names, path: names.txt}}]\n")
    found = json.loads(run(folder, "why", *asked, "--json").output)
    assert found["commands"] == commands
