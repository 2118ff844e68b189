"""The example policies with their lists, in uBlock Origin's engine in every way to tell it, and in Firefox."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import pytest

from blockctl.model.request import Kind
from tests.engines.firefox_ubo import FirefoxUbo
from tests.engines.ledger import record
from tests.engines.probe import QUIET
from tests.engines.require import require
from tests.engines.test_webkit_policies import ASKED, example
from tests.engines.ubo_compare import compare
from tests.engines.ubo_outputs import WAYS, Way
from tests.engines.worlds import Question
from tests.shipped import STRATEGIES

IN_FIREFOX = ("js-allowlist", "ublock")
TAGS = {
    Kind.SCRIPT: '<script src="{}"></script>',
    Kind.IMAGE: '<img src="{}">',
    Kind.FRAME: '<iframe src="{}"></iframe>',
}


@pytest.mark.parametrize("way", [pytest.param(way, id=way.name) for way in WAYS])
def test_example_policies(way: Way) -> None:
    require("ubo-core")
    began = time.monotonic()
    found = compare(way, [example(name) for name in STRATEGIES])
    shown = [f"{question}: uBO {answer}, {judged.decide(question)}" for judged, question, answer in found.wrong[:10]]
    assert not found.wrong, "\n".join([f"{len(found.wrong)} of {found.questions}", *shown])
    assert found.questions > 6_000
    took = time.monotonic() - began
    record("ubo-core", "configs", questions=found.questions, agreed=found.agreed, gaps=found.gaps, seconds=took)


@pytest.mark.skipif(not os.environ.get("BLOCKCTL_BROWSERS"), reason="$BLOCKCTL_BROWSERS does not ask for it")
def test_example_policies_in_firefox(tmp_path: Path) -> None:
    """The backup of two policies, restored: pages load what they name in their markup, as far as `decide()` says."""
    require("firefox-ubo")
    began = time.monotonic()
    browser = FirefoxUbo()
    try:
        asked, wrong = 0, []
        for name in IN_FIREFOX:
            judged = example(name)
            file = tmp_path / "backup.json"
            file.write_bytes(b"".join(judged.output("ublock-backup").files[""]))
            browser.restore(file)
            for page in (*list(judged.policy.sites)[:6], "other.example"):
                found = loaded(browser, f"http://{page}/", [url.replace("https:", "http:") for url in ASKED])
                asked += len(found)
                wrong += [
                    f"{name}: {question}: fetched {was}, {judged.decide(question)}"
                    for question, was in found.items()
                    if was is judged.decide(question).blocked
                ]
    finally:
        browser.close()
    assert not wrong, "\n".join(wrong)
    took = time.monotonic() - began
    record("firefox-ubo", "configs", questions=asked, agreed=asked, gaps=Counter(), seconds=took)


def loaded(browser: FirefoxUbo, page: str, urls: list[str]) -> dict[Question, bool]:
    """Return whether a page that names these addresses as scripts, images and frames has them fetched."""
    questions = [Question(page, f"{url}?{kind.name}", kind) for kind in TAGS for url in urls]
    start = len(browser.web.hits)
    browser.load(page, "<!doctype html>" + "".join(TAGS[each.kind].format(each.url) for each in questions))
    browser.web.settle(QUIET)
    return {each: each.url in browser.web.hits[start:] for each in questions}
