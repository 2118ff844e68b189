"""Request logs: JSON lines of two spellings, and what browsers save as HAR."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.model.request import Kind
from blockctl.parsers.request_log import MOST_FAULTS, parse

URL, PAGE = "https://ads.example/a.js", "https://news.example/"


@pytest.mark.parametrize(
    ("entry", "page", "kind"),
    [
        pytest.param({"url": URL, "page": PAGE, "kind": "script"}, PAGE, Kind.SCRIPT, id="ours"),
        pytest.param({"url": URL, "frameUrl": PAGE, "cpt": "fetch"}, PAGE, Kind.XHR, id="AdGuard's"),
        pytest.param({"url": URL, "page": PAGE, "kind": "sub_frame"}, PAGE, Kind.FRAME, id="a browser's own word"),
        pytest.param({"url": URL, "page": PAGE, "kind": "document"}, PAGE, Kind.FRAME, id="a document in a page"),
        pytest.param({"url": URL, "kind": "document"}, URL, Kind.DOCUMENT, id="a page"),
        pytest.param({"url": URL, "page": "about:blank", "kind": "image"}, "", Kind.IMAGE, id="no page"),
        pytest.param({"url": URL}, "", Kind.OTHER, id="a url alone"),
    ],
)
def test_json_lines(entry: dict[str, str], page: str, kind: Kind) -> None:
    log = parse("\n" + json.dumps(entry) + "\n\n", "log")
    assert not log.faults
    (request,) = log.requests
    assert (request.url, request.page, request.kind) == (URL, page, kind)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("https://ads.example/", id="no JSON"),
        pytest.param("[1]", id="no object"),
        pytest.param('{"page": "https://news.example/"}', id="no url"),
        pytest.param('{"url": ""}', id="an empty url"),
        pytest.param('{"url": 1}', id="a number"),
        pytest.param('{"url": "https://a.example/", "kind": "cookie"}', id="no kind"),
        pytest.param("[" * 5000, id="nested"),
    ],
)
def test_what_is_no_request_is_told_by_its_line(line: str) -> None:
    log = parse(f'{{"url": "{URL}"}}\n{line}', "log")
    assert len(log.requests) == 1
    (fault,) = log.faults
    assert (fault.code, fault.origin.line, log.refused) == ("R001", 2, 1)
    assert fault.hint


def test_only_the_first_faults_are_kept() -> None:
    log = parse("no\n" * 1000, "log")
    assert (len(log.faults), log.refused) == (MOST_FAULTS, 1000)


def har(*entries: dict[str, object]) -> str:
    pages = [{"id": "page_1", "title": PAGE}]
    return json.dumps({"log": {"version": "1.2", "pages": pages, "entries": list(entries)}}, indent=1)


def headers(**named: str) -> list[dict[str, str]]:
    return [{"name": name.replace("_", "-"), "value": value} for name, value in named.items()]


@pytest.mark.parametrize(
    ("entry", "page", "kind"),
    [
        pytest.param(
            {"pageref": "page_1", "_resourceType": "script", "request": {"url": URL}}, PAGE, Kind.SCRIPT, id="Chromium"
        ),
        pytest.param(
            {"request": {"url": URL, "headers": headers(Referer=PAGE, Sec_Fetch_Dest="image")}},
            PAGE,
            Kind.IMAGE,
            id="Firefox",
        ),
        pytest.param({"pageref": "page_1", "request": {"url": URL}}, PAGE, Kind.OTHER, id="Safari"),
        pytest.param(
            {"request": {"url": URL, "headers": headers(Referer=PAGE, Sec_Fetch_Dest="document")}},
            URL,
            Kind.DOCUMENT,
            id="a page that was come to from another",
        ),
    ],
)
def test_har(entry: dict[str, object], page: str, kind: Kind) -> None:
    log = parse("\ufeff" + har(entry), "log.har")
    assert not log.faults
    (request,) = log.requests
    assert (request.url, request.page, request.kind) == (URL, page, kind)


def test_what_goes_to_no_host_is_left_out() -> None:
    log = parse(har({"request": {"url": "data:image/png;base64,AA"}}, {"request": {"url": "blob:x"}}), "log.har")
    assert (log.requests, log.faults) == ([], [])


def test_a_har_file_with_odd_entries() -> None:
    text = json.dumps({"log": {"pages": [1, {"id": []}], "entries": [1, {}, {"request": 2}, {"pageref": []}]}})
    assert parse(text, "log.har").refused == 4


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    parse(text, "log")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda each: (
            st.lists(each)
            | st.dictionaries(
                st.sampled_from(
                    ("log", "entries", "pages", "request", "url", "page", "kind", "headers", "id", "title")
                ),
                each,
            )
        ),
    )
)
def test_any_json_is_read_without_an_error(value: object) -> None:
    parse(json.dumps(value), "log")
    parse(json.dumps({"log": {"entries": [value], "pages": value}}), "log")
