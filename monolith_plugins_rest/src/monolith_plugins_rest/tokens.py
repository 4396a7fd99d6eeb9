"""Tokens: those of OAuth 2, which a client gets for its own credentials (RFC 6749, 4.4)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from monolith_core import PermanentError
from monolith_plugins_rest.answers import Answer
from monolith_plugins_rest.bodies import FORM
from monolith_plugins_rest.calls import Call
from monolith_plugins_rest.decode import decode
from monolith_plugins_rest.options import RestOptions

LEEWAY = 30
"""Seconds before its end from which a token is used no more: a request takes its time."""


def token_call(options: RestOptions) -> Call:
    """The request for a token."""
    from authlib.oauth2.auth import ClientAuth

    assert options.client_secret is not None
    url, secret = options.token_url or "", options.client_secret.get_secret_value()
    given = {"grant_type": "client_credentials", "scope": options.scope or "", **options.token_params}
    body = urlencode({name: value for name, value in given.items() if value})
    client: Any = ClientAuth(options.client_id, secret, f"client_secret_{options.client_auth}")
    headers = {"Accept": "application/json", "Content-Type": FORM}
    _, headers, body = client.prepare("POST", url, headers, body)
    return Call("POST", url, tuple(headers.items()), body.encode())


class Token:
    """A token as the service gave it."""

    def __init__(self, answer: Answer) -> None:
        """Raises PermanentError if the answer has no token that can be used."""
        from authlib.oauth2.rfc6749 import OAuth2Token

        given = decode(answer)
        text = given.get("access_token") if isinstance(given, dict) else None
        if not isinstance(text, str) or not text.isascii() or not text.isprintable():
            raise PermanentError(f"{answer.asked} gave no access_token: {answer.excerpt()}")
        kind = given.get("token_type", "bearer")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise PermanentError(f"{answer.asked} gave a token of the type {kind!r}, expected bearer")
        self.text = text
        try:
            self._token: Any = OAuth2Token(given)
        except (ValueError, TypeError, OverflowError):
            raise PermanentError(
                f"{answer.asked} gave a token with expires_in {given.get('expires_in')!r}, expected seconds"
            ) from None

    @property
    def is_over(self) -> bool:
        """Whether it is used no more; one that does not say when it ends lasts until it is refused."""
        return bool(self._token.is_expired(leeway=LEEWAY))
