"""Secrets are replaced in whatever form they stand in a text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monolith_core import secrets
from monolith_core.secrets import Hider, secret_parts, url_secrets, without_credentials


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    secrets.forget()
    yield
    secrets.forget()


def test_hides_what_was_registered() -> None:
    assert secrets.hide("the password is swordfish") == "the password is swordfish"
    secrets.register(["swordfish", "swordfish and more"])
    secrets.register(["swordfish"])
    assert secrets.hide("swordfish and more, swordfish") == "***, ***"
    secrets.forget()
    assert secrets.hide("swordfish") == "swordfish"


PASSWORD = 'p@ss/w%rd "ü" \\n'


@pytest.mark.parametrize(
    "form",
    [
        PASSWORD,
        repr(PASSWORD),
        json.dumps(PASSWORD),
        json.dumps(PASSWORD, ensure_ascii=False),
        quote(PASSWORD, safe=""),
        quote(PASSWORD),
        quote_plus(PASSWORD),
        f"mysql+pymysql://me:{quote_plus(PASSWORD)}@host/db",
    ],
)
def test_hides_every_form(form: str) -> None:
    text = Hider([PASSWORD]).hide(f"<{form}>")
    assert "rd" not in text
    assert "***" in text


def test_hides_the_lines_of_a_key() -> None:
    hider = Hider(["-----BEGIN KEY-----\nabcdefgh\n-----END KEY-----"])
    assert hider.hide("bad line 'abcdefgh'") == "bad line '***'"


@pytest.mark.parametrize("word", ["abc", "monolith", "Monolith", ""])
def test_what_cannot_be_hidden_everywhere_is_hidden_in_urls(word: str) -> None:
    hider = Hider([word])
    assert hider.hide(f"monolith-extract abc {word}") == f"monolith-extract abc {word}"
    assert (
        hider.hide(f"at mysql://{word}:{word or 'x'}@localhost/monolith") == f"at mysql://{word}:***@localhost/monolith"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:hunter2@host", "redis://:***@host"),
        ("see http://host:80/a?mail=me@x.example", "see http://host:80/a?mail=me@x.example"),
        ("mysql://me@host/db", "mysql://me@host/db"),
        ("two: a://u:p@h b://u:q@h", "two: a://u:***@h b://u:***@h"),
        ("mysql://me:***@host", "mysql://me:***@host"),
        ("mysql://me:${DB_PASSWORD}@host", "mysql://me:${DB_PASSWORD}@host"),
        ("mysql://me:${DB_PASSWORD}x@host", "mysql://me:***@host"),
    ],
)
def test_hides_passwords_of_urls_that_nobody_registered(text: str, shown: str) -> None:
    assert secrets.hide(text) == shown


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("mysql://me:pass@host/db", {"pass"}),
        ("mysql://me:p%40ss@host/db", {"p%40ss", "p@ss"}),
        ("mysql://me:p+ss@host/db", {"p+ss", "p ss"}),
        ("mysql://me:p/ss@host/db", {"p/ss"}),
        ("mysql://me:p@ss@host/db", {"p", "p@ss"}),
        ("mysql://me@host/db", set()),
        ("https://host:80/path?mail=me@x.example", set()),
        ("https://host/?token=t0ken&x=1&sslpassword=s3cret", {"t0ken", "s3cret"}),
        ("sqlite:///x.sqlite", set()),
        ("no url: me:pass@host", set()),
    ],
)
def test_secrets_of_urls(url: str, found: set[str]) -> None:
    assert url_secrets(url) == found


def test_of_a_secret_url_of_a_database_only_the_password_is_one() -> None:
    assert secret_parts("mysql://me:pass@host/db") == {"pass"}
    assert secret_parts("sqlite:///x.sqlite") == set()
    assert secret_parts("https://hooks.example/T0/B0") == {"https://hooks.example/T0/B0"}
    assert secret_parts("word") == {"word"}
    assert secret_parts("") == set()


def test_urls_without_credentials() -> None:
    assert without_credentials("mysql://me:p@ss@host/db?a=b@c") == "mysql://host/db?a=b@c"
    assert without_credentials("https://host/@x") == "https://host/@x"
    assert without_credentials("me@host") == "me@host"


LETTERS = st.text(alphabet=st.characters(exclude_characters="*"), max_size=30)


@given(LETTERS.filter(lambda text: len(text) >= 4), LETTERS, LETTERS)
def test_no_registered_secret_is_left(secret: str, before: str, after: str) -> None:
    assume(secret.casefold() not in {"monolith", "none", "null", "true", "false"})
    hidden = Hider([secret]).hide(f"{before}{secret}{after}")
    assert "***" in hidden
    assert secret not in hidden
