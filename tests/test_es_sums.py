"""How many documents a partition may have for the sums of a digest to be exact, and what happens beyond.

Elasticsearch adds in doubles. Every partial sum, whichever shard or segment it is of and in whatever order it is added,
is an integer of at most n * (2**32 - 1); integers up to 2**53 are exact in a double, so n may be 2**21. A partition of
more documents is asked for in 256 parts.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import pytest
from support.elasticsearch_node import Node
from support.es_fixtures import Make, make
from support.staging import DAY, staged

from monolith_core.partition import Digest, Partition, Window
from monolith_plugins_es import held

__all__ = ["make"]

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

PARTITION = Partition("shop", DAY)
LARGEST = 2**32 - 1


def put(node: Node, pieces: Iterable[tuple[int, int]]) -> Digest:
    """Write documents of the partition with these pieces of their ids; gives their digest, added in integers."""
    count = first = second = 0
    lines: list[str] = []
    for a, b in pieces:
        count, first, second = count + 1, first + a, second + b
        lines.append(f'{{"index":{{}}}}\n{{"date":"{DAY}","monolith":{{"source":"shop","a":{a},"b":{b}}}}}\n')
        if len(lines) == 20_000:
            send(node, lines)
            lines = []
    send(node, lines)
    node.ask("POST", "/monolith/_refresh")
    return Digest(count, first, second)


def send(node: Node, lines: list[str]) -> None:
    if lines:
        answer = node.ask("POST", "/monolith-2024-02/_bulk?filter_path=errors", "".join(lines).encode())
        assert answer == {"errors": False}


def told(make: Make) -> Digest:
    """The digest of the partition, as reconcile asks for it."""
    return dict(make().digests(Window("", DAY, DAY)))[PARTITION]


@pytest.fixture
def empty(make: Make, node: Node) -> Node:
    """A node with an index on several shards that has no documents."""
    one = staged([{"n": 1}])
    target = make(shards=5)
    target.replace(one.partition, one)
    nothing = staged([])
    target.replace(nothing.partition, nothing)
    return node


def spread(seed: int, count: int, largest: int) -> Iterator[int]:
    """Odd numbers, since these are the first that a double cannot tell apart."""
    chance = random.Random(seed)
    return (largest - chance.randrange(0, 1000, 2) for _ in range(count))


def test_sums_of_integers_are_exact_up_to_2_to_the_53(make: Make, empty: Node):
    """As many documents as are quickly written, with pieces so large that their sums are at the limit."""
    count = 999
    largest = 2**53 // count | 1
    expected = put(empty, zip(spread(1, count, largest - 2), spread(2, count, largest - 2), strict=True))
    assert 2**53 - 2_000_000 < expected.a < 2**53
    assert told(make) == expected


def test_a_partition_of_too_many_documents_is_asked_for_in_parts(
    make: Make, empty: Node, monkeypatch: pytest.MonkeyPatch
):
    chance = random.Random(3)
    pieces = [(0, LARGEST), (LARGEST, 0), *((chance.getrandbits(32), chance.getrandbits(32)) for _ in range(2000))]
    expected = put(empty, pieces)
    monkeypatch.setattr(held, "EXACT", 1000)
    assert told(make) == expected


@pytest.mark.campaign
def test_two_million_documents_and_more(make: Make, empty: Node):
    """The largest pieces there are, once for the most documents that have exact sums, then for more."""
    pieces = ((n * 2_654_435_761 % 2**32, LARGEST - n % 2) for n in range(held.EXACT))
    expected = put(empty, pieces)
    assert told(make) == expected
    expected += put(empty, ((n * 40_503 % 2**32, LARGEST) for n in range(10_001)))
    assert expected.b > 2**53
    assert told(make) == expected
