"""Input that once ended in a traceback, as a person meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from blockctl.cli.main import main


def blockctl(folder: Path, *words: str) -> int:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(
            "sys.argv",
            ["blockctl", *words, "--policy", str(folder / "policy.yaml"), "--state", str(folder / "state")],
        )
        main()
    return int(ended.value.code or 0)


def test_why_reads_a_line_in_the_format_that_the_policy_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = "".join(f"d{number}.example.net\n" for number in range(12))  # enough to be taken for a list of names
    (tmp_path / "l.txt").write_text(names + "||cdn.example.net/x.js$script\n")
    (tmp_path / "policy.yaml").write_text("version: 1\nlists: [{name: l, path: l.txt, format: adblock}]\n")
    status = blockctl(tmp_path, "why", "https://cdn.example.net/x.js", "--site", "news.example", "--kind", "script")
    assert status == 1
    assert "l.txt:13" in capsys.readouterr().out


def test_an_address_that_is_no_utf_8_gets_an_answer(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("version: 1\n")
    assert blockctl(tmp_path, "why", "https://cdn.example.net/\udcff?\udc80", "--site", "news.example") == 0


def test_why_shows_control_codes_of_a_list_and_sends_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "l.txt").write_text("127.0.0.1 localhost\n0.0.0.0 ads.example.net # \x1b]0;mine\x07\n")
    (tmp_path / "policy.yaml").write_text("version: 1\nlists: [{name: l, path: l.txt}]\n")
    assert blockctl(tmp_path, "why", "ads.example.net") == 1
    out = capsys.readouterr().out
    assert ("\x1b" in out, "\x07" in out, "\ufffd]0;mine" in out) == (False, False, True)


def test_a_list_of_slow_expressions_is_cut_short_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bombs = "".join(f"/example\\/(a|aa|a?)+c{number}$/\n" for number in range(300))
    (tmp_path / "l.txt").write_text(bombs + "||ads.example^\n")
    (tmp_path / "policy.yaml").write_text("version: 1\nlists: [{name: l, path: l.txt, format: adblock}]\n")
    assert blockctl(tmp_path, "why", f"https://a.example/{'a' * 200}!", "--site", "news.example") == 0
    out = capsys.readouterr().out
    assert "the regular expression of l.txt:1 was left out: it takes too long" in out
    assert "297 more were left out" in out
