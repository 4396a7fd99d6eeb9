"""Durations, days, and the options that every source and target has."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from monolith_core.describe import described
from monolith_core.options import (
    BesidePath,
    Day,
    Duration,
    PluginOptions,
    SourceOptions,
    TargetOptions,
    format_duration,
    parse_duration,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("10m", 600),
        ("48h", 172800),
        ("3d", 259200),
        ("1w", 604800),
        ("90", 90),
        ("1.5h", 5400),
        (" 2 D ", 172800),
        ("0", 0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
    assert TypeAdapter(Duration).validate_python(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "10x", "-1", "1h30m", "1e3", "nan", "inf", "٣d", "1_0", "10 min"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration; write a number with s, m, h, d or w, such as 30s"):
        parse_duration(text)


@pytest.mark.parametrize("seconds", [-1, 3660 * 86400 + 1, float("nan"), float("inf")])
def test_no_durations_as_numbers(seconds: float) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Duration).validate_python(seconds)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (0.5, "0.5s"), (90, "90s"), (600, "10m"), (86400, "1d"), (604800, "1w")]
)
def test_durations_as_text(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(0, 3660 * 86400))
def test_a_duration_is_read_as_it_was_written(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


def test_days() -> None:
    adapter = TypeAdapter(Day)
    assert adapter.validate_python(" 2024-02-29 ") == dt.date(2024, 2, 29)
    assert adapter.validate_python(dt.date(2024, 2, 29)) == dt.date(2024, 2, 29)


@pytest.mark.parametrize("text", ["", "5", "yesterday", "20240229", "2024-2-9", "2024-02-29T00:00", "2024-W09-4"])
def test_no_days(text: str) -> None:
    with pytest.raises(ValueError, match="is no day; write YYYY-MM-DD"):
        TypeAdapter(Day).validate_python(text)


def test_no_day_of_the_calendar() -> None:
    with pytest.raises(ValueError, match="'2023-02-29' is not in the calendar; write YYYY-MM-DD"):
        TypeAdapter(Day).validate_python("2023-02-29")


def test_names_are_hyphenated() -> None:
    assert SourceOptions.model_validate({"max-shrink": "0.25"}).max_shrink == 0.25
    with pytest.raises(ValidationError):
        SourceOptions.model_validate({"max_shrink": "0.25"})


def test_a_relative_path_begins_beside_the_configuration(tmp_path: Path) -> None:
    path = TypeAdapter(BesidePath)
    assert path.validate_python("a/key.pem", context={"here": tmp_path}) == tmp_path / "a/key.pem"
    assert path.validate_python("/a/key.pem", context={"here": tmp_path}) == Path("/a/key.pem")
    assert path.validate_python("key.pem") == Path("key.pem")


def test_a_first_day_after_the_last() -> None:
    SourceOptions.model_validate({"since": "2024-01-01", "until": "2024-01-01"})
    with pytest.raises(ValidationError, match="since 2024-01-02 is after until 2024-01-01"):
        SourceOptions.model_validate({"since": "2024-01-02", "until": "2024-01-01"})


@pytest.mark.parametrize("model", [SourceOptions, TargetOptions])
def test_every_option_has_a_description_and_a_default(model: type[PluginOptions]) -> None:
    assert all(info.description and not info.is_required() for info in described(model).model_fields.values())
    assert model().location() is None
    assert list(model.data_fields()) == []


def test_errors_hold_no_values() -> None:
    with pytest.raises(ValidationError) as caught:
        TargetOptions.model_validate({"retries": "hunter2"})
    assert "hunter2" not in str(caught.value)
