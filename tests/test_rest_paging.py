"""Paging: generators that are sent pages by a service that is a plain function."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rest import options

from monolith_core import MonolithError, PermanentError, TemporaryError
from monolith_plugins_rest.calls import Call, with_params
from monolith_plugins_rest.paging import Page, paged
from monolith_plugins_rest.records import found
from monolith_plugins_rest.tally import Tally

URL = "http://127.0.0.1/items?day={date}"
FIRST = Call("GET", "http://127.0.0.1/items?day=2024-01-31")

KINDS: dict[str, dict[str, Any]] = {
    "link": {},
    "next-url": {"next": "next"},
    "page": {},
    "page, total": {"total": "total"},
    "page, more": {"more": "more"},
    "offset": {},
    "offset, total": {"total": "total"},
    "offset, more": {"more": "more"},
    "cursor": {"next": "cursor"},
    "cursor, more": {"next": "last", "more": "more"},
}


def read(service: Any, kind: str, **more: Any) -> list[Any]:
    """All records that paging gets from `service`, a function from a call to a page."""
    chosen = options(URL, paging=kind.partition(",")[0], records="items", **KINDS[kind], **more)
    tally, pages, got = Tally.of(chosen), paged(chosen)(FIRST), []
    call = next(pages)
    while True:
        value, link = service(call)
        page = Page(call.url, value, found(chosen)(value), link)
        tally.add(page)
        got += page.records
        try:
            call = pages.send(page)
        except StopIteration:
            tally.finish()
            return got


class Service:
    """Gives records in pages of the given sizes; it takes each kind of question."""

    def __init__(self, sizes: list[int]) -> None:
        self.all = [{"n": number} for number in range(sum(sizes))]
        self.starts = [sum(sizes[:number]) for number in range(len(sizes))]
        self.calls: list[Call] = []

    def __call__(self, call: Call) -> tuple[dict[str, Any], str | None]:
        self.calls.append(call)
        asked = {name: values[-1] for name, values in parse_qs(urlsplit(call.url).query).items()}
        assert asked.pop("day") == "2024-01-31"
        start = self._start(asked)
        end = min((each for each in self.starts if each > start), default=len(self.all))
        more = end < len(self.all)
        url = with_params(FIRST.url, [("at", str(end))]) if more else None
        value = {"items": self.all[start:end], "total": len(self.all), "more": more, "next": url, "last": end}
        return {**value, "cursor": str(end) if more else ""}, url

    def _start(self, asked: dict[str, str]) -> int:
        if "page" in asked:
            number = int(asked["page"]) - 1
            return self.starts[number] if number < len(self.starts) else len(self.all)
        return int(asked.get("offset") or asked.get("at") or asked.get("cursor") or 0)


@pytest.mark.parametrize("kind", KINDS)
@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=8))
def test_every_split_into_pages_gives_the_same_records(kind: str, sizes: list[int]) -> None:
    service = Service(sizes)
    assert read(service, kind) == service.all
    assert len(service.calls) <= len(sizes) + 1


@pytest.mark.parametrize("kind", KINDS)
def test_no_records_are_one_page(kind: str) -> None:
    service = Service([0])
    assert read(service, kind) == []
    assert len(service.calls) == 1


def test_no_paging_is_one_call() -> None:
    pages = paged(options(URL))(FIRST)
    assert next(pages) == FIRST
    with pytest.raises(StopIteration):
        pages.send(Page(FIRST.url, [1], [1], "http://127.0.0.1/more"))


def test_parameters_have_the_names_and_values_that_options_say() -> None:
    service = Service([2, 2])
    calls: list[str] = []

    def renamed(call: Call) -> Any:
        calls.append(urlsplit(call.url).query)
        return service(Call("GET", call.url.replace("p=0", "page=1").replace("p=1", "page=2").replace("p=2", "page=3")))

    read(renamed, "page", page_param="p", first_page=0, page_size=2, size_param="per_page")
    day = "day=2024-01-31&per_page=2&p="
    assert calls == [f"{day}0", f"{day}1", f"{day}2"]


def bodies(kind: str, body: str, cursors: list[Any], **more: Any) -> list[Any]:
    """The bodies that ask for three pages, the last of which is empty."""
    given = {"method": "POST", "body": body, "paging_in": "body", "paging": kind, "next": "next", "records": "items"}
    chosen = options(URL, **{name: each for name, each in given.items() if kind == "cursor" or name != "next"}, **more)
    pages, asked = paged(chosen)(Call("POST", FIRST.url, (), body.encode())), []
    call = next(pages)
    for number, cursor in enumerate(cursors):
        asked.append(json.loads(call.body or b""))
        items = [number] if number + 1 < len(cursors) else []
        try:
            call = pages.send(Page(call.url, {"items": items, "next": cursor}, items))
        except StopIteration:
            return asked
    raise AssertionError("there is a page too many")


def test_fields_of_the_body_have_the_types_of_json() -> None:
    assert bodies("page", '{"q": "x"}', [None] * 3, page_size=2) == [
        {"q": "x", "limit": 2, "page": number} for number in (1, 2, 3)
    ]
    assert bodies("offset", "{}", [None] * 3) == [{"offset": 0}, {"offset": 1}, {"offset": 2}]


@pytest.mark.parametrize("last", [None, "", [], False])
def test_a_cursor_goes_back_as_it_came(last: Any) -> None:
    asked = bodies("cursor", '{"v": {"n": 1.50}}', ["ü/=", [17, "b"], last], cursor_param="v.after")
    assert asked == [{"v": {"n": 1.5}}, {"v": {"n": 1.5, "after": "ü/="}}, {"v": {"n": 1.5, "after": [17, "b"]}}]


def test_a_cursor_in_the_body_that_repeats_is_an_error() -> None:
    with pytest.raises(PermanentError, match=r"read already, http://\S+ with cursor = again: reading on"):
        bodies("cursor", "{}", ["again", "again", None])


def endless(call: Call) -> tuple[dict[str, Any], str | None]:
    """Knows no parameter; its next page is itself."""
    return {"items": [{"n": 1}], "next": FIRST.url, "cursor": "c", "last": "c", "more": True, "total": 10**9}, FIRST.url


@pytest.mark.parametrize("kind", ["link", "next-url", "cursor", "cursor, more"])
def test_a_next_page_that_repeats_is_an_error(kind: str) -> None:
    with pytest.raises(PermanentError, match=r"is one that was read already, http://127\.0\.0\.1/items"):
        read(endless, kind)


@pytest.mark.parametrize("kind", ["page", "offset"])
def test_a_service_that_does_not_know_the_parameter_is_found_out(kind: str) -> None:
    with pytest.raises(PermanentError, match=f"the same records again with another {kind}"):
        read(endless, kind)


@pytest.mark.parametrize("kind", ["page, more", "page, total", "offset, more"])
def test_pages_are_bounded(kind: str) -> None:
    assert len(read(Service([1] * 5), kind, max_pages=5)) == 5
    with pytest.raises(PermanentError, match="more than 5 pages; set max-pages higher"):
        read(endless, kind, max_pages=5)


@pytest.mark.parametrize(
    ("link", "origin"),
    [
        ("http://other.example/items", "http://other.example"),
        ("https://127.0.0.1/items", "https://127.0.0.1"),
        ("http://127.0.0.1:81/items", "http://127.0.0.1:81"),
        ("//evil.example/items", "http://evil.example"),
        ("http://user:pass@127.0.0.1/items", "'http://user:pass@127.0.0.1/items'"),
        ("file:///etc/passwd", "'file:///etc/passwd'"),
        ("javascript:alert(1)", "'javascript:alert(1)'"),
    ],
)
@pytest.mark.parametrize("kind", ["link", "next-url"])
def test_another_origin_is_refused(kind: str, link: str, origin: str) -> None:
    with pytest.raises(PermanentError) as raised:
        read(lambda call: ({"items": [], "next": link}, link), kind)
    assert f"leads to {origin}, away from http://127.0.0.1, and is not followed" in str(raised.value)


@pytest.mark.parametrize("link", ["http://[", "http://127.0.0.1:port/"])
def test_a_next_url_that_is_none_is_an_error(link: str) -> None:
    with pytest.raises(PermanentError, match="which is no URL"):
        read(lambda call: ({"items": [], "next": link}, None), "next-url")


@pytest.mark.parametrize(
    "link", ["?day=2024-01-31&at=2", "/items?day=2024-01-31&at=2", "http://127.0.0.1:80/items?day=2024-01-31&at=2#x"]
)
def test_a_next_url_may_be_relative(link: str) -> None:
    service = Service([2, 1])

    def relative(call: Call) -> Any:
        assert "#" not in call.url
        value, _ = service(call)
        return {**value, "next": link if value["more"] else None}, None

    assert read(relative, "next-url") == service.all


@pytest.mark.parametrize(
    ("kind", "next"), [("next-url", 5), ("next-url", ["x"]), ("cursor", {"a": 1}), ("cursor", [1])]
)
def test_a_next_page_of_the_wrong_type_is_an_error(kind: str, next: Any) -> None:
    with pytest.raises(PermanentError, match="the option next finds"):
        read(lambda call: ({"items": [1], "next": next, "cursor": next}, None), kind)


@pytest.mark.parametrize("total", [None, -1, 1.5, "many", True, [3]])
def test_a_total_that_is_none_is_an_error(total: Any) -> None:
    with pytest.raises(PermanentError, match="where the option total says that the number of records is"):
        read(lambda call: ({"items": [1], "total": total}, None), "page, total")


def test_a_record_lost_between_pages_is_noticed_by_the_total() -> None:
    """A record of the first page is deleted after it was read: the first of the second page moves up, unseen."""
    pages = [{"items": [1, 2], "total": 4}, {"items": [4], "total": 3}]
    with pytest.raises(TemporaryError, match="has 3 records now and had 4 before: the pages were changed"):
        read(lambda call: (pages[call.url.endswith("=2")], None), "page, total")


def test_too_few_records_are_noticed_by_the_total() -> None:
    pages = [{"items": [1, 2], "total": 4}, {"items": [], "total": 4}]
    with pytest.raises(TemporaryError, match="2 records came, and the service says that there are 4"):
        read(lambda call: (pages[call.url.endswith("=2")], None), "page, total")


def test_a_record_that_comes_twice_is_told_apart_from_an_equal_one() -> None:
    """A record is added in front after the first page: its last one comes again on the second."""
    shifted = [{"items": [{"n": 1, "id": "a"}, {"n": 1, "id": "b"}]}, {"items": [{"n": 1, "id": "b"}]}, {"items": []}]
    equal = [{"items": [{"n": 1, "id": "a"}, {"n": 1, "id": "b"}]}, {"items": [{"n": 1, "id": "c"}]}, {"items": []}]

    def service(pages: list[Any]) -> Any:
        return lambda call: (pages[int(call.url[-1]) - 1], None)

    with pytest.raises(TemporaryError, match="the record with id 'b' came twice: the pages were changed"):
        read(service(shifted), "page", id="id")
    assert len(read(service(equal), "page", id="id")) == 3


def test_a_record_without_its_id_is_an_error() -> None:
    with pytest.raises(MonolithError, match="id: record 2 has nothing there"):
        read(lambda call: ({"items": [{"id": 1}, {}]}, None), "link", id="id")


@given(st.text(), st.dictionaries(st.text(min_size=1), st.text(), max_size=4))
def test_parameters_read_back(value: str, others: dict[str, str]) -> None:
    url = with_params("http://127.0.0.1/items?x=%C3%A9&flag&page=9", [("page", value)])
    for name, each in others.items():
        url = with_params(url, [(name, each)])
    query = urlsplit(url).query
    asked = parse_qs(query, keep_blank_values=True, strict_parsing=False)
    assert asked["page"] == [others.get("page", value)]
    assert {name: asked[name] for name in others} == {name: [each] for name, each in others.items()}
    assert "x" in others or "x=%C3%A9" in query
    assert "flag" in others or "&flag&" in f"&{query}&"
