"""The transforms of monolith: what each does to records, and what it refuses."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from monolith_core import Context, Partition, Record, RecordError, canonical
from monolith_core.testing import TransformSuite
from monolith_core.testing.options import options_of
from monolith_plugins_transforms.fields import Drop, Keep, Rename
from monolith_plugins_transforms.keyed import Hash
from monolith_plugins_transforms.sums import Sum

DAY = dt.date(2024, 3, 9)
KEY = "a key of many letters"
PSEUDONYM = hmac.new(KEY.encode(), b'{"v":"Ann"}', hashlib.sha256).hexdigest()[:32]


def make(plugin, **options):
    return plugin(options_of(plugin.Options, options), Context(id="change", timezone=ZoneInfo("UTC")))


def changed(plugin, data, **options):
    """The data of a record after a transform, which leaves the record it was given as it was."""
    before = canonical(data)
    record = make(plugin, **options).record(Record(DAY, "visit", data, "shop"))
    assert canonical(data) == before
    assert (record.date, record.category, record.source) == (DAY, "visit", "shop")
    return record.data


def test_rename_gives_other_names():
    data = {"a": 1, "b": 2, "user": {"name": "Ann", "age": 7}}
    renamed = changed(Rename, data, **{"name.a": "b", "name.b": "a", "name.user.name": "who", "name.nothing": "x"})
    assert renamed == {"a": 2, "b": 1, "user": {"age": 7}, "who": "Ann"}
    assert changed(Rename, {"a": 1}, **{"name.a": "deep.inner"}) == {"deep": {"inner": 1}}


def test_rename_changes_the_category():
    record = make(Rename, category="page").record(Record(DAY, "visit", {"a": 1}))
    assert record == Record(DAY, "page", {"a": 1})


def test_rename_overwrites_nothing():
    with pytest.raises(RecordError, match=r"^a: cannot be named b: there is such a field already; drop it before$"):
        changed(Rename, {"a": 1, "b": 2}, **{"name.a": "b"})


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({}, "nothing is renamed; add name.OLD = NEW, or category = NEW"),
        ({"name.a": "c", "name.b": "c"}, "two fields get the same name"),
        ({"name.a": "b..c"}, "'b..c' is no field"),
    ],
)
def test_rename_refuses(options, fault):
    with pytest.raises(ValidationError, match=fault):
        make(Rename, **options)


def test_drop_leaves_fields_out():
    data = {"a": 1, "user": {"name": "Ann", "age": 7}, "with.dot": 3}
    assert changed(Drop, data, fields="a, user.name, with.dot, missing, a.b") == {"user": {"age": 7}}


def test_keep_leaves_all_others_out():
    data = {"a": 1, "user": {"name": "Ann", "age": 7}, "b": None}
    assert changed(Keep, data, fields="user.age, b, missing") == {"user": {"age": 7}, "b": None}


def test_hash_is_keyed():
    data = {"user": "Ann", "ids": [1, 2], "nothing": None, "page": "/"}
    found = changed(Hash, data, fields="user, ids, nothing, missing", key=KEY)
    assert found["user"] == PSEUDONYM
    assert (found["page"], found["nothing"]) == ("/", None)
    assert len(found["ids"]) == 32
    other = changed(Hash, data, fields="user", key=KEY + "!", length="64")
    assert other["user"][:32] != found["user"]
    assert len(other["user"]) == 64


def test_hash_tells_a_number_from_a_text():
    one, text = (changed(Hash, {"user": value}, fields="user", key=KEY)["user"] for value in (1, "1"))
    assert one != text


def test_hash_hides_its_key():
    assert KEY not in repr(make(Hash, fields="user", key=KEY).options)
    with pytest.raises(ValidationError) as error:
        make(Hash, fields="user", key="wanting")
    assert "wanting" not in str(error.value)


def summed(data, *, categories=None, **options):
    records = [
        Record(DAY, category, each) for each, category in zip(data, categories or ["sale"] * len(data), strict=True)
    ]
    found = make(Sum, **options).partition(Partition("shop", DAY), iter(records))
    return [(each.category, each.data) for each in found]


def test_sum_adds_up_by_groups():
    data = [
        {"app": "a", "price": 1, "n": 2},
        {"app": "b", "price": 0.1},
        {"app": "a", "price": Decimal("2.50"), "n": 3},
        {"app": "b", "price": 0.2, "n": None},
        {"price": 4},
    ]
    assert summed(data, by="app", fields="price, n", count="records") == [
        ("sale", {"app": "a", "price": 3.5, "n": 5, "records": 2}),
        ("sale", {"app": "b", "price": 0.3, "n": 0, "records": 2}),
        ("sale", {"price": 4, "n": 0, "records": 1}),
    ]


def test_sum_keeps_categories_apart():
    assert summed([{"n": 1}] * 3, categories=["a", "b", "a"], fields="n") == [("a", {"n": 2}), ("b", {"n": 1})]
    assert summed([{"n": 1}] * 3, count="total.records") == [("sale", {"total": {"records": 3}})]


def test_sum_refuses_what_is_no_number():
    for value in ("1", True, [1]):
        with pytest.raises(RecordError, match=r"^data\.n: expected a number, got"):
            summed([{"n": value}], fields="n")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"by": "app"}, "nothing is added up; add fields = NAME, or count = NAME"),
        ({"by": "app", "fields": "app"}, "name a field twice"),
    ],
)
def test_sum_refuses(options, fault):
    with pytest.raises(ValidationError, match=fault):
        make(Sum, **options)


NUMBERS = st.lists(st.integers() | st.floats(-1e300, 1e300) | st.decimals(-1000, 1000, places=2), max_size=20)


@given(NUMBERS, st.randoms())
def test_sums_do_not_depend_on_order(numbers, random):
    shuffled = list(numbers)
    random.shuffle(shuffled)
    one, other = (summed([{"n": each} for each in order], fields="n") for order in (numbers, shuffled))
    assert one == other


class TestRename(TransformSuite):
    plugin = Rename
    given = ({"a": 1, "user": {"name": "Ann"}}, {"a": 2})
    expected = ({"b": 1, "user": {}, "who": "Ann"}, {"b": 2})

    @pytest.fixture
    def options(self):
        return {"name.a": "b", "name.user.name": "who"}


class TestDrop(TransformSuite):
    plugin = Drop
    given = ({"a": 1, "b": 2}, {"b": 3})
    expected = ({"b": 2}, {"b": 3})

    @pytest.fixture
    def options(self):
        return {"fields": "a"}


class TestKeep(TestDrop):
    plugin = Keep
    expected = ({"a": 1}, {})


class TestHash(TransformSuite):
    plugin = Hash
    given = ({"user": "Ann"}, {"user": "Ann"}, {"user": None})
    expected = ({"user": PSEUDONYM}, {"user": PSEUDONYM}, {"user": None})

    @pytest.fixture
    def options(self):
        return {"fields": "user", "key": KEY}


class TestSum(TransformSuite):
    plugin = Sum
    given = ({"app": "a", "n": 0.1}, {"app": "b", "n": 1}, {"app": "a", "n": 0.2})
    expected = ({"app": "a", "n": 0.3, "many": 2}, {"app": "b", "n": 1, "many": 1})

    @pytest.fixture
    def options(self):
        return {"by": "app", "fields": "n", "count": "many"}
