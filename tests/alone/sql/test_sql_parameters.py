"""Parameters are found where they are code, and nothing else of a query changes."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monolith_plugins_sql.parameters import prepare

NAMES = frozenset({"start_date", "end_date", "app"})

UNTOUCHED = [
    ("", "'at 12:30 :app'"),
    ("", '"a :app"'),
    ("", "`a :app`"),
    ("", "'it''s :app'"),
    ("", "-- :app\n"),
    ("", "/* :app\n:app */"),
    ("", "'open :app"),
    ("", "/* open :app"),
    ("", "now()::app"),
    ("", "x::app::text"),
    ("", ":app:"),
    ("", "a:app"),
    ("", ":apple"),
    ("", ":1"),
    ("", ": app"),
    ("mysql", r"'it\' :app'"),
    ("mariadb", r'"it\" :app"'),
    ("mysql", "# :app\n"),
    ("mysql", "-- :app"),
    ("postgresql", r"E'it\' :app'"),
    ("postgresql", "$$ :app ' $$"),
    ("postgresql", "$body$ $$ :app $body$"),
    ("postgresql", "/* /* */ :app */"),
    ("sqlite", "[a :app]"),
]


@pytest.mark.parametrize(("kind", "text"), UNTOUCHED)
def test_what_is_no_parameter_is_left_alone(kind, text):
    prepared = prepare(text, NAMES, kind=kind, style="format")
    assert (prepared.text, prepared.used) == (text, ())


FOUND = [
    ("", "a = :app", "a = ?"),
    ("", "BETWEEN :start_date AND :end_date", "BETWEEN ? AND ?"),
    ("", "(:app)", "(?)"),
    ("", "'x' = :app -- :app", "'x' = ? -- :app"),
    ("postgresql", ":app::date", "?::date"),
    ("", "CAST(:app AS date)", "CAST(? AS date)"),
    ("mysql", "5--:app", "5--?"),
    ("mysql", r"'\\' = :app", r"'\\' = ?"),
    ("", r"'\' = :app", r"'\' = ?"),
    ("postgresql", "/* /* */ */ :app", "/* /* */ */ ?"),
    ("postgresql", "$1 = :app AND $2", "$1 = ? AND $2"),
    ("sqlite", "[a] = :app", "[a] = ?"),
    ("", r"\:app = :app", ":app = ?"),
    ("", r"'\:app' = :app -- \:app", r"'\:app' = ? -- \:app"),
]


@pytest.mark.parametrize(("kind", "text", "expected"), FOUND)
def test_parameters_are_found_in_the_code(kind, text, expected):
    assert prepare(text, NAMES, kind=kind, style="qmark").text == expected


@pytest.mark.parametrize(
    ("style", "expected", "arguments"),
    [
        ("qmark", "x = ? AND y = ? AND x < ? AND '%'", (1, 2, 1)),
        ("format", "x = %s AND y = %s AND x < %s AND '%%'", (1, 2, 1)),
        ("pyformat", "x = %(app)s AND y = %(end_date)s AND x < %(app)s AND '%%'", {"app": 1, "end_date": 2}),
        ("named", "x = :app AND y = :end_date AND x < :app AND '%'", {"app": 1, "end_date": 2}),
        ("numeric", "x = :1 AND y = :2 AND x < :3 AND '%'", (1, 2, 1)),
    ],
)
def test_each_style_of_parameters(style, expected, arguments):
    prepared = prepare("x = :app AND y = :end_date AND x < :app AND '%'", NAMES, style=style)
    assert prepared.text == expected
    assert prepared.arguments({"app": 1, "end_date": 2, "start_date": 3}) == arguments


def test_misnamed_parameters_are_told_and_stay():
    prepared = prepare("x = :ap AND y = ':no' AND z = :app", NAMES, style="qmark")
    assert (prepared.text, prepared.misnamed) == ("x = :ap AND y = ':no' AND z = ?", ("ap",))


MISNAMED = [
    ("", "x = :ap"),
    ("mysql", "d BETWEEN :ap AND :end_date"),
    ("mysql", "d > now() - INTERVAL\n:ap DAY"),
    ("postgresql", "f(1, :ap)::int"),
    ("postgresql", "a[1] = :ap"),
    ("postgresql", "x = :ap::date"),
    ("sqlite", "SELECT 'a' :ap"),
]


@pytest.mark.parametrize(("kind", "text"), MISNAMED)
def test_what_can_only_be_a_parameter(kind, text):
    assert prepare(text, NAMES, kind=kind).misnamed == ("ap",)


VALID = [
    ("mysql", "SELECT @n :=ap, @n:=ap, @n := ap"),
    ("mysql", "SELECT data->'$.a :ap', data->>\"$:ap\""),
    ("postgresql", "SELECT a[lo:hi], a[:hi], a[lo : hi], a[lo :hi], a[b[1] :hi], a[(lo) :hi], a[lo:]"),
    ("postgresql", "SELECT now()::date, '1':: int, (x)::ap, x ::ap"),
    ("postgresql", "SELECT JSON_OBJECT('a':b, 'a' :b, 'a' : b)"),
    ("postgresql", "SELECT f(a := 1, b :=2), '12:30', TIME '12:30'"),
    ("", "SELECT payload:ap, ( payload ):ap, {'a':b}"),
    ("", r"SELECT 1 = \:ap"),
]


@pytest.mark.parametrize(("kind", "text"), VALID)
def test_valid_sql_is_never_refused(kind, text):
    assert prepare(text, NAMES, kind=kind).misnamed == ()


@given(st.text().filter(lambda text: "\\:" not in text))
def test_a_text_without_parameters_comes_back_as_it_is(text):
    assert prepare(text, frozenset(), style="qmark").text == text
    assert prepare(text, frozenset(), style="pyformat").text % {} == text


@given(st.lists(st.sampled_from([*[text for _, text in UNTOUCHED[:5]], ":app", "%", " ", "x"]), max_size=12))
def test_formatting_gives_the_query_back(pieces):
    query = " ".join(pieces)
    prepared = prepare(query, NAMES, style="pyformat")
    assert prepared.text % {name: f":{name}" for name in NAMES} == query


@given(st.text(alphabet=st.characters(exclude_characters="\0", codec="utf-8")))
def test_sqlite_agrees_on_what_is_quoted(text):
    """Whatever stands in a quoted text comes out of the database unchanged, and only the parameter is bound."""
    quoted = "'" + text.replace("'", "''") + "'"
    prepared = prepare(
        f"SELECT {quoted}, :app /* {text.replace('*/', '')} */ -- '", NAMES, kind="sqlite", style="qmark"
    )
    connection = sqlite3.connect(":memory:")
    row = connection.execute(prepared.text, prepared.arguments({"app": 7})).fetchone()
    connection.close()
    assert row == (text, 7)
