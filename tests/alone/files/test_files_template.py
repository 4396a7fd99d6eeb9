"""Paths with a day's fields in them, and the files that fit."""

from __future__ import annotations

import datetime as dt
import re
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monolith_plugins_files.place import place
from monolith_plugins_files.template import FIELDS, Template, TemplateError

DAY = dt.date(2024, 1, 5)
days = st.dates(dt.date(1970, 1, 1), dt.date(2099, 12, 31))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("v-%Y-%m-%d.csv", "v-2024-01-05.csv"),
        ("%y%j", "24005"),
        ("%G-W%V-%u", "2024-W01-5"),
        ("100%%-%Y", "100%-2024"),
        ("%Y/*-%H.csv", "2024/*-??.csv"),
        ("%Y/{source}.csv", "2024/{source}.csv"),
    ],
)
def test_a_path_is_written_for_a_day(text: str, written: str) -> None:
    assert Template(text).written(DAY) == written


@given(days, st.sampled_from(["%Y-%m-%d", "%y.%m.%d", "%Y%j", "%Gw%Vd%u", "%Y/%m/%Y-%m-%d", "%d.%m.%y"]))
def test_what_is_written_fits_and_tells_the_day(day: dt.date, text: str) -> None:
    template = Template(f"logs/{text}.csv")
    assert template.tells_day
    assert template.key_of(template.written(day)) == template.key(day)
    assert template.keys([day, day + dt.timedelta(days=1)])[template.key(day)] == [day]


@pytest.mark.parametrize("text", ["v.csv", "%Y-%m", "%m-%d", "%d", "%Y-%V", "%H"])
def test_some_fields_do_not_tell_the_day(text: str) -> None:
    assert not Template(text).tells_day


@pytest.mark.parametrize(
    ("text", "fits", "others"),
    [
        ("a/*.csv", ["a/x.csv", "a/b.csv"], ["a/.x.csv", "a/b/x.csv", "b/x.csv", "a/x.csv.gz"]),
        ("a/**/x.csv", ["a/x.csv", "a/b/x.csv", "a/b/c/x.csv"], ["a/.b/x.csv", "a/b/y.csv"]),
        ("a/**", ["a/x", "a/b/x"], ["a/.x", "a/b/.x", "b/x"]),
        ("a/?-[ab].csv", ["a/x-a.csv"], ["a/x-c.csv", "a/xx-a.csv", "a/.-a.csv", "a//-a.csv"]),
        ("a/[!ab]x", ["a/cx"], ["a/ax", "a//x"]),
        ("a/[[&^-]", ["a/[", "a/^"], ["a/x"]),
        ("a/x-%H%M.csv", ["a/x-2359.csv"], ["a/x-1.csv", "a/x-aabb.csv"]),
        ("a/%Y/%Y.csv", ["a/2024/2024.csv"], ["a/2024/2023.csv"]),
        ("a/x.csv", ["a/x.csv"], ["a/xxcsv", "a/x.csv\n"]),
    ],
)
def test_wildcards(text: str, fits: list[str], others: list[str]) -> None:
    with warnings.catch_warnings(action="error"):
        template = Template(text)
        assert [path for path in fits if template.key_of(path) is None] == []
        assert [path for path in others if template.key_of(path) is not None] == []


@given(st.text(max_size=12), days)
def test_the_base_means_itself(base: str, day: dt.date) -> None:
    template = Template("%Y-%m-%d*.csv", base)
    assert template.key_of(f"{base}{day}x.csv") == template.key(day)
    assert template.written(day) == f"{base}{day}*.csv"


def test_what_is_no_field() -> None:
    with pytest.raises(
        TemplateError, match=r"^%q is no field of a path; expected %Y %y %m %d %j %G %V %u %H %M %S, or %%"
    ):
        Template("%Y/%q").check()
    with pytest.raises(TemplateError, match=r"^% is no field"):
        Template("%Y/%").check()


def test_folders_and_the_root_of_a_search() -> None:
    both = [DAY, dt.date(2024, 2, 1)]
    assert Template("%Y/%m/v-%d.csv", "/x/").folders(both) == (["/x/2024/01", "/x/2024/02"], None)
    assert Template("%Y/%m/v-%d.csv", "/x/").root(both) == "/x/2024"
    assert Template("%Y/%m/v-%d.csv", "/x/").root(None) == "/x"
    assert Template("%Y/*/%m/v-%d.csv", "/x/").folders(both) == (["/x/2024"], "%m/v-%d.csv")
    assert Template("%Y/%m-*/v-%d.csv", "/x/").folders(both) == (["/x/2024"], "v-%d.csv")
    assert Template("%Y/*/%m/v-%d.csv", "/x/").root(both) == "/x/2024"
    assert Template("{source}/%Y.csv", "/x/").folders(both) == (["/x"], "%Y.csv")
    assert Template("/%Y.csv").folders(both) == (["/"], None)
    assert Template("bucket/%Y.csv").root(None) == "bucket"


@pytest.mark.parametrize("field", FIELDS)
@given(day=days)
def test_fields_look_like_what_they_are(field: str, day: dt.date) -> None:
    pattern, write = FIELDS[field]
    assert re.fullmatch(pattern, write(day))
    assert write(day) == day.strftime(f"%{field}")


@pytest.mark.parametrize(
    ("path", "base", "text"),
    [
        ("v.csv", "/etc/100%Y [x]/", "v.csv"),
        ("./a/v.csv", "/etc/100%Y [x]/", "a/v.csv"),
        ("/etc/100%Y [x]/v-%Y.csv", "/etc/100%Y [x]/", "v-%Y.csv"),  # as %(here)s/v-%Y.csv becomes
        ("/var/v.csv", "", "/var/v.csv"),
        ("file:///var/v.csv", "", "/var/v.csv"),
        ("file:v.csv", "/etc/100%Y [x]/", "file:v.csv"),
    ],
)
def test_where_a_local_path_lies(path: str, base: str, text: str) -> None:
    found = place(path, Path("/etc/100%Y [x]"))
    assert (found.is_local, found.template.base, found.template.text) == (True, base, text)


def test_where_a_url_lies() -> None:
    found = place("S3://bucket/%Y.csv", Path("/etc"))
    assert (found.protocol, found.is_local, found.template) == ("s3", False, Template("S3://bucket/%Y.csv"))
