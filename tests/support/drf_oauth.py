"""The service's side of OAuth, by oauthlib: it is another implementation than the client's."""

from __future__ import annotations

import base64
from typing import Any

from oauthlib import oauth1, oauth2

from support.drf_service import CLIENT, CONSUMER


class Consumers(oauth1.RequestValidator):
    enforce_ssl = False
    client_key_length = nonce_length = (3, 60)
    dummy_client = "dummy"

    def validate_client_key(self, client_key: str, request: Any) -> bool:
        return client_key == CONSUMER[0]

    def get_client_secret(self, client_key: str, request: Any) -> str:
        return CONSUMER[1]

    def validate_timestamp_and_nonce(self, *arguments: Any, **named: Any) -> bool:
        return True


class Clients(oauth2.RequestValidator):
    tokens: set[str] = set()  # noqa: RUF012

    def authenticate_client(self, request: Any, *arguments: Any, **named: Any) -> bool:
        given = (request.client_id, request.client_secret)
        header = request.headers.get("HTTP_AUTHORIZATION", "")
        if header.startswith("Basic "):
            given = tuple(base64.b64decode(header[6:]).decode().split(":", 1))
        request.client = type("Client", (), {"client_id": given[0]})()
        return given == CLIENT

    def validate_grant_type(self, client_id: str, grant_type: str, *arguments: Any, **named: Any) -> bool:
        return grant_type == "client_credentials"

    def validate_scopes(self, client_id: str, scopes: list[str], *arguments: Any, **named: Any) -> bool:
        return set(scopes or []) <= {"reports"}

    def get_default_scopes(self, *arguments: Any, **named: Any) -> list[str]:
        return []

    def save_bearer_token(self, token: dict[str, Any], *arguments: Any, **named: Any) -> None:
        self.tokens.add(token["access_token"])

    def validate_bearer_token(self, token: str, scopes: Any, request: Any) -> bool:
        return token in self.tokens
