"""The source and services that nobody here wrote: Django REST framework, json-server, and oauthlib's signatures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from support.drf_service import CLIENT, CONSUMER, USER, PaymentService, transactions
from support.json_server import JsonServer
from support.rest import DAY, data, extracted, source, window

from monolith_core import MonolithError, Note, PermanentError, Record, TemporaryError

pytestmark = pytest.mark.server

BEFORE = DAY - dt.timedelta(days=1)
SIGNED: dict[str, Any] = {"auth": "oauth1", "consumer_key": CONSUMER[0], "consumer_secret": CONSUMER[1]}


@pytest.fixture(scope="module")
def running() -> Iterator[PaymentService]:
    with PaymentService() as service:
        service.put(BEFORE, transactions(BEFORE, 12))
        service.put(DAY, transactions(DAY, 25))
        yield service


@pytest.fixture
def payments(running: PaymentService) -> PaymentService:
    """25 transactions of DAY and 12 of the day before, in pages of 10."""
    running.recover()
    running.asked()
    return running


def ids(records: list[dict[str, Any]]) -> set[str]:
    return {record["id"] for record in records}


BY_FOUR: dict[str, Any] = {"page_size": 4, "size_param": "page_size"}

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "page, next": ("page", {"paging": "next-url", "next": "next", "total": "count"}),
    "page, number": ("page", {"paging": "page", "total": "count"}),
    "page, more": ("page", {"paging": "page", "more": "next", "page_size": 7, "size_param": "page_size"}),
    "offset": ("offset", {"paging": "offset", "total": "count", "page_size": 6}),
    "offset, empty": ("offset", {"paging": "offset"}),
    "offset, next": ("offset", {"paging": "next-url", "next": "next", "page_size": 20}),
    "cursor, next": ("cursor", {"paging": "next-url", "next": "next"}),
    "cursor": ("opaque", {"paging": "cursor", "next": "meta.next_cursor"}),
    "cursor, more": ("opaque", {"paging": "cursor", "next": "meta.next_cursor", "more": "has_more", **BY_FOUR}),
}

JSON = '{"day": "{date}"}'
FORM: dict[str, Any] = {"body": "day={date}", "header__Content-Type": "application/x-www-form-urlencoded"}
IN_BODY: dict[str, tuple[str, dict[str, Any]]] = {
    "page": ("page", {"paging": "page", "total": "count", "body": JSON}),
    "page, size": (
        "page",
        {"paging": "page", "total": "count", "body": JSON, "page_size": 5, "size_param": "page_size"},
    ),
    "page, inner": ("page", {"paging": "page", "total": "count", "body": JSON, "page_param": "paging.page"}),
    "page, form": ("page", {"paging": "page", "total": "count", **FORM}),
    "offset": ("offset", {"paging": "offset", "body": JSON, "page_size": 6}),
    "offset, form": ("offset", {"paging": "offset", "page_size": 6, **FORM}),
    "cursor": ("opaque", {"paging": "cursor", "next": "meta.next_cursor", "body": JSON}),
    "cursor, form": ("opaque", {"paging": "cursor", "next": "meta.next_cursor", **FORM, **BY_FOUR}),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_pagination_gives_every_transaction_once(payments: PaymentService, kind: str) -> None:
    path, options = KINDS[kind]
    service = source(f"{payments.url}/{path}/transactions/?day={{date}}", records="results", id="id", **options)
    found = await data(service, window(BEFORE, DAY))
    assert len(found) == 37
    assert ids(found) == ids([*transactions(BEFORE, 12), *transactions(DAY, 25)])


@pytest.mark.parametrize("kind", IN_BODY)
async def test_which_page_is_wanted_may_be_in_the_body(payments: PaymentService, kind: str) -> None:
    path, options = IN_BODY[kind]
    url = f"{payments.url}/{path}/transactions/"
    service = source(url, method="POST", records="results", id="id", paging_in="body", **options)
    assert ids(await data(service, window(BEFORE, DAY))) == ids([*transactions(BEFORE, 12), *transactions(DAY, 25)])
    asked = payments.asked()
    assert {line.rpartition(" ")[0] for line in asked} == {f"POST /{path}/transactions/"}
    if options.get("page_size") == 4:
        assert len(asked) == 3 + 7


async def test_an_error_names_the_page_that_the_body_asked_for(payments: PaymentService) -> None:
    url = f"{payments.url}/page/transactions/"
    service = source(url, method="POST", body=JSON, paging="page", paging_in="body", records="results")
    with pytest.raises(PermanentError, match=r"^POST http://\S+/ with page = 4 answered 404 .*Invalid page"):
        await extracted(service)


async def test_a_span_of_days_is_one_question(payments: PaymentService) -> None:
    service = source(
        f"{payments.url}/page/transactions/",
        param__created_after="{start_date:instant}",
        param__created_before="{next_date:instant}",
        records="results",
        date="created",
        **KINDS["page, next"][1],
    )
    found = await extracted(service, window(BEFORE, DAY))
    days = [record.date for record in found if isinstance(record, Record)]
    assert {day: days.count(day) for day in set(days)} == {BEFORE: 12, DAY: 25}
    assert len(payments.asked()) == 4


async def test_amounts_that_are_texts_are_added_up(payments: PaymentService) -> None:
    url = f"{payments.url}/offset/transactions/?day={{date}}"
    service = source(url, paging="offset", records="results", group_by=["currency"], sum=["amount"])
    totals = {each["currency"]: Decimal(str(each["amount"])) for each in await data(service)}
    rows = transactions(DAY, 25)
    assert totals == {
        currency: sum(Decimal(row["amount"]) for row in rows if row["currency"] == currency)
        for currency in ("EUR", "USD")
    }


async def test_a_page_after_the_last_one_is_an_error_not_the_end(payments: PaymentService) -> None:
    """Django REST framework answers 404 to it; that there is no such page may as well be a wrong URL."""
    service = source(f"{payments.url}/page/transactions/?day={{date}}", paging="page", records="results")
    with pytest.raises(PermanentError, match=r"page=4 answered 404 with application/json: .*Invalid page"):
        await extracted(service)


async def test_a_day_that_did_not_change_costs_one_304(payments: PaymentService) -> None:
    url = f"{payments.url}/page/transactions/?page_size=100&day={{date}}"
    found = await extracted(source(url, records="results"), window(BEFORE, DAY))
    known = {each.date: each.version for each in found if isinstance(each, Note)}
    assert set(known) == {BEFORE, DAY}
    payments.asked()
    again = await extracted(source(url, records="results", known=known), window(BEFORE, DAY))
    assert sorted(again, key=lambda note: note.date) == [
        Note(day, version=known[day], unchanged=True) for day in (BEFORE, DAY)
    ]
    assert [line[-3:] for line in payments.asked()] == ["304", "304"]
    assert len(await data(source(url, records="results", known={BEFORE: known[BEFORE]}), window(BEFORE, DAY))) == 25


async def test_requests_are_signed_with_oauth_1(payments: PaymentService) -> None:
    url = f"{payments.url}/oauth1/transactions/?day={{date}}&app=&empty"
    service = source(url, param__note="a b/ü&=%20", records="results", paging="page", total="count", **SIGNED)
    assert len(await data(service)) == 25
    wrong = {**SIGNED, "consumer_secret": "another/s3cret"}
    with pytest.raises(PermanentError) as raised:
        await extracted(source(url, records="results", **wrong))
    assert "answered 401 with text/html: 'bad signature: OAuth " in str(raised.value)
    assert "another/s3cret" not in str(raised.value)


OAUTH2: dict[str, Any] = {
    "auth": "oauth2",
    "client_id": CLIENT[0],
    "client_secret": CLIENT[1],
    "scope": "reports",
    "records": "results",
    "paging": "page",
    "total": "count",
}


@pytest.mark.parametrize("client_auth", ["basic", "post"])
async def test_one_token_of_oauth_2_serves_all_requests(payments: PaymentService, client_auth: str) -> None:
    service = source(
        f"{payments.url}/oauth2/transactions/?day={{date}}",
        token_url=f"{payments.url}/oauth2/token/",
        client_auth=client_auth,
        **OAUTH2,
    )
    assert len(await data(service, window(BEFORE, DAY))) == 37
    assert len(await data(service)) == 25
    lines = payments.asked()
    assert lines.count("POST /oauth2/token/ 200") == 1
    assert len(lines) == 9


async def test_a_token_that_was_withdrawn_is_got_anew(payments: PaymentService) -> None:
    service = source(
        f"{payments.url}/oauth2/transactions/?day={{date}}", token_url=f"{payments.url}/oauth2/token/", **OAUTH2
    )
    await extracted(service)
    payments.withdraw_tokens()
    payments.asked()
    assert len(await data(service)) == 25
    assert [line[-3:] for line in payments.asked()[:3]] == ["401", "200", "200"]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"client_secret": "wrong/s3cret"}, "answered 401 with application/json: .*invalid_client"),
        ({"scope": "everything"}, "answered 400 with application/json: .*invalid_scope"),
    ],
)
async def test_no_token_is_an_error_of_the_token_url(
    payments: PaymentService, given: dict[str, str], problem: str
) -> None:
    url, token_url = f"{payments.url}/oauth2/transactions/?day={{date}}", f"{payments.url}/oauth2/token/"
    with pytest.raises(PermanentError, match=f"^POST {token_url} {problem}") as raised:
        await extracted(source(url, token_url=token_url, **{**OAUTH2, **given}))
    assert "s3cret" not in str(raised.value)


async def test_a_user_with_a_password(payments: PaymentService) -> None:
    url = f"{payments.url}/basic/transactions/?day={{date}}"
    basic: dict[str, Any] = {"auth": "basic", "user": USER[0], "records": "results", "paging": "page", "total": "count"}
    assert len(await data(source(url, password=USER[1], **basic))) == 25
    with pytest.raises(PermanentError, match=r"answered 401 .*Invalid username/password"):
        await extracted(source(url, password="wrong", **basic))


async def test_an_answer_that_is_cut_and_one_that_is_late(payments: PaymentService) -> None:
    service = source(f"{payments.url}/page/transactions/?day={{date}}", records="results", paging="page", total="count")
    payments.fail(0)
    with pytest.raises(TemporaryError, match=r"cut|too early|cannot be unpacked"):
        await extracted(service)
    payments.fail(503, retry_after="30")
    with pytest.raises(TemporaryError, match=r"answered 503 .*: 'out of order'") as raised:
        await extracted(service)
    assert raised.value.retry_after == 30
    assert len(await data(service)) == 25


@pytest.fixture(scope="module")
def visits() -> Iterator[JsonServer]:
    days = [DAY - dt.timedelta(days=number % 3) for number in range(95)]
    with JsonServer(visits=[{"id": n, "date": str(day), "path": f"/{n % 7}"} for n, day in enumerate(days)]) as server:
        yield server


@pytest.mark.parametrize("size", [1000, 40, 7])
async def test_json_server_by_the_header_link(visits: JsonServer, size: int) -> None:
    service = source(
        f"{visits.url}/visits?_page=1",
        param__date_gte="{start_date}",
        param__date_lte="{end_date}",
        paging="link",
        page_size=size,
        size_param="_limit",
        id="id",
    )
    found = [record for record in await extracted(service, window(BEFORE, DAY)) if isinstance(record, Record)]
    assert sorted(record.data["id"] for record in found) == [n for n in range(95) if n % 3 < 2]
    assert {record.date for record in found} == {BEFORE, DAY}


async def test_json_server_by_number_up_to_an_empty_page(visits: JsonServer) -> None:
    url = f"{visits.url}/visits?date={{date}}"
    service = source(url, paging="page", page_param="_page", page_size=10, size_param="_limit")
    assert len(await data(service)) == 32


async def test_json_server_does_not_know_a_parameter(visits: JsonServer) -> None:
    """It ignores `page`, and so gives the same records for ever."""
    with pytest.raises(MonolithError, match="the same records again with another page"):
        await extracted(source(f"{visits.url}/visits?date={{date}}", paging="page"))


async def test_json_server_takes_events_that_are_counted(visits: JsonServer) -> None:
    found = await data(source(f"{visits.url}/visits?date={{date}}", group_by=["path"]))
    assert sum(each["count"] for each in found) == 32
    assert len(found) == 7
