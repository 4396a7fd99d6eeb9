"""The source and a server that says whatever bytes a test wants: a wrong answer is a clear error, and is bounded."""

from __future__ import annotations

import datetime as dt
import gzip
import logging
import ssl
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme
from support.hostile import Asked, Hostile, Reply, answer, json_answer
from support.rest import DAY, data, extracted, source, window

from monolith_core import MonolithError, Note, PermanentError, RecordError, TemporaryError

DAILY = "/items?day={date}"
GOOD = json_answer([{"n": 1}])


def counted(asked: Asked) -> Reply:
    """One record for each day, which says what was asked."""
    return json_answer([{"day": asked.params["day"]}])


async def test_days_are_asked_one_by_one_and_in_parallel() -> None:
    """The first four requests are held until all of them are there."""
    together = threading.Barrier(4, timeout=60)

    def reply(asked: Asked) -> Reply:
        if int(asked.params["day"][-2:]) > 27:
            together.wait()
        return counted(asked)

    with Hostile(reply) as server:
        days = window(DAY - dt.timedelta(days=6), DAY)
        found = await extracted(source(server.url + DAILY, concurrency=4), days)
    assert {record.data["day"]: record.date for record in found} == {str(day): day for day in days.days()}
    assert {asked.params["day"] for asked in server.asked[:4]} == {f"2024-01-{day}" for day in (31, 30, 29, 28)}


async def test_not_more_requests_at_once_than_concurrency_says() -> None:
    now, most, lock = 0, 0, threading.Lock()

    def reply(asked: Asked) -> Reply:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        made = counted(asked)
        with lock:
            now -= 1
        return made

    with Hostile(reply) as server:
        service = source(server.url + DAILY, concurrency=2)
        days = window(DAY - dt.timedelta(days=9), DAY)
        async with trio.open_nursery() as nursery:  # the engine asks `jobs` windows at once
            nursery.start_soon(extracted, service, days)
            nursery.start_soon(extracted, service, days)
    assert len(server.asked) == 20
    assert most <= 2


async def test_an_error_ends_the_other_questions() -> None:
    """Those of the other days are held until all is over."""
    over = threading.Event()

    def reply(asked: Asked) -> Reply:
        if asked.params["day"] == str(DAY):
            return answer(b"no", 403)
        over.wait(60)
        return counted(asked)

    with Hostile(reply) as server:
        try:
            with trio.fail_after(30), pytest.raises(PermanentError, match="answered 403"):
                await extracted(source(server.url + DAILY, concurrency=3), window(DAY - dt.timedelta(days=9), DAY))
        finally:
            over.set()
    assert len(server.asked) <= 3


@pytest.mark.parametrize(("method", "is_well"), [("DELETE", True), ("POST", False), ("PUT", False)])
async def test_only_a_delete_may_find_nothing(method: str, is_well: bool) -> None:
    with Hostile(lambda asked: answer(b"no such day", 404)) as server:
        chosen = source(server.url + DAILY, purge_url=f"{server.url}/items/{{date}}", purge_method=method)
        with nullcontext() if is_well else pytest.raises(PermanentError, match="answered 404"):
            await trio.to_thread.run_sync(chosen.purge, window())
    assert [(asked.method, asked.target) for asked in server.asked] == [(method, f"/items/{DAY}")]


async def test_the_request_is_what_the_options_say() -> None:
    with Hostile(lambda asked: GOOD) as server:
        chosen = source(
            server.url + "/v1/{date:%Y}/x?a=%20&from={date:%Y-%m-%dT%H:%M%z}",
            method="POST",
            param__until="{next_date:epoch}",
            header={"Accept-Language": "en"},
            body='{"day": "{date}", "x": {"y": 1}}',
        )
        await extracted(chosen)
    (asked,) = server.asked
    assert (asked.method, asked.target) == (
        "POST",
        "/v1/2024/x?a=%20&from=2024-01-31T00%3A00%2B0000&until=1706745600",
    )
    assert asked.body == b'{"day": "2024-01-31", "x": {"y": 1}}'
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["accept-language"] == "en"
    assert asked.headers["accept-encoding"] == "gzip"


REFUSED: dict[str, tuple[bytes, type[MonolithError], str]] = {
    "html": (
        answer(b"<html>Please log in</html>", content_type="text/html"),
        PermanentError,
        "with text/html, expected",
    ),
    "cut json": (answer(b'[{"n": 1}, {"n'), TemporaryError, "ends too early"),
    "cut body": (
        answer(b"[1, 2", length=False, content_length="500"),
        TemporaryError,
        "the answer is cut, or is not HTTP",
    ),
    "cut chunks": (
        answer(b"5\r\n[1, 2\r\n", length=False, transfer_encoding="chunked"),
        TemporaryError,
        "the answer is cut, or is not HTTP",
    ),
    "cut headers": (b"HTTP/1.1 200 OK\r\nContent-Ty", TemporaryError, "the answer is cut, or is not HTTP"),
    "closed": (b"", TemporaryError, "the answer is cut, or is not HTTP"),
    "no http": (b"SSH-2.0-OpenSSH_9.2p1\r\n", TemporaryError, "the answer is cut, or is not HTTP"),
    "endless header": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, TemporaryError, "the answer is cut, or is not HTTP"),
    "nan": (answer(b'[{"n": NaN}]'), PermanentError, "a number that JSON has not"),
    "latin-1": (answer(b'[{"n": "caf\xe9"}]'), PermanentError, "is not UTF-8"),
    "no content type": (answer(b"<x>", content_type=""), PermanentError, "answered 200 with no media type"),
    "br": (answer(b"x", content_encoding="br"), PermanentError, "is packed as 'br', and gzip was asked for"),
    "twice packed": (answer(b"x", content_encoding="gzip, gzip"), PermanentError, "is packed as 'gzip, gzip'"),
    "no gzip": (answer(b"[]", content_encoding="gzip"), TemporaryError, "cannot be unpacked: Error -3"),
    "cut gzip": (answer(gzip.compress(b"[]")[:-4], content_encoding="gzip"), TemporaryError, "its end is missing"),
    "unasked 304": (answer(b"", 304), PermanentError, "answered 304"),
    "not ready": (answer(b"{}", 202), TemporaryError, "answered 202"),
    "busy": (answer(b"later", 503, retry_after="5"), TemporaryError, "answered 503 with application/json: 'later'"),
    "forbidden": (answer(b"no", 403), PermanentError, "answered 403 with application/json: 'no'; the service refuses"),
    "an object": (json_answer({"error": "none"}), PermanentError, "expected a list of records"),
    "a number": (json_answer([1]), RecordError, "record 1 is a number, expected an object"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_wrong_answer_is_an_error_of_one_line(case: str) -> None:
    reply, kind, problem = REFUSED[case]
    with Hostile(lambda asked: reply) as server, pytest.raises(kind) as raised:
        await extracted(source(server.url + DAILY))
    assert problem in str(raised.value)
    assert server.url in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(server.asked) == 1


async def test_a_service_that_is_not_there_may_come_back() -> None:
    with Hostile(lambda asked: GOOD) as server:
        url = server.url
    with pytest.raises(TemporaryError, match=r"http://127\.0\.0\.1.*: Connection refused$"):
        await extracted(source(url + DAILY))
    with pytest.raises(TemporaryError, match=r"nowhere\.invalid"):
        await extracted(source("http://nowhere.invalid" + DAILY))


async def test_nothing_is_one_answer() -> None:
    with Hostile(lambda asked: answer(b"", 204)) as server:
        assert await extracted(source(server.url + DAILY, paging="page", records="results")) == []
    assert len(server.asked) == 1


async def test_packed_answers_are_unpacked() -> None:
    packed = gzip.compress(b'[{"n": 1}]')
    with Hostile(lambda asked: answer(packed, content_encoding="gzip")) as server:
        assert await data(source(server.url + DAILY)) == [{"n": 1}]


async def test_a_bomb_stops_at_max_bytes_and_fills_no_memory() -> None:
    bomb = gzip.compress(b"[" + bytes(200_000_000), compresslevel=1)
    with Hostile(lambda asked: answer(bomb, content_encoding="gzip")) as server:
        tracemalloc.start()
        try:
            with pytest.raises(PermanentError, match="more than 1000000 bytes; ask for less at once"):
                await extracted(source(server.url + DAILY, max_bytes=1_000_000))
            assert tracemalloc.get_traced_memory()[1] < 30_000_000
        finally:
            tracemalloc.stop()


async def test_an_answer_without_an_end_stops_at_max_bytes() -> None:
    def reply(asked: Asked) -> Iterator[bytes]:
        yield answer(length=False)
        while True:
            yield b"[" + b" " * 100_000

    with Hostile(reply) as server, pytest.raises(PermanentError, match="more than 1000000 bytes"):
        await extracted(source(server.url + DAILY, max_bytes=1_000_000))


async def test_an_answer_that_drips_is_given_up_in_time() -> None:
    """Each byte is in time for a read, the whole answer is not."""
    over = threading.Event()

    def reply(asked: Asked) -> Iterator[bytes]:
        yield answer(length=False)
        while not over.wait(0.02):
            yield b" "

    with Hostile(reply) as server:
        with pytest.raises(TemporaryError, match=r"no whole answer within 0\.3 s; see the option request-timeout"):
            await extracted(source(server.url + DAILY, request_timeout="0.3s"))
        over.set()


async def test_no_answer_at_all_is_given_up_in_time() -> None:
    over = threading.Event()

    def reply(asked: Asked) -> Iterator[bytes]:
        over.wait()
        yield GOOD

    with Hostile(reply) as server:
        with pytest.raises(TemporaryError, match="see the option request-timeout"):
            await extracted(source(server.url + DAILY, request_timeout="0.2s"))
        over.set()


def redirecting(where: str, status: int = 302) -> Any:
    return lambda asked: GOOD if asked.path == "/there" else answer(b"", status, location=where)


@pytest.mark.parametrize("where", ["/there", "there", "{url}/there"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_on_the_same_origin_are_followed(where: str, status: int) -> None:
    with Hostile(lambda asked: redirecting(where.format(url=server.url), status)(asked)) as server:
        assert await data(source(server.url + DAILY, auth="bearer", token="t0ken")) == [{"n": 1}]
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer t0ken"] * 2


async def test_redirects_elsewhere_are_refused_and_get_no_credentials() -> None:
    with (
        Hostile(lambda asked: GOOD) as other,
        Hostile(lambda asked: redirecting(other.url + "/there")(asked)) as server,
    ):
        with pytest.raises(PermanentError, match=f"leads to {other.url}, away from {server.url}, and is not followed"):
            await extracted(source(server.url + DAILY, auth="bearer", token="t0ken"))
        assert other.asked == []


async def test_redirects_that_go_round_end() -> None:
    with Hostile(redirecting("/items")) as server, pytest.raises(PermanentError, match="redirected more than 5 times"):
        await extracted(source(server.url + DAILY))
    assert len(server.asked) == 6


async def test_a_post_is_not_turned_into_a_get() -> None:
    with Hostile(redirecting("/there", 302)) as server:
        with pytest.raises(PermanentError, match="is redirected to '/there' as a GET"):
            await extracted(source(server.url + DAILY, method="POST"))
        server.reply = redirecting("/there", 307)
        assert await data(source(server.url + DAILY, method="POST", body="{}")) == [{"n": 1}]
    assert [asked.method for asked in server.asked] == ["POST"] * 3


def pages(asked: Asked) -> Reply:
    """Three pages of two records; the header Link has the next one."""
    number = int(asked.params.get("page", "1"))
    link = {"link": f'</items?page={number + 1}>; rel="next", </items?page=9>; rel="last"'} if number < 3 else {}
    return json_answer([{"date": str(DAY), "n": 2 * number + n} for n in range(2)], **link)


async def test_pages_by_the_header_link() -> None:
    with Hostile(pages) as server:
        found = await data(source(server.url + "/items?from={start_date}", paging="link"))
    assert [each["n"] for each in found] == [2, 3, 4, 5, 6, 7]
    assert len(server.asked) == 3


@pytest.mark.parametrize("fault", [answer(b"", 503, retry_after="0"), answer(b"", 429, retry_after="0"), b""])
async def test_a_fault_of_a_later_page_does_not_begin_with_the_first_one_again(
    fault: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sleep(seconds: float) -> None:
        await trio.lowlevel.checkpoint()

    monkeypatch.setattr(trio, "sleep", sleep)
    faults = [fault, fault]

    def reply(asked: Asked) -> Reply:
        return faults.pop() if asked.params.get("page") == "2" and faults else pages(asked)

    with Hostile(reply) as server:
        found = await data(source(server.url + "/items?from={start_date}", paging="link"))
    assert len(found) == 6
    assert [asked.params.get("page", "1") for asked in server.asked] == ["1", "2", "2", "2", "3"]


async def test_a_later_page_is_not_tried_for_ever() -> None:
    def reply(asked: Asked) -> Reply:
        return answer(b"", 503, retry_after="0") if asked.params.get("page") == "2" else pages(asked)

    with Hostile(reply) as server:
        with pytest.raises(TemporaryError, match="answered 503"):
            await extracted(source(server.url + "/items?from={start_date}", paging="link", retries=2))
        assert len(server.asked) == 4
        server.reply = lambda asked: answer(b"", 503, retry_after="400") if "page" in asked.params else pages(asked)
        with pytest.raises(TemporaryError) as raised:  # the engine would take so long a pause for idleness
            await extracted(source(server.url + "/items?from={start_date}", paging="link"))
        assert raised.value.retry_after == 400


async def test_an_error_on_a_later_page_says_which_page() -> None:
    def reply(asked: Asked) -> Reply:
        return json_answer([{"date": "never"}]) if asked.params.get("page") == "3" else pages(asked)

    with Hostile(reply) as server, pytest.raises(RecordError) as raised:
        await extracted(source(server.url + "/items?from={start_date}", paging="link"))
    assert "in record 5 it is 'never'" in str(raised.value)
    assert str(raised.value).endswith(f"(in the answer to GET {server.url}/items?page=3)")


async def test_an_unchanged_day_costs_one_304() -> None:
    """Yesterday has changed, the day before has not, the one before that is not known."""
    days = window(DAY - dt.timedelta(days=2), DAY)
    tags = {"2024-01-29": '"a"', "2024-01-30": '"b"', "2024-01-31": '"c"'}

    def reply(asked: Asked) -> Reply:
        tag = tags[asked.params["day"]]
        if asked.headers.get("if-none-match") == tag:
            return answer(b"", 304, etag=tag)
        return json_answer([{"n": tag}], etag=tag)

    with Hostile(reply) as server:
        first = [each for each in await extracted(source(server.url + DAILY), days) if isinstance(each, Note)]
        assert not any(note.unchanged for note in first)
        known = {note.date: note.version for note in first}
        assert len(known) == 3
        tags["2024-01-31"] = '"changed"'
        del known[dt.date(2024, 1, 29)]
        found = await extracted(source(server.url + DAILY, known=known), days)
    unchanged = [each for each in found if isinstance(each, Note) and each.unchanged]
    assert unchanged == [Note(dt.date(2024, 1, 30), version=known[dt.date(2024, 1, 30)], unchanged=True)]
    assert sorted(each.data["n"] for each in found if not isinstance(each, Note)) == ['"a"', '"changed"']


async def test_a_window_is_unchanged_as_a_whole() -> None:
    days = window(DAY - dt.timedelta(days=1), DAY)

    def reply(asked: Asked) -> Reply:
        when = "Wed, 31 Jan 2024 12:00:00 GMT"
        if asked.headers.get("if-modified-since") == when:
            return answer(b"", 304)
        return json_answer([{"date": "2024-01-31"}], last_modified=when)

    with Hostile(reply) as server:
        url = server.url + "/items?from={start_date}"
        known = {note.date: note.version for note in await extracted(source(url), days) if isinstance(note, Note)}
        found = await extracted(source(url, known=known), days)
        assert [(each.date, each.unchanged) for each in found] == [(day, True) for day in days.days()]
        await extracted(source(url, known=known), window())  # another question: the version says nothing of it
        assert "if-modified-since" not in server.asked[-1].headers
        for partly in ({DAY: known[DAY]}, {**known, DAY: "of another answer"}):  # of the other day it says nothing
            await extracted(source(url, known=partly), days)
            assert "if-modified-since" not in server.asked[-1].headers


async def test_what_one_of_several_pages_tells_of_itself_is_no_version() -> None:
    with Hostile(
        lambda asked: pages(asked).replace(b"HTTP/1.1 200 Said\r\n", b'HTTP/1.1 200 OK\r\nETag: "1"\r\n')
    ) as server:
        found = await extracted(source(server.url + "/items?from={start_date}", paging="link"))
    assert not any(isinstance(each, Note) for each in found)


async def test_events_are_grouped_over_all_pages() -> None:
    with Hostile(pages) as server:
        found = await data(source(server.url + "/items?from={start_date}", paging="link", sum=["n"], count_as="events"))
    assert found == [{"n": 27, "events": 6}]


async def test_a_rate_is_kept() -> None:
    """Ten requests, fifty in a second: the last one begins a fifth of a second after the first, at the earliest."""
    with Hostile(counted) as server:
        began = trio.current_time()
        await extracted(source(server.url + DAILY, rate_limit="50/s"), window(DAY - dt.timedelta(days=9), DAY))
        assert trio.current_time() - began >= 9 / 50
    assert len(server.asked) == 10


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    return context


async def test_tls_is_verified(
    authority: trustme.CA, tls: ssl.SSLContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    with Hostile(lambda asked: GOOD, tls) as server:
        with pytest.raises(PermanentError, match=r"certificate is not trusted: .*; name its authority's .* ca = FILE"):
            await extracted(source(server.url + DAILY))
        assert server.asked == []
        assert await data(source(server.url + DAILY, ca=str(file))) == [{"n": 1}]
        other = server.url.replace("localhost", "127.0.0.1")
        with pytest.raises(PermanentError, match=r"certificate is not trusted: .*127\.0\.0\.1"):
            await extracted(source(other + DAILY, ca=str(file)))
        careless = source(other + DAILY, verify=False)
        with caplog.at_level(logging.WARNING):
            careless.setup()
        assert await data(careless) == [{"n": 1}]
    assert "the certificate of the server is not verified (verify = false)" in caplog.text


async def test_a_proxy_of_the_environment_is_used_unless_it_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Hostile(counted) as proxy, Hostile(counted) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        await extracted(source("http://shop.example" + DAILY))
        assert [asked.target for asked in proxy.asked] == ["http://shop.example/items?day=2024-01-31"]
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        await extracted(source(server.url + DAILY))
        assert (len(proxy.asked), len(server.asked)) == (1, 1)
