"""Connecting to Elasticsearch: versions, template, rights, TLS and passwords, each with a line that says what to do."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import elasticsearch
import pytest
from support.elasticsearch_node import Node
from support.es_fixtures import Make, make, target
from support.es_proxy import Answer, Asked, Forward, Proxy
from support.es_tls import PASSWORD, USER, Guard
from support.staging import MemoryStaged, staged

from monolith_core.errors import MonolithError, PermanentError
from monolith_core.plugin import Written
from monolith_plugins_es import template
from monolith_plugins_es.target import ElasticsearchTarget

__all__ = ["make", "target"]

pytestmark = pytest.mark.server


def one() -> MemoryStaged:
    return staged([{"n": 1}])


def put_template(node: Node, **changes: Any) -> None:
    found = node.ask("GET", "/_index_template/monolith")["index_templates"][0]["index_template"]
    node.ask("PUT", "/_index_template/monolith", {**found, **changes})


def version_of(node: Node) -> Any:
    return node.ask("GET", "/_index_template/monolith")["index_templates"][0]["index_template"]["version"]


def test_nothing_is_there_yet(target: ElasticsearchTarget, node: Node):
    expected = f"Elasticsearch {node.version}, the template will be made, 0 indices under the alias monolith"
    assert target.check() == expected
    assert node.ask("GET", "/_index_template")["index_templates"] == []


def test_everything_is_there(make: Make, node: Node):
    target = make()
    target.replace(one().partition, one())
    target.close()
    assert make().check() == f"Elasticsearch {node.version}, template version 1, 1 index under the alias monolith"


def test_a_template_that_was_changed_is_put_right(make: Make, node: Node, caplog: pytest.LogCaptureFixture):
    make().replace(one().partition, one())
    put_template(node, priority=7)
    assert "the template differs from this configuration in priority and will be put right" in make().check()
    with caplog.at_level(logging.INFO):
        make().replace(one().partition, one())
    assert "the template monolith is put right: priority" in caplog.text
    assert "differs" not in make().check()


def test_new_options_change_the_template(make: Make, node: Node):
    make().replace(one().partition, one())
    assert "template.settings.index.number_of_shards" in make(shards=2).check()
    make(shards=2).replace(one().partition, one())
    assert "differs" not in make(shards=2).check()


def test_a_template_of_an_older_version_is_replaced(make: Make, node: Node, monkeypatch: pytest.MonkeyPatch):
    make().replace(one().partition, one())
    monkeypatch.setattr(template, "VERSION", 2)
    make().replace(one().partition, one())
    assert version_of(node) == 2


def test_a_template_of_a_newer_version_is_left_alone(make: Make, node: Node):
    make().replace(one().partition, one())
    put_template(node, version=99)
    with pytest.raises(PermanentError, match="newer monolith-plugin-es"):
        make().replace(one().partition, one())
    with pytest.raises(PermanentError, match="newer monolith-plugin-es"):
        make().check()
    assert version_of(node) == 99


def test_a_mapping_of_ones_own(make: Make, node: Node, tmp_path: Path):
    file = tmp_path / "mapping.json"
    file.write_text(json.dumps({"properties": {"place": {"type": "geo_point"}}}))
    answer = staged([{"place": {"lat": 41.1, "lon": -71.3}}])
    make(mappings=str(file)).replace(answer.partition, answer)
    mapping = node.ask("GET", "/monolith-2024-02/_mapping")["monolith-2024-02"]["mappings"]
    assert mapping["properties"]["place"] == {"type": "geo_point"}


def test_a_mapping_that_elasticsearch_does_not_know(make: Make, tmp_path: Path):
    file = tmp_path / "mapping.json"
    file.write_text(json.dumps({"properties": {"place": {"type": "nonsense"}}}))
    with pytest.raises(PermanentError, match=r"The mapper type .nonsense. declared on field .place. does not exist"):
        make(mappings=str(file)).replace(one().partition, one())


def test_every_number_is_a_double_and_every_text_a_keyword(target: ElasticsearchTarget, node: Node):
    answer = staged([{"i": 1, "f": 1.5, "big": 2**80, "day": "2024-01-01", "text": "1", "yes": True}])
    target.replace(answer.partition, answer)
    found = node.ask("GET", "/monolith-2024-02/_mapping")["monolith-2024-02"]["mappings"]["properties"]
    kinds = {name: field["type"] for name, field in found.items() if name not in ("monolith", "date")}
    assert kinds == {
        "i": "double",
        "f": "double",
        "big": "double",
        "day": "keyword",
        "text": "keyword",
        "yes": "boolean",
    }


def rights(missing: dict[str, list[str]]) -> Answer:
    cluster = {"monitor": True, "manage_index_templates": "manage_index_templates" not in missing.get("", [])}
    index = {name: {"read": True, "index": "index" not in missing.get(name, [])} for name in ("monolith", "monolith-*")}
    return Answer(200, {"has_all_requested": not missing, "cluster": cluster, "index": index})


@pytest.mark.parametrize(
    ("missing", "text"),
    [
        ({}, None),
        (
            {"": ["manage_index_templates"], "monolith-*": ["index"]},
            "lacks index on monolith-*, manage_index_templates",
        ),
    ],
)
def test_rights(make: Make, node: Node, missing: dict[str, list[str]], text: str | None):
    """The node has no security; the answer is the documented one of a cluster that has."""

    def rule(asked: Asked, forward: Forward) -> Answer:
        return rights(missing) if asked.path.startswith("/_security") else forward()

    with Proxy(node.url, rule) as proxy:
        target = make(proxy.url)
        if text is None:
            assert target.check().startswith("Elasticsearch")
            return
        with pytest.raises(PermanentError) as caught:
            target.check()
    assert text in str(caught.value)


def test_a_request_that_is_forbidden(make: Make, node: Node):
    denied = {"error": {"type": "security_exception", "reason": "action [indices:data/write] is unauthorized"}}

    def rule(asked: Asked, forward: Forward) -> Answer:
        return Answer(403, denied) if asked.is_bulk or asked.path.startswith("/_nodes") else forward()

    with Proxy(node.url, rule) as proxy:
        target = make(proxy.url)
        assert target.check().startswith("Elasticsearch of a version that this user may not ask for")
        with pytest.raises(PermanentError, match=r"may not write to monolith-2024-02: .*unauthorized; give the user"):
            target.replace(one().partition, one())


def test_a_server_that_is_too_new_for_the_client(make: Make, node: Node):
    """What a server answers to a client of two major versions before it."""
    major = elasticsearch.__version__[0]
    reason = f"Accept version must be either version {major + 2} or {major + 1}, but found {major}."
    error = {"error": {"type": "media_type_header_exception", "reason": "x", "caused_by": {"reason": reason}}}
    with Proxy(node.url, lambda asked, forward: Answer(400, error)) as proxy, pytest.raises(PermanentError) as caught:
        make(proxy.url).check()
    assert f"the server is Elasticsearch {major + 2} and the client" in str(caught.value)
    assert f"pip install 'elasticsearch>={major + 2},<{major + 3}'" in str(caught.value)


def test_a_server_that_is_too_old(make: Make, node: Node):
    def rule(asked: Asked, forward: Forward) -> Answer:
        return Answer(200, {"nodes": {"x": {"version": "7.17.0"}}}) if "_nodes" in asked.path else forward()

    with Proxy(node.url, rule) as proxy, pytest.raises(PermanentError, match=r"7; 8\.19 is the oldest"):
        make(proxy.url).check()


def test_a_path_or_a_scheme_that_is_wrong(make: Make, node: Node):
    with pytest.raises(
        PermanentError, match=r"cannot ask for the version, .* 400: no handler .*; is the path in url rig"
    ):
        make(f"{node.url}/nothere").check()
    with pytest.raises(PermanentError, match=r"does not speak TLS at this port; write url = http://"):
        make(node.url.replace("http:", "https:")).check()


def test_tls_and_a_password_behind_a_path(make: Make, node: Node, caplog: pytest.LogCaptureFixture):
    with Guard(node.url) as guard:
        for trust in ({"ca": str(guard.certificate)}, {"fingerprint": guard.fingerprint}):
            target = make(guard.url, user=USER, password=PASSWORD, **trust)
            target.replace(one().partition, one())
            assert "1 index" in target.check()
            target.close()
        assert not caplog.records
        make(guard.url, user=USER, password=PASSWORD, verify=False).check()
    assert [record.getMessage() for record in caplog.records] == [
        f"the certificate of {guard.url} is not verified, because verify is off"
    ]
    assert len(node.documents("monolith")) == 1


def test_a_certificate_that_is_not_trusted(make: Make, node: Node):
    with Guard(node.url) as guard:
        for trust, text in [({}, "set ca or fingerprint"), ({"fingerprint": "ab" * 32}, "correct fingerprint")]:
            with pytest.raises(PermanentError, match=text):
                make(guard.url, user=USER, password=PASSWORD, **trust).check()


def test_a_wrong_password(make: Make, node: Node):
    with Guard(node.url) as guard, pytest.raises(MonolithError) as caught:
        make(guard.url, user=USER, password="wrong-secret", ca=str(guard.certificate)).check()
    assert re.fullmatch(
        r"Elasticsearch does not accept the user and password, or the API key: 401 Authorization Required [^<>]*; "
        "set or correct user and password, or api-key",
        str(caught.value),
    )
    assert "wrong-secret" not in str(caught.value)


def test_what_a_server_before_elasticsearch_says(make: Make, node: Node):
    with Guard(node.url) as guard:
        who: dict[str, Any] = {"user": USER, "password": PASSWORD}
        with pytest.raises(PermanentError, match=r"answers 404: 404 Not Found 404 .*; is the path in url right\?$"):
            make(guard.url.replace("/is/here", "/not/here"), ca=str(guard.certificate), **who).check()
        with pytest.raises(PermanentError, match=r"answers 400: 400 The plain HTTP .*; write url = https://\.\.\.$"):
            make(guard.url.replace("https:", "http:"), **who).check()


def test_a_proxy_that_takes_only_small_requests(make: Make, node: Node):
    answer = staged([{"n": n, "text": "x" * 1000} for n in range(400)])
    with Guard(node.url, limit="50k") as guard:
        target = make(guard.url, user=USER, password=PASSWORD, ca=str(guard.certificate))
        assert target.replace(answer.partition, answer) == Written(400, 0, 0)
        target.close()
    assert len(node.documents("monolith")) == 400
