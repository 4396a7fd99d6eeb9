"""What Google, the network and what lies between may say, as the google-analytics source tells it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from support.ga_emulator import Answer, Asked, Cut, Emulator, refusal
from support.ga_fixtures import Make, _new_process, google, make, march, records
from support.ga_grpc import GrpcEmulator
from support.ga_property import Refusal

from monolith_core.errors import Deferred, MonolithError, PermanentError, TemporaryError

__all__ = ["_new_process", "google", "make"]

PAGE = b"<html><head><title>Sign in</title></head><body>Please sign in</body></html>"
DISABLED = "Google Analytics Data API has not been used in project 7 before or it is disabled."


def info(reason: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}


ANSWERS: dict[str, tuple[Answer | Refusal, type[MonolithError], str]] = {
    "too many at once": (
        Refusal(429, "RESOURCE_EXHAUSTED", "Exhausted concurrent requests quota."),
        TemporaryError,
        "cannot report property 123 on 2024-03-01 now (429): Exhausted concurrent requests quota.",
    ),
    "too many in a minute": (
        Refusal(429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Requests' and limit 'a minute'"),
        TemporaryError,
        "(429): Quota exceeded for quota metric",
    ),
    "an hour's tokens": (
        Refusal(429, "RESOURCE_EXHAUSTED", "Exhausted property tokens for a project per hour. They return."),
        Deferred,
        "the quota is used up: Exhausted property tokens for a project per hour.",
    ),
    "thresholded requests": (
        Refusal(429, "RESOURCE_EXHAUSTED", "Exhausted potentially thresholded requests quota."),
        Deferred,
        "the rest comes with a later run",
    ),
    "an inner error": (Refusal(500, "INTERNAL", "Internal error encountered."), TemporaryError, "now (500): Internal"),
    "a bad gateway": (Answer(502, PAGE), TemporaryError, "now (502): Sign in Please sign in"),
    "unavailable": (Refusal(503, "UNAVAILABLE", "The service is down."), TemporaryError, "(503): The service is down."),
    "Google's own time-out": (Refusal(504, "DEADLINE_EXCEEDED", "Deadline exceeded."), TemporaryError, "(504)"),
    "no right": (
        Refusal(403, "PERMISSION_DENIED", "User does not have sufficient permissions for this property."),
        PermanentError,
        "for this property.; add the account of these credentials to the property as a Viewer",
    ),
    "the API is off": (
        Refusal(403, "PERMISSION_DENIED", DISABLED, [info("SERVICE_DISABLED")]),
        PermanentError,
        "enable the Google Analytics Data API in the project",
    ),
    "a scope is missing": (
        Refusal(403, "PERMISSION_DENIED", "Insufficient scopes.", [info("ACCESS_TOKEN_SCOPE_INSUFFICIENT")]),
        PermanentError,
        "need the scope https://www.googleapis.com/auth/analytics.readonly",
    ),
    "no credentials": (Refusal(401, "UNAUTHENTICATED", "Request lacks them."), PermanentError, "asks for credentials"),
    "a wrong name": (
        Refusal(400, "INVALID_ARGUMENT", "Field contry is not a valid dimension."),
        PermanentError,
        "Field contry is not a valid dimension.; monolith check names what is wrong",
    ),
    "another server": (Answer(404, PAGE), PermanentError, "(404): Sign in Please sign in; see property and endpoint"),
    "a page of a proxy": (Answer(200, PAGE), TemporaryError, "the answer is not one of Google's"),
    "nothing": (Answer(200, b""), TemporaryError, "the answer is not one of Google's"),
    "half of it": (Answer(200, b'{"rows": [{"dim'), TemporaryError, "the answer is not one of Google's"),
    "bytes": (Answer(200, b"\xff\xfe\x00"), TemporaryError, "the answer is not one of Google's"),
    "a list": (Answer(200, [1]), TemporaryError, "the answer is not one of Google's"),
    "an error that is none": (
        Answer(500, {"error": {"details": ["x"]}}),
        TemporaryError,
        "the answer is not one of Google's",
    ),
    "wrong types": (Answer(200, {"rows": 5}), TemporaryError, "the answer is not one of Google's"),
    "less than announced": (
        Answer(200, b"{", {"content-length": "100"}),
        TemporaryError,
        "no connection to Google (report property 123 on 2024-03-01)",
    ),
}


def answering(found: Answer | Refusal) -> Any:
    def rule(asked: Asked) -> Answer:
        return refusal(found) if isinstance(found, Refusal) else found

    return rule


@pytest.mark.parametrize(("found", "kind", "text"), ANSWERS.values(), ids=ANSWERS)
def test_answers(make: Make, google: Emulator, found: Answer | Refusal, kind: type[MonolithError], text: str):
    google.rule = answering(found)
    with pytest.raises(kind) as caught:
        records(make(), march(1))
    assert type(caught.value) is kind
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "http://" not in str(caught.value)
    assert len(google.asked) == 1, "trying again is the engine's"


@pytest.mark.parametrize(
    ("headers", "details", "wait"),
    [
        ({"retry-after": "120"}, [], 120),
        ({}, [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7.5s"}], 7.5),
        ({"retry-after": "soon"}, [{"@type": "type.googleapis.com/google.rpc.RetryInfo"}], None),
    ],
)
def test_the_time_that_google_asks_for(make: Make, google: Emulator, headers: Any, details: Any, wait: float | None):
    body = {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE", "details": details}}
    google.rule = lambda asked: Answer(503, body, headers)
    with pytest.raises(TemporaryError) as caught:
        records(make(), march(1))
    assert caught.value.retry_after == wait


def test_a_connection_that_is_cut(make: Make, google: Emulator):
    def cut(asked: Asked) -> Answer:
        raise Cut

    google.rule = cut
    with pytest.raises(TemporaryError, match="no connection to Google"):
        records(make(), march(1))


def test_nobody_listens(make: Make):
    with Emulator({}) as gone:
        url = gone.url
    with pytest.raises(TemporaryError, match=r"no connection to Google .*Connection refused"):
        records(make(endpoint=url), march(1))


def test_a_server_without_tls(make: Make, google: Emulator, monkeypatch: pytest.MonkeyPatch):
    from google.auth.credentials import AnonymousCredentials

    from monolith_plugins_ga import service

    monkeypatch.setattr(service, "load", lambda options: AnonymousCredentials())
    with pytest.raises(PermanentError, match="no TLS connection to Google"):
        records(make(endpoint=google.url.replace("http:", "https:")), march(1))


def test_an_answer_that_never_comes(make: Make, google: Emulator):
    over = threading.Event()

    def hold(asked: Asked) -> None:
        over.wait()

    google.rule = hold
    try:
        with pytest.raises(TemporaryError, match="Google did not answer in time"):
            records(make(timeout=0.2), march(1))
    finally:
        over.set()


def test_a_slow_answer_is_waited_for(make: Make, google: Emulator):
    waiting, over = threading.Event(), threading.Event()

    def hold(asked: Asked) -> None:
        waiting.set()
        over.wait()

    google.rule = hold
    threading.Thread(target=lambda: (waiting.wait(), over.set())).start()
    assert len(records(make(), march(1))) == 2


@pytest.mark.parametrize("name", ["an hour's tokens", "no right", "a wrong name", "an inner error"])
def test_grpc_says_the_same(make: Make, google: Emulator, name: str):
    found, kind, text = ANSWERS[name]
    google.rule = answering(found)
    with GrpcEmulator(google) as grpc, pytest.raises(kind) as caught:
        records(make(transport="grpc", endpoint=grpc.url), march(1))
    assert text in str(caught.value)


def test_grpc_without_a_server(make: Make):
    with Emulator({}) as gone:
        url = gone.url
    with pytest.raises(TemporaryError, match=r"cannot report property 123 on 2024-03-01 now \(503\)"):
        records(make(transport="grpc", endpoint=url), march(1))


def test_another_propertys_number(make: Make, google: Emulator):
    with pytest.raises(PermanentError, match=r"does not report property 999 on 2024-03-01 \(403\): User does not have"):
        records(make(property=["999"]), march(1))
