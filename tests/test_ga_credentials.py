"""Whom the google-analytics source asks Google as: keys of service accounts, people, the application's default."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from support.ga_emulator import Answer, Asked, Emulator
from support.ga_fixtures import Make, _new_process, google, make, march, records

from monolith_core.errors import PermanentError, TemporaryError

__all__ = ["_new_process", "google", "make"]

WHO = "reader@project.iam.gserviceaccount.example"


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def key(private_key: str, tmp_path: Path, google: Emulator) -> Path:
    """The key of a service account whose tokens the emulator gives, and wants."""
    google.needs_token = True
    content = {
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "1",
        "private_key": private_key,
        "client_email": WHO,
        "token_uri": google.token_url,
    }
    file = tmp_path / "key.json"
    file.write_text(json.dumps(content))
    return file


def change(file: Path, **values: Any) -> None:
    content = {**json.loads(file.read_text()), **values}
    file.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))


def methods(google: Emulator) -> list[str]:
    return [each.method for each in google.asked]


def test_a_service_account_gets_one_token_for_all(make: Make, google: Emulator, key: Path):
    source = make(credentials=str(key))
    assert len(records(source, march(1))) == len(records(source, march(2))) == 2
    assert methods(google) == ["token", "runReport", "runReport"]
    assert google.asked[1].headers["authorization"] == "Bearer token-0"


def test_a_token_that_is_not_valid_any_more_is_replaced(make: Make, google: Emulator, key: Path):
    source = make(credentials=str(key))
    records(source, march(1))
    google.tokens.clear()
    google.tokens.append("another")
    assert len(records(source, march(1))) == 2
    assert methods(google)[2:] == ["runReport", "token", "runReport"]


def test_without_credentials_the_endpoint_is_asked_without(make: Make, google: Emulator):
    records(make(), march(1))
    assert "authorization" not in google.asked[0].headers


def as_token_server(google: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let people's tokens come from the emulator; their files name no server, and the library knows one only."""
    google.needs_token = True
    monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", google.token_url)


def test_a_person(make: Make, google: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What `gcloud auth application-default login` writes."""
    as_token_server(google, monkeypatch)
    file = tmp_path / "me.json"
    content = {"type": "authorized_user", "client_id": "i", "client_secret": "hidden", "refresh_token": "hidden"}
    file.write_text(json.dumps(content))
    assert len(records(make(credentials=str(file)), march(1))) == 2
    assert google.asked[0].body["grant_type"] == "refresh_token"


def test_the_application_default(make: Make, google: Emulator, key: Path, monkeypatch: pytest.MonkeyPatch):
    from monolith_plugins_ga.options import GoogleAnalyticsOptions

    monkeypatch.setattr(GoogleAnalyticsOptions, "anonymous", False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    assert len(records(make(), march(1))) == 2
    assert methods(google) == ["token", "runReport"]


def test_the_default_of_a_person_without_a_project(
    make: Make, google: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Google's library warns that they have no project; here that is no fault."""
    from monolith_plugins_ga.options import GoogleAnalyticsOptions

    as_token_server(google, monkeypatch)
    folder = tmp_path / "gcloud"
    folder.mkdir()
    client = "764086051850-6qr4p6gpi6hn506pt8ejuq83di341hur.apps.googleusercontent.com"  # gcloud's own, as it is known
    content = {"type": "authorized_user", "client_id": client, "client_secret": "x", "refresh_token": "y"}
    (folder / "application_default_credentials.json").write_text(json.dumps(content))
    monkeypatch.setattr(GoogleAnalyticsOptions, "anonymous", False)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(folder))
    assert len(records(make(), march(1))) == 2


def test_there_is_no_default(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in os.environ if name.startswith(("GOOGLE_", "GCE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(PermanentError, match="there are no application default credentials here; write credentials ="):
        records(make(endpoint="https://analyticsdata.googleapis.com"), march(1))


def test_a_default_that_is_not_there(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "gone.json"))
    with pytest.raises(PermanentError, match=r"gone\.json was not found"):
        records(make(endpoint="https://analyticsdata.googleapis.com"), march(1))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"private_key": "hidden"}, "its private key cannot be read; download the key again"),
        ({"private_key": 5}, "its private key cannot be read; download the key again"),
        ({"private_key": None}, "cannot be used"),
        ({"client_email": None}, "cannot be used: Service account info was not in the expected format, missing fields"),
    ],
)
def test_keys_that_are_none(make: Make, google: Emulator, key: Path, values: dict[str, Any], text: str):
    change(key, **values)
    with pytest.raises(PermanentError) as caught:
        records(make(credentials=str(key)), march(1))
    assert str(caught.value).startswith(f"the credentials in {key} cannot be used: ")
    assert text in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert google.asked == []


def test_a_key_that_was_deleted(make: Make, google: Emulator, key: Path):
    def refuse(asked: Asked) -> Answer | None:
        said = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        return Answer(400, said) if asked.method == "token" else None

    google.rule = refuse
    with pytest.raises(PermanentError) as caught:
        records(make(credentials=str(key)), march(1))
    assert str(caught.value) == (
        f"Google gives no token to {WHO}: invalid_grant: Invalid JWT Signature.; make a new key, or see the clock of "
        "this machine"
    )


def test_a_token_server_that_is_down(make: Make, google: Emulator, key: Path, monkeypatch: pytest.MonkeyPatch):
    """Google's library tries some times itself, with pauses."""
    monkeypatch.setattr("google.auth._exponential_backoff.time.sleep", lambda seconds: None)
    google.rule = lambda asked: Answer(503, {"error": "internal_failure"}) if asked.method == "token" else None
    with pytest.raises(TemporaryError, match="token server gives no token to reader@"):
        records(make(credentials=str(key)), march(1))


def test_no_token_server(make: Make, google: Emulator, key: Path):
    with Emulator({}) as gone:
        change(key, token_uri=gone.token_url)
    with pytest.raises(TemporaryError, match="no connection to Google's token server"):
        records(make(credentials=str(key)), march(1))


def test_who_is_to_be_added_is_named(make: Make, google: Emulator, key: Path):
    with pytest.raises(PermanentError, match=f"; add {WHO} to the property as a Viewer"):
        records(make(credentials=str(key), property=["999"]), march(1))


def test_whose_credentials_are_not_good(make: Make, google: Emulator, key: Path):
    said = {"error": {"code": 401, "message": "Invalid credentials.", "status": "UNAUTHENTICATED"}}
    google.rule = lambda asked: Answer(401, said) if asked.method == "runReport" else None
    with pytest.raises(PermanentError, match=rf"\(401\): Invalid credentials.; see the credentials of {WHO}"):
        records(make(credentials=str(key)), march(1))
