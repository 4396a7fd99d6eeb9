"""Auth: how a request shows who asks. A signer adds to the URL and the headers of a call, and reads nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from monolith_core import SecretStr
from monolith_plugins_rest.answers import Secrets
from monolith_plugins_rest.calls import Call, with_params
from monolith_plugins_rest.options import RestOptions

Signed = tuple[str, dict[str, str]]
"""The URL and the headers to send."""


class Signer(Protocol):
    """Authenticates a call."""

    def sign(self, call: Call, headers: dict[str, str]) -> Signed:
        """The call's URL and `headers`, with what shows who asks."""
        ...


class Nobody:
    """Shows nothing."""

    def sign(self, call: Call, headers: dict[str, str]) -> Signed:
        """All as it is."""
        return call.url, headers


class Authorization:
    """A constant header Authorization."""

    def __init__(self, value: str) -> None:
        self._value = value

    def sign(self, call: Call, headers: dict[str, str]) -> Signed:
        """With that header."""
        return call.url, {**headers, "Authorization": self._value}


class Consumer:
    """OAuth 1 (RFC 5849): HMAC-SHA1 in the header Authorization, for the consumer alone unless there is a token."""

    def __init__(self, key: str, secret: str, token: str | None, token_secret: str | None) -> None:
        from authlib.oauth1.rfc5849.client_auth import ClientAuth

        self._client: Any = ClientAuth(key, secret, token, token_secret)

    def sign(self, call: Call, headers: dict[str, str]) -> Signed:
        """With a signature of the method, the URL, and the body of a form."""
        body = call.body or b""
        _, signed, _ = self._client.prepare(call.method, call.url, dict(headers), body)
        return call.url, {**headers, "Authorization": signed["Authorization"]}


class Extras:
    """Secret headers and parameters of the query."""

    def __init__(self, headers: Mapping[str, str], params: Mapping[str, str]) -> None:
        self._headers = dict(headers)
        self._params = list(params.items())

    def sign(self, call: Call, headers: dict[str, str]) -> Signed:
        """With all of them."""
        return with_params(call.url, self._params) if self._params else call.url, {**headers, **self._headers}


class Both:
    """What one signer adds, and then another, whose signature may be one of the whole URL."""

    def __init__(self, first: Signer, second: Signer) -> None:
        self._first = first
        self._second = second

    def sign(self, call: Call, headers: dict[str, str]) -> Signed:
        """With what both add."""
        url, headers = self._first.sign(call, headers)
        return self._second.sign(replace(call, url=url), headers)


def signer(options: RestOptions) -> Signer:
    """The signer that the options describe; that of OAuth 2 is `Nobody`, until there is a token."""
    inner = _inner(options)
    headers, params = _plain(options.auth_headers), _plain(options.auth_params)
    return Both(Extras(headers, params), inner) if headers or params else inner


def _inner(options: RestOptions) -> Signer:
    if options.auth == "basic":
        return Authorization(f"Basic {_basic(options)}")
    if options.auth == "bearer":
        return Authorization(f"Bearer {_secret(options.token)}")
    if options.auth == "oauth1":
        token, secret = _secret(options.token) or None, _secret(options.token_secret) or None
        return Consumer(options.consumer_key or "", _secret(options.consumer_secret), token, secret)
    return Nobody()


def secrets_of(options: RestOptions) -> Secrets:
    """Everything secret in the options, also as it is sent."""
    plain = [options.password, options.token, options.consumer_secret, options.token_secret, options.client_secret]
    named = [*options.auth_headers.values(), *options.auth_params.values()]
    found = Secrets(_secret(each) for each in [*plain, *named])
    if options.auth == "basic":
        found.add(_basic(options))
    if options.client_secret is not None:
        found.add(_encoded(f"{options.client_id}:{_secret(options.client_secret)}"))
    return found


def _basic(options: RestOptions) -> str:
    return _encoded(f"{options.user}:{_secret(options.password)}")


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value is not None else ""


def _plain(values: Mapping[str, SecretStr]) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in values.items()}
