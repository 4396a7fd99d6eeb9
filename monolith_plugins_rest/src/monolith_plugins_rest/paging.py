"""Paging: which requests one question takes, as generators that yield a call and are sent the page that came.

Nothing here reads or writes anything, so that every kind of paging is tried out by plain function calls.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

from monolith_core import PermanentError
from monolith_plugins_rest.calls import Call
from monolith_plugins_rest.expressions import Pick, picker
from monolith_plugins_rest.options import RestOptions


class Page(NamedTuple):
    """One answer: where it came from, its JSON, the records in it, and the URL of its header Link."""

    url: str
    value: Any
    records: list[Any]
    link: str | None = None


Pages = Generator[Call, Page, None]
"""Yields a call, is sent its page, and returns after the last one."""

Put = Callable[[Call, str, Any], Call]
"""Sets what a call says of pages: it takes the call, a name and a value."""


def in_query(call: Call, name: str, value: Any) -> Call:
    """The call with a parameter of its query set; raises PermanentError for a value that cannot be one."""
    if not isinstance(value, str | int | float | Decimal):
        raise PermanentError(
            f"the option next finds {repr(value)[:60]} in the answer, expected a cursor or null: a text or a number"
        )
    return call.with_param(name, str(value))


def in_body(call: Call, name: str, value: Any) -> Call:
    """The call with a field of its body set."""
    return call.with_field(name, value)


@dataclass(frozen=True)
class End:
    """Tells whether a page is the last one: by the answer (`more`), by the number of all records, or if it is empty."""

    more: Pick | None = None
    total: Pick | None = None

    def reached(self, page: Page, received: int) -> bool:
        """Whether nothing follows this page, with which `received` records have come."""
        if self.more is not None:
            return not self.more(page.value)
        if not page.records:
            return True
        return self.total is not None and received >= whole_number("total", self.total(page.value))

    @property
    def is_told(self) -> bool:
        """Whether the service says it, so that nothing has to be concluded from the records."""
        return self.more is not None or self.total is not None


def whole_number(option: str, value: Any) -> int:
    """What an answer has for a number of records; raises PermanentError if it is none."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    got = "nothing" if value is None else repr(value)[:60]
    raise PermanentError(f"the answer has {got} where the option {option} says that the number of records is")


def paged(options: RestOptions) -> Callable[[Call], Pages]:
    """The function that makes the pages of a first call, as the options say; they end, or raise PermanentError."""
    put: Put = in_body if options.paging_in == "body" else in_query
    kind = _kind(options, put)

    def pages(call: Call) -> Pages:
        if options.page_size is not None:
            call = replace(put(call, options.size_param, options.page_size), place="")
        return bounded(kind(call), options.max_pages)

    return pages


def _kind(options: RestOptions, put: Put) -> Callable[[Call], Pages]:
    end = End(*(picker(name, text) if (text := getattr(options, name)) else None for name in ("more", "total")))
    if options.paging == "link":
        return lambda call: by_link(call)
    if options.paging == "next-url":
        find = picker("next", options.next or "")
        return lambda call: by_url(call, find)
    if options.paging == "page":
        return lambda call: by_number(call, options.page_param, options.first_page, end, put)
    if options.paging == "offset":
        return lambda call: by_offset(call, options.offset_param, end, put)
    if options.paging == "cursor":
        cursor = picker("next", options.next or "")
        return lambda call: by_cursor(call, options.cursor_param, cursor, end, put)
    return single


def single(call: Call) -> Pages:
    """One page is all."""
    yield call


def by_link(call: Call) -> Pages:
    """The header Link has the next URL (RFC 8288)."""
    page = yield call
    while page.link:
        page = yield call.follow(page.url, page.link, "the header Link with rel=next")


def by_url(call: Call, find: Pick) -> Pages:
    """The answer has the next URL."""
    page = yield call
    while url := find(page.value):
        if not isinstance(url, str):
            raise PermanentError(f"the option next finds {repr(url)[:60]} in the answer, expected a URL or null")
        page = yield call.follow(page.url, url, "the next page")


def by_number(call: Call, param: str, first: int, end: End, put: Put) -> Pages:
    """A parameter has the number of the page."""
    number, received, before = first, 0, None
    while True:
        page = yield put(call, param, number)
        received += len(page.records)
        if end.reached(page, received):
            return
        _check_moved(page, before, param, end)
        number, before = number + 1, page


def by_offset(call: Call, param: str, end: End, put: Put) -> Pages:
    """A parameter has the number of records to pass over: of those that came, however many were asked for."""
    received, before = 0, None
    while True:
        page = yield put(call, param, received)
        received += len(page.records)
        if end.reached(page, received):
            return
        _check_moved(page, before, param, end)
        before = page


def by_cursor(call: Call, param: str, find: Pick, end: End, put: Put) -> Pages:
    """The answer has a cursor, which is a parameter of the next call."""
    page = yield call
    while (cursor := find(page.value)) and (end.more is None or end.more(page.value)):
        page = yield put(call, param, cursor)


def _check_moved(page: Page, before: Page | None, param: str, end: End) -> None:
    """A service that does not know the parameter gives its first page again and again, and never an empty one."""
    if before is not None and not end.is_told and page.records == before.records:
        raise PermanentError(
            f"the service gives the same records again with another {param}: it may not know this parameter; name "
            "its own, or say with total or more where it tells that the last page is reached"
        )


def bounded(pages: Pages, most: int) -> Pages:
    """`pages`, which raise PermanentError when a call comes again, or more than `most` come."""
    seen: set[tuple[str, bytes | None]] = set()
    call = next(pages)
    while True:
        key = (call.url, call.body)
        if key in seen:
            raise PermanentError(
                f"the next page is one that was read already, {call.where}: reading on would never end; "
                "check next, or the service"
            )
        if len(seen) >= most:
            raise PermanentError(f"there are more than {most} pages; set max-pages higher if that is right")
        seen.add(key)
        page = yield call
        try:
            call = pages.send(page)
        except StopIteration:
            return
