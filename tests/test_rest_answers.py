"""Answers: their JSON, or an error that shows what came; statuses, headers, gzip."""

from __future__ import annotations

import datetime as dt
import gzip
import zlib
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monolith_core import Deferred, MonolithError, PermanentError, TemporaryError
from monolith_plugins_rest.answers import Answer, Secrets
from monolith_plugins_rest.calls import Call
from monolith_plugins_rest.decode import decode
from monolith_plugins_rest.failures import refusal, retry_after
from monolith_plugins_rest.unpack import Damaged, Gzip, Plain, TooLong
from monolith_plugins_rest.versions import condition, version_of


def answer(body: bytes, status: int = 200, secrets: tuple[str, ...] = (), **headers: str) -> Answer:
    given = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer("GET http://127.0.0.1/x", "http://127.0.0.1/x", status, given, body, secrets=Secrets(secrets))


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"[1, 2.5]", [1, 2.5]),
        (b"\xef\xbb\xbf[]", []),
        (b"  {}\n", {}),
        (b"[0.1, 1.10, 1e5, 5e-324]", [0.1, 1.1, 100000.0, 5e-324]),
        (b"[0.10000000000000000001]", [Decimal("0.10000000000000000001")]),
        (b"[1e400, -1e-400]", [Decimal("1e400"), Decimal("-1e-400")]),
        (b"[12345678901234567890123]", [12345678901234567890123]),
        (b'["\\ud83d\\ude00", "\xc3\xa9"]', ["\U0001f600", "é"]),
    ],
)
def test_json_is_read_with_all_its_digits(body: bytes, value: Any) -> None:
    assert decode(answer(body)) == value


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), st.lists))
def test_json_reads_back(value: Any) -> None:
    body = msgspec.json.encode(value)
    if b"null" not in body or value is None:  # msgspec writes infinity so
        assert msgspec.json.encode(decode(answer(body))) == body


@pytest.mark.parametrize(
    ("body", "kind", "problem"),
    [
        (b"", TemporaryError, "answered 200 with application/json and no content, expected JSON"),
        (b" \n", TemporaryError, "no content, expected JSON"),
        (
            b"<!DOCTYPE html><title>Log in</title>",
            PermanentError,
            "expected JSON; it begins: '<!DOCTYPE html><title>Log",
        ),
        (b'[{"n": 1}, {"n"', TemporaryError, 'its JSON ends too early, after 15 bytes; it begins: \'[{"n": 1}, {"n"\''),
        (b"oops", PermanentError, "but invalid character at byte 0; it begins: 'oops'"),
        (b"[1,]", PermanentError, "but trailing comma in array at byte 3"),
        (b"[1] [2]", PermanentError, "trailing characters at byte 5"),
        (b"[1, NaN]", PermanentError, "a number that JSON has not, at byte 4: '[1, NaN]'; add nan = null"),
        (b"[-Infinity]", PermanentError, "a number that JSON has not"),
        (b"[Infinity]", PermanentError, "a number that JSON has not"),
        (
            b'["caf\xe9"]',
            PermanentError,
            "is not UTF-8, at byte 5: '[\"caf\ufffd\"]'; if that is how it is written, add ch",
        ),
        ("[1]".encode("utf-16"), PermanentError, "the answer is UTF-16, expected UTF-8; add charset = utf-16"),
        (b'["\\ud800"]', PermanentError, "half of a surrogate pair"),
        (b"[" * 100_000, PermanentError, "nested too deep to be read; it begins: '[[["),
        (b"{'a': 1}", PermanentError, "expected JSON"),
    ],
)
def test_what_is_no_json_is_an_error_that_shows_it(body: bytes, kind: type[MonolithError], problem: str) -> None:
    with pytest.raises(kind) as raised:
        decode(answer(body))
    assert problem in str(raised.value)
    assert str(raised.value).startswith("GET http://127.0.0.1/x")
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500


def test_an_error_far_inside_shows_what_is_there() -> None:
    body = b"[" + b"1, " * 1000 + b"oops]"
    with pytest.raises(PermanentError, match=r"at byte 3001; there is: '.*1, oops\]'$"):
        decode(answer(body))


def test_another_charset_is_read_if_the_option_says_so() -> None:
    assert decode(answer(b'["caf\xe9"]'), charset="latin-1") == ["café"]
    assert decode(answer('["café"]'.encode("utf-16")), charset="utf-16") == ["café"]
    with pytest.raises(PermanentError, match="the answer is not ascii, as the option charset says"):
        decode(answer(b'["caf\xe9"]'), charset="ascii")
    with pytest.raises(PermanentError, match="add charset = iso-8859-15"):
        decode(answer(b'["caf\xe9"]', content_type='application/json; charset="ISO-8859-15"'.lower()))


def test_nan_is_read_if_it_is_to_become_null() -> None:
    first, second, third = decode(answer(b"[NaN, -Infinity, 0.10000000000000000001]"), nan="null")
    assert first != first
    assert second == float("-inf")
    assert third == Decimal("0.10000000000000000001")
    with pytest.raises(PermanentError, match="expected JSON"):
        decode(answer(b"[NaN, oops]"), nan="null")


def test_secrets_are_hidden_before_the_excerpt_is_cut() -> None:
    secret = "s3cret/of=mine"
    body = b"<" + b"x" * 190 + secret.encode() + b" s3cret%2Fof%3Dmine "
    with pytest.raises(PermanentError) as raised:
        decode(answer(body, secrets=(secret,)))
    assert "s3cr" not in str(raised.value)
    assert "x***" in str(raised.value)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 202])
def test_statuses_that_may_pass(status: int) -> None:
    error = refusal(answer(b"busy", status, retry_after="7"), 600)
    assert isinstance(error, TemporaryError)
    assert error.retry_after == 7
    assert str(error) == f"GET http://127.0.0.1/x answered {status} with application/json: 'busy'"


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (400, "'no'"),
        (401, "check the option auth"),
        (403, "refuses this to whoever"),
        (404, "check url and param"),
        (304, "'no'"),
        (501, "'no'"),
        (300, "'no'"),
    ],
)
def test_statuses_that_will_not_pass(status: int, hint: str) -> None:
    error = refusal(answer(b"no", status), 600)
    assert isinstance(error, PermanentError)
    assert hint in str(error)


def test_a_quota_that_comes_back_much_later_leaves_the_rest_to_a_later_run() -> None:
    assert isinstance(refusal(answer(b"", 429, retry_after="601"), 600), Deferred)
    assert isinstance(refusal(answer(b"", 429, retry_after="600"), 600), TemporaryError)
    assert isinstance(refusal(answer(b"", 503, retry_after="3600"), 600), TemporaryError)


NOW = dt.datetime(2024, 1, 31, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (format_datetime(NOW + dt.timedelta(seconds=90), usegmt=True), 90),
        ("Wednesday, 31-Jan-24 12:01:30 GMT", 90),
        (format_datetime(NOW - dt.timedelta(days=1), usegmt=True), 0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 400, 999999999),
        ("Wed, 99 Jan 2024 99:99:99 GMT", None),
    ],
)
def test_retry_after_in_both_forms(text: str, seconds: float | None) -> None:
    date = format_datetime(NOW, usegmt=True)
    assert retry_after({"retry-after": text, "date": date}) == seconds


def test_a_date_to_come_back_counts_by_the_own_clock_if_the_server_tells_none() -> None:
    later = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1), usegmt=True)
    found = retry_after({"retry-after": later})
    assert found is not None
    assert 3500 < found <= 3600


@given(st.binary(max_size=2000), st.integers(1, 50), st.integers(0, 3))
def test_gzip_reads_back_in_any_pieces(data: bytes, size: int, members: int) -> None:
    packed = b"".join(gzip.compress(data) for _ in range(members))
    collected = Gzip(len(data) * members)
    for start in range(0, len(packed), size):
        collected.feed(packed[start : start + size])
    assert collected.finish() == data * members


@pytest.mark.parametrize("cut", [1, 5, 15, 30])
def test_gzip_that_is_cut_is_damaged(cut: int) -> None:
    packed = gzip.compress(b"some text that is long enough")
    collected = Gzip(1000)
    collected.feed(packed[:-cut])
    with pytest.raises(Damaged, match="its end is missing"):
        collected.finish()


@pytest.mark.parametrize("data", [b"no gzip at all", zlib.compress(b"x"), gzip.compress(b"x") + b"rest of it"])
def test_what_is_no_gzip_is_damaged(data: bytes) -> None:
    with pytest.raises(Damaged):
        Gzip(1000).feed(data)


def test_a_bomb_is_stopped_at_the_limit() -> None:
    bomb = gzip.compress(bytes(50_000_000), compresslevel=9)
    collected = Gzip(1000)
    with pytest.raises(TooLong):
        collected.feed(bomb)
    assert len(collected._out) == 1001


def test_what_is_not_packed_is_bounded_too() -> None:
    collected = Plain(3)
    collected.feed(b"123")
    assert collected.finish() == b"123"
    with pytest.raises(TooLong):
        collected.feed(b"4")


CALL = Call("GET", "http://127.0.0.1/x", (("Accept-Language", "en"),))


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ({"etag": '"abc def"'}, {"If-None-Match": '"abc def"'}),
        ({"etag": 'W/"1"', "last-modified": "Wed, 31 Jan 2024 12:00:00 GMT"}, {"If-None-Match": 'W/"1"'}),
        (
            {"last-modified": "Wed, 31 Jan 2024 12:00:00 GMT"},
            {"If-Modified-Since": "Wed, 31 Jan 2024 12:00:00 GMT"},
        ),
        ({}, {}),
        ({"etag": '"' + "x" * 300 + '"'}, {}),
    ],
)
def test_a_version_is_what_the_service_can_recognise(headers: dict[str, str], sent: dict[str, str]) -> None:
    version = version_of(CALL, headers)
    assert len(version) <= 255
    assert condition(CALL, version) == sent


@pytest.mark.parametrize(
    "other",
    [
        Call("GET", "http://127.0.0.1/y", CALL.headers),
        Call("POST", CALL.url, CALL.headers),
        Call("GET", CALL.url),
        Call("GET", CALL.url, CALL.headers, b"x"),
    ],
)
def test_a_version_is_of_one_question(other: Call) -> None:
    assert condition(other, version_of(CALL, {"etag": '"1"'})) == {}


@given(st.text())
def test_a_version_of_something_else_is_no_condition(version: str) -> None:
    assert condition(CALL, version) == {}


@pytest.mark.parametrize(
    "form",
    ['p/w "x" ü', "p%2Fw%20%22x%22%20%C3%BC", "p/w%20%22x%22%20%C3%BC", "p%2Fw+%22x%22+%C3%BC", r"p/w \"x\" \u00fc"],
)
def test_a_secret_is_hidden_in_every_form(form: str) -> None:
    assert Secrets(['p/w "x" ü']).hide(f"a={form}&b") == "a=***&b"
