"""Fixtures and helpers of the tests of the elasticsearch target; a test module imports the fixtures it uses.

The nodes are in conftest.py, since an imported fixture would start one for each module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monolith_core.plugin import Context
from monolith_plugins_es.target import ElasticsearchTarget
from support.elasticsearch_node import Node


def bare_target(url: str | list[str], **options: Any) -> ElasticsearchTarget:
    given = {name.replace("_", "-"): value for name, value in options.items()}
    urls = [url] if isinstance(url, str) else url
    model = ElasticsearchTarget.Options.model_validate({"url": urls, "replicas": 0, **given})
    return ElasticsearchTarget(model, Context(id="elasticsearch", timezone=ZoneInfo("UTC")))


Make = Callable[..., ElasticsearchTarget]


@pytest.fixture
def make(node: Node) -> Iterator[Make]:
    """Makes targets of the node, which are closed after the test."""
    made: list[ElasticsearchTarget] = []

    def make(url: str | list[str] = node.url, **options: Any) -> ElasticsearchTarget:
        made.append(bare_target(url, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def target(make: Make) -> ElasticsearchTarget:
    return make()
