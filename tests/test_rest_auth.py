"""Who asks: what is sent, and that nothing of it is shown."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from oauthlib.oauth1.rfc5849 import signature
from support.hostile import Asked, Hostile, Reply, answer, json_answer
from support.rest import data, extracted, options, source

from monolith_core import MonolithError, PermanentError
from monolith_plugins_rest.auth import signer
from monolith_plugins_rest.calls import Call

DAILY = "/items?day={date}"
SECRET = "s3cret/of=mine%"

KINDS: dict[str, dict[str, Any]] = {
    "basic": {"auth": "basic", "user": "me", "password": SECRET},
    "bearer": {"auth": "bearer", "token": SECRET},
    "header": {"auth": "header", "auth_header": {"X-Api-Key": SECRET}},
    "param": {"auth": "param", "auth_param": {"api_key": SECRET}},
    "oauth1": {"auth": "oauth1", "consumer_key": "me", "consumer_secret": SECRET},
    "bearer and header": {"auth": "bearer", "token": "t0ken/of/mine", "auth_header": {"X-Api-Key": SECRET}},
}


def echo(asked: Asked) -> Reply:
    """An error that says all that it was told, as services do in a debug mode."""
    told = {"target": asked.target, "headers": asked.headers, "body": asked.body.decode()}
    return json_answer(told, 400)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_service_that_repeats_what_it_was_told_gives_no_secret_away(kind: str) -> None:
    with Hostile(echo) as server:
        with pytest.raises(PermanentError) as raised:
            await extracted(source(server.url + DAILY, **KINDS[kind]))
        (asked,) = server.asked
    text = str(raised.value)
    encoded = base64.b64encode(f"me:{SECRET}".encode()).decode()
    for form in (SECRET, "s3cret", encoded, "t0ken"):
        assert form not in text
    assert "answered 400" in text
    assert SECRET in json.dumps(asked.headers) or encoded in str(asked.headers) or kind in ("param", "oauth1")


async def test_secret_headers_and_parameters_are_sent_with_every_page() -> None:
    def reply(asked: Asked) -> Reply:
        return json_answer([{"n": 1}], **({} if "page" in asked.params else {"link": '<?page=2>; rel="next"'}))

    with Hostile(reply) as server:
        chosen = source(
            server.url + DAILY,
            paging="link",
            auth="basic",
            user="me",
            password="é:",
            auth_header={"X-App": "abcd"},
            auth_param={"key": "a b&c"},
        )
        assert len(await data(chosen)) == 2
    for asked in server.asked:
        assert asked.headers["authorization"] == "Basic " + base64.b64encode(b"me:\xc3\xa9:").decode()
        assert asked.headers["x-app"] == "abcd"
        assert asked.params["key"] == "a b&c"


async def test_a_secret_parameter_stands_in_no_error() -> None:
    with Hostile(lambda asked: answer(b"oops")) as server:
        chosen = source(server.url + DAILY, auth="param", auth_param={"key": "k3y&of/mine"})
        with pytest.raises(PermanentError) as raised:
            await extracted(chosen)
        server.reply = lambda asked: json_answer([], link=f'<{server.url}{asked.target}>; rel="next"')
        repeating = source(server.url + DAILY, paging="link", auth="param", auth_param={"key": "k3y&of/mine"})
        with pytest.raises(MonolithError) as again:
            await extracted(repeating)
    for text in (str(raised.value), str(again.value)):
        assert "k3y" not in text


def test_a_signature_of_oauth_1_is_that_of_another_implementation() -> None:
    """oauthlib computes the signature of RFC 5849, 3.4 from the same parameters."""
    chosen = options(auth="oauth1", consumer_key="key", consumer_secret=SECRET, token="t0ken", token_secret="t&s")
    url = "http://127.0.0.1:8080/items?b5=%3D%253D&a3=a&c%40=&a2=r%20b&a3=2%20q"
    body = b'{"n": 1}'
    call = Call("POST", url, (("Content-Type", "application/json"),), body)
    _, headers = signer(chosen).sign(call, dict(call.headers))
    given = dict(
        part.split("=", 1) for part in headers["Authorization"].removeprefix("OAuth ").replace('"', "").split(", ")
    )
    params = signature.collect_parameters(
        uri_query="b5=%3D%253D&a3=a&c%40=&a2=r%20b&a3=2%20q", headers={"Authorization": headers["Authorization"]}
    )
    base = signature.signature_base_string(
        "POST", signature.base_string_uri(url, "127.0.0.1:8080"), signature.normalize_parameters(params)
    )
    client = type("Client", (), {"client_secret": SECRET, "resource_owner_secret": "t&s"})()
    expected = signature.sign_hmac_sha1_with_client(base, client)
    assert parse_qs(f"s={given['oauth_signature']}", strict_parsing=True)["s"] == [expected]
    assert given["oauth_token"] == "t0ken"
    assert call.body == body


def tokens(*answers: bytes) -> Any:
    """A service whose token URL gives one answer after the other, and which takes the token `good`."""
    left = list(answers)

    def reply(asked: Asked) -> Reply:
        if asked.path == "/token":
            return left.pop(0)
        if asked.headers.get("authorization") == "Bearer good-token":
            return json_answer([{"n": 1}])
        return answer(f"not {asked.headers.get('authorization')}".encode(), 401)

    return reply


def asking(server: Hostile, **given: Any) -> Any:
    oauth2 = {"auth": "oauth2", "client_id": "me", "client_secret": SECRET, "token_url": f"{server.url}/token"}
    return source(server.url + DAILY, **{**oauth2, **given})


GOOD = json_answer({"access_token": "good-token", "token_type": "Bearer", "expires_in": 3600})
BAD = json_answer({"access_token": "bad-token-of-mine", "expires_in": 3600})


async def test_what_is_sent_for_a_token() -> None:
    with Hostile(tokens(GOOD)) as server:
        await extracted(asking(server, scope="a b", token_param={"audience": "https://api.example"}))
    told = server.asked[0]
    assert parse_qs(told.body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["a b"],
        "audience": ["https://api.example"],
    }
    assert told.headers["content-type"] == "application/x-www-form-urlencoded"
    assert told.headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (answer(b"<html>", content_type="text/html"), "/token answered 200 with text/html, expected JSON"),
        (json_answer({"token": "x"}), "/token gave no access_token: what is not shown"),
        (json_answer([]), "gave no access_token"),
        (json_answer({"access_token": "a\nb"}), "gave no access_token"),
        (json_answer({"access_token": "x" * 9, "token_type": "mac"}), "a token of the type 'mac', expected bearer"),
        (json_answer({"access_token": "x" * 9, "expires_in": "soon"}), "with expires_in 'soon', expected seconds"),
        (
            answer(b'{"access_token": "t0ken-of-mine",'),
            "its JSON ends too early, after 33 bytes; it begins: what is not s",
        ),
        (answer(b"", 302, location="/items"), "/token answered 302"),
        (answer(b"down", 503), "/token answered 503"),
    ],
)
async def test_a_token_url_that_gives_none(reply: bytes, problem: str) -> None:
    with Hostile(tokens(reply)) as server, pytest.raises(MonolithError) as raised:
        await extracted(asking(server))
    assert problem in str(raised.value)
    assert "t0ken" not in str(raised.value)
    assert len(server.asked) == 1


async def test_a_token_that_is_over_is_got_anew_and_one_without_an_end_is_kept() -> None:
    short = GOOD.replace(b"3600", b"  20")
    with Hostile(tokens(short, GOOD)) as server:
        chosen = asking(server)
        await extracted(chosen)
        await extracted(chosen)
        assert [asked.path for asked in server.asked] == ["/token", "/items", "/token", "/items"]
    endless = json_answer({"access_token": "good-token"})
    with Hostile(tokens(endless)) as server:
        chosen = asking(server)
        await extracted(chosen)
        await extracted(chosen)
        assert [asked.path for asked in server.asked] == ["/token", "/items", "/items"]


async def test_a_token_that_is_refused_is_got_anew_once() -> None:
    with Hostile(tokens(BAD, GOOD)) as server:
        assert await data(asking(server)) == [{"n": 1}]
    with Hostile(tokens(BAD, BAD)) as server:
        with pytest.raises(PermanentError) as raised:
            await extracted(asking(server))
        assert [asked.path for asked in server.asked] == ["/token", "/items", "/token", "/items"]
    assert "answered 401 with application/json: 'not Bearer ***'" in str(raised.value)
    assert "bad-token-of-mine" not in str(raised.value)
