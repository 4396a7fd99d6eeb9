"""The options, the template and the documents of the elasticsearch target; no server is needed."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from monolith_core.errors import RecordError
from monolith_core.partition import Partition
from monolith_core.plugin import StagedRecord
from monolith_core.testing.staging import DAY, staged
from monolith_plugins_es.difference import Difference, split
from monolith_plugins_es.documents import Writer, batches, content_of, day_prefix, document_id, handfuls, leaves
from monolith_plugins_es.options import ElasticsearchOptions
from monolith_plugins_es.template import drift, merge, template

ids = st.binary(min_size=16, max_size=16)


def options(**given: Any) -> ElasticsearchOptions:
    return ElasticsearchOptions.model_validate(
        {"url": ["http://es:9200"], **{name.replace("_", "-"): value for name, value in given.items()}}
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://es/is/here", ["http://es:80/is/here"]),
        ("https://es.example/", ["https://es.example:443"]),
        ("http://a:9200 http://b:9200", ["http://a:9200", "http://b:9200"]),
        ("http://[::1]:9200/x/", ["http://[::1]:9200/x"]),
        ("http://a:9200 http://a:9200/", ["http://a:9200"]),
    ],
)
def test_urls(url: str, expected: list[str]):
    made = options(url=[url])
    assert made.url == expected
    assert made.location() == f"elasticsearch:{expected[0]}/monolith"


WRONG = {
    "no url": ({"url": []}, "at least 1"),
    "nothing": ({"url": [" "]}, "got nothing"),
    "no scheme": ({"url": ["es:9200"]}, "is no URL of a node"),
    "a wrong port": ({"url": ["http://es:port"]}, "is no URL of a node"),
    "a query": ({"url": ["http://es/?a=b"]}, "more than a path"),
    "a user in the url": ({"url": ["http://me:secret@es"]}, "has a user in it"),
    "mixed": ({"url": ["http://a", "https://b"]}, "mixed"),
    "upper case": ({"index": "Metrics"}, "cannot name an index"),
    "a long index": ({"index": "m" * 250}, "cannot name an index"),
    "monolith as the date": ({"date_field": "monolith"}, "cannot be the date's field"),
    "a dotted date": ({"date_field": "a.b"}, "cannot be the date's field"),
    "a user alone": ({"user": "me"}, "user is given without password"),
    "a password alone": ({"password": "me"}, "password is given without user"),
    "two of a kind": ({"user": "me", "password": "x", "api_key": "k"}, "exclude each other"),
    "no TLS": ({"verify": False}, "are about TLS"),
    "no certificates": ({"ca": __file__}, "test_es_options.py has no certificates; expected some in PEM"),
    "no file": ({"ca": "nowhere.pem"}, "nowhere.pem is not there; expected a file with certificates"),
    "no fingerprint": ({"url": ["https://a"], "fingerprint": "abc"}, "no SHA-256"),
    "no such authority": ({"url": ["https://a"], "ca": "/nowhere"}, "is not there"),
    "fingerprint and verify": ({"url": ["https://a"], "fingerprint": "a" * 64, "verify": False}, "excludes"),
    "no such mapping": ({"mappings": "/nowhere"}, "cannot be read"),
}


@pytest.mark.parametrize(("given", "text"), WRONG.values(), ids=WRONG)
def test_wrong_options(given: dict[str, Any], text: str):
    with pytest.raises(ValidationError, match=text) as caught:
        options(**given)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "not JSON"),
        ("[]", "has no mapping"),
        ('{"properties": []}', "has no mapping"),
        ('{"dynamic_templates": {}}', "is to be a list"),
        ('{"properties": {"monolith": {}}}', "maps monolith"),
        ('{"properties": {"date": {}}}', "maps date"),
    ],
)
def test_wrong_mappings(tmp_path: Path, content: str, text: str):
    file = tmp_path / "mapping.json"
    file.write_text(content)
    with pytest.raises(ValidationError, match=text):
        options(mappings=str(file))


def test_own_mappings_are_merged(tmp_path: Path):
    file = tmp_path / "mapping.json"
    file.write_text(
        json.dumps(
            {
                "dynamic": False,
                "properties": {"n": {"type": "long"}},
                "dynamic_templates": [{"mine": {"match": "x_*", "mapping": {"type": "text"}}}],
            }
        )
    )
    found = template(options(mappings=str(file), date_field="@timestamp"))["template"]["mappings"]
    assert found["dynamic"] is False
    assert set(found["properties"]) == {"n", "monolith", "@timestamp"}
    assert [*found["dynamic_templates"][0]] == ["mine"]
    assert len(found["dynamic_templates"]) == 4


def test_the_template_has_what_is_asked_for():
    made = template(options(index="metrics", shards=3, replicas=2, ilm_policy="keep"))
    assert made["template"]["settings"]["index"] == {
        "number_of_shards": "3",
        "number_of_replicas": "2",
        "lifecycle": {"name": "keep"},
    }
    assert made["template"]["aliases"] == {"metrics": {}}
    assert "metrics-2*" in made["index_patterns"]
    assert "lifecycle" not in template(options())["template"]["settings"]["index"]
    assert template(options(index="metrics-other"))["priority"] > made["priority"]


def test_drift_is_named():
    wanted = template(options())
    assert drift(wanted, wanted) == []
    found = merge(wanted, {"template": {"mappings": {"date_detection": True}}, "priority": 1})
    assert drift(found, wanted) == ["priority", "template.mappings.date_detection"]


@given(ids)
def test_ids_are_read_back(content_id: bytes):
    name = document_id(DAY, content_id)
    assert len(name) == 30
    assert content_of(name, day_prefix(DAY)) == content_id


@pytest.mark.parametrize("name", ["", "x" * 30, "20240229", "20240229" + "A" * 21 + "B", "20240229" + "é" * 22])
def test_other_ids_are_nobodys(name: str):
    assert content_of(name, day_prefix(DAY)) is None


def writer() -> Writer:
    return Writer(Partition("shop", DAY), "date")


def document_of(record: StagedRecord) -> bytes:
    (lines,) = writer().create([record])
    action, document = lines.splitlines()
    assert json.loads(action) == {"create": {"_id": document_id(DAY, record.id)}}
    return document


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())))
def test_documents_are_read_back(data: dict[str, Any]):
    data = {name: value for name, value in data.items() if name != "date" and name.split(".")[0] != "monolith"}
    for record in staged([data], category='a "category"'):
        document = document_of(record)
        assert json.loads(document) == {
            "date": "2024-02-29",
            "monolith": {
                "source": "shop",
                "category": 'a "category"',
                "a": int.from_bytes(record.id[:4]),
                "b": int.from_bytes(record.id[4:8]),
            },
            **data,
        }
        assert writer().record(document_id(DAY, record.id), record.category, document) == record


@pytest.mark.parametrize(
    "data", [{"date": "2024-02-29", "n": 1}, {"text": '"date": "monolith":', "in": {"date": 1}}, {"monolithic": True}]
)
def test_data_that_has_the_names_and_does_not_clash(data: dict[str, Any]):
    (record,) = staged([data])
    document = document_of(record)
    assert json.loads(document).items() >= data.items()
    assert document.count(b'"date":"2024-02-29"') == 1
    assert writer().record(document_id(DAY, record.id), "sale", document) == record


@pytest.mark.parametrize(
    ("data", "field"),
    [({"monolith": 1}, "monolith"), ({"monolith.a": 1}, "monolith.a"), ({"date": "2024-03-01"}, "date")],
)
def test_data_that_clashes(data: dict[str, Any], field: str):
    (record,) = staged([data])
    with pytest.raises(RecordError) as caught:
        writer().create([record])
    assert caught.value.field == field


contents = st.sampled_from([{}, {"n": 1}, {"date": "2024-02-29"}])


@given(st.lists(st.tuples(st.sampled_from(["sale", "100 %d"]), contents), min_size=1))
def test_lines_that_are_made_together_are_those_of_each(some: list[tuple[str, dict[str, Any]]]):
    records = [record for category, data in some for record in staged([data], category=category)]
    for write in (writer().create, writer().rewrite):
        assert write(records) == [line for record in records for line in write([record])]


def test_a_document_that_was_changed_is_not_taken_for_its_record():
    (record,) = staged([{"n": 1}])
    changed = document_of(record).replace(b'"a":', b'"a":1')
    assert writer().record(document_id(DAY, record.id), "sale", changed).data == changed
    assert writer().record("mine", "sale", document_of(record)).id == b"mine" + bytes(12)


def test_batches_keep_to_their_bounds():
    lines = [b"12345", b"1", b"123456789", b"1", b"1", b"1"]
    batched = [([b"12345", b"1"], False), ([b"123456789"], False), ([b"1", b"1"], False), ([b"1"], True)]
    assert [*batches(lines, 6, 2)] == batched
    assert [*batches([], 6, 2)] == []


def test_handfuls_keep_to_their_bounds():
    small, large = staged([{"n": n} for n in range(1100)]), staged([{"text": "x" * 200_000}] * 3)
    assert [len(some) for some in handfuls(small)] == [500, 500, 100]
    assert [len(some) for some in handfuls(large)] == [2, 1]
    assert [record for some in handfuls(small) for record in some] == [*small]


def test_leaves_have_dotted_paths():
    found = dict(leaves({"a": {"b": [{"c": 1}]}, "d.e": 2, "": 3}))
    assert {name: found[name] for name in ("a.b.c", "d.e", "")} == {"a.b.c": 1, "d.e": 2, "": 3}


@given(st.sets(ids), st.sets(ids), st.sets(ids), st.randoms())
def test_a_difference_is_complete(new: set[bytes], both: set[bytes], old: set[bytes], chance: Random):
    wanted, held = new | both, both | old
    found = Difference(b"".join(sorted(wanted)))
    for each in chance.sample(sorted(held), len(held)):
        found.note(each)
    assert {*split(found.removed)} == held - wanted
    assert {each for each in wanted | held if found.lacks(each)} == wanted - held
    assert found.counts == (len(wanted - held), len(held - wanted), len(wanted & held))
