"""Credentials: whom Google is asked as."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import google.auth
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import GoogleAuthError
from google.oauth2.credentials import Credentials as PersonCredentials
from google.oauth2.service_account import Credentials as ServiceCredentials

from monolith_core import PermanentError
from monolith_plugins_ga.failures import SCOPE, of_client, one_line
from monolith_plugins_ga.options import GoogleAnalyticsOptions


def load(options: GoogleAnalyticsOptions) -> Credentials:
    """The credentials that a section means: its file's, none for a server on this machine, or the default ones."""
    if options.anonymous:
        return AnonymousCredentials()
    return _from_file(options.credentials) if options.credentials is not None else _default()


def owner(credentials: Credentials) -> str:
    """Who they are, for people: a service account's address, where it is known."""
    return str(getattr(credentials, "service_account_email", None) or "the account of these credentials")


def _from_file(path: Path) -> Credentials:
    # What is in the file is a secret; an error may say what is wrong with it, never how it reads.
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        kind: Any = PersonCredentials if content.get("type") == "authorized_user" else ServiceCredentials
        make = getattr(kind, "from_authorized_user_info", None) or kind.from_service_account_info
        found: Credentials = make(content, scopes=[SCOPE])
    except OSError as error:
        raise PermanentError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, AttributeError, TypeError, GoogleAuthError) as error:
        lacking = one_line(str(error)) if "missing fields" in str(error) else "its private key cannot be read"
        raise PermanentError(f"the credentials in {path} cannot be used: {lacking}; download the key again") from None
    return found


def _default() -> Credentials:
    with warnings.catch_warnings():
        # Credentials of a person do here: it is the property's quota that counts, not that of their project.
        warnings.filterwarnings("ignore", message=".*end user credentials")
        try:
            credentials, _ = google.auth.default(scopes=[SCOPE])
        except GoogleAuthError as error:
            raise of_client(error, "find credentials", "the application default credentials") from error
    return credentials
