"""The elasticsearch target, held against the contract by the test kit, on a real node."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from support.elasticsearch_node import Node

from monolith_core.testing import TargetSuite
from monolith_plugins_es.target import ElasticsearchTarget

pytestmark = pytest.mark.server

_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


class TestElasticsearch(TargetSuite):
    plugin = ElasticsearchTarget
    examples = 10

    @pytest.fixture
    def options(self, node: Node):
        return {"url": node.url, "replicas": 0, "refresh": "partition"}

    @pytest.fixture
    def unreachable(self):
        return {"url": "http://127.0.0.1:1", "user": "monolith", "password": "a-secret-word", "timeout": "2s"}

    def data(self):
        """A field has one type in an index."""
        return st.fixed_dictionaries(
            {},
            optional={"price": st.floats(allow_nan=False, allow_infinity=False), "größe": _TEXT, "big": st.integers()},
        )

    def damage(self, target, partition):
        cluster = target._cluster
        cluster.ask("POST", "/monolith/_refresh", doing="refresh")
        found = cluster.ask("GET", "/monolith/_search?size=1", doing="search")["hits"]["hits"][0]
        body = found["_source"] | {"n": -1}
        path = f"/{found['_index']}/_doc/{found['_id']}?refresh=true"
        cluster.ask("PUT", path, body, doing="damage")
