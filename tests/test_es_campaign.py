"""Loads that meet with one fault after the other, or are killed: afterwards the cluster has what the archive has.

All the while a reader looks: it never sees less than one whole answer of a day, and after the first run that was not
interrupted exactly one.
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.elasticsearch_node import Node
from support.es_job import PATIENCE, PER_DAY, Job, counts
from support.es_mischief import FAULTS, Mischief
from support.es_proxy import Answer, Asked, Cut, Forward, Proxy, plainly
from support.es_reader import Reader

from monolith_core.cli.extract import main as extract
from monolith_plugins_es import bulk
from monolith_plugins_es.documents import document_id

pytestmark = [pytest.mark.server, pytest.mark.timeout(3600)]

BOUND = 1000
LONG = pytest.mark.campaign


class Trial:
    """A job whose shop changes its mind about every price, back and forth, before each load."""

    def __init__(self, folder: Path, node: Node, url: str) -> None:
        self.job = Job(folder, since=dt.date(2024, 1, 27), until=dt.date(2024, 2, 4))
        self.node = node
        self.second = False
        self.job.configure(elasticsearch={"url": url, "bulk-bytes": 4096, "jobs": 3})
        self.job.extract()

    def change(self) -> None:
        """Have another answer of each day in the archive."""
        self.second = not self.second
        self.job.sell(f"UPDATE orders SET price = price {'+' if self.second else '-'} {BOUND}")
        self.job.extract("--sequence", "extract", "--force")

    @contextmanager
    def read(self) -> Iterator[Reader]:
        with Reader(self.node, field="price", bound=BOUND, whole=PER_DAY) as reader:
            yield reader
        assert reader.torn == set()
        assert reader.looks

    def assert_loaded(self) -> None:
        """See that every day is the new answer and nothing else, by searches, by ids, and by a reconcile."""
        assert counts(self.node) == {str(day): PER_DAY for day in self.job.days}
        held = self.node.documents("monolith")
        archived = self.job.archived().items()
        assert sorted(held) == sorted(document_id(dt.date.fromisoformat(day), each) for each, day in archived)
        assert {each["price"] >= BOUND for each in held.values()} == {self.second}
        self.job.monolith("reconcile", "--deep")


@pytest.mark.parametrize("times", [20, pytest.param(200, marks=LONG)])
def test_faults_of_bulk_requests(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int):
    monkeypatch.setattr(bulk, "FIRST_WAIT", 0.01)
    seed = int.from_bytes(os.urandom(4))
    with Proxy(node.url) as proxy:
        trial = Trial(tmp_path, node, proxy.url)
        mischief = Mischief(proxy, random.Random(seed), part=0.4)
        interrupted = loads = 0
        while mischief.done.total() < times:
            trial.change()
            with trial.read():
                proxy.rule = mischief
                status, output = load(trial.job)
                assert status in (0, 1), output
                proxy.rule = plainly
                if status:  # a request met with fault after fault, and its day is left for the next run
                    interrupted += 1
                    trial.job.extract("--sequence", "load")
                trial.assert_loaded()
            loads += 1
    if times > len(FAULTS) * 10:
        assert len(mischief.done) == len(FAULTS)
    print(f"seed {seed}: {loads} loads, {interrupted} of them finished by another; {dict(mischief.done)}")


def load(job: Job) -> tuple[int, str]:
    """Load in this process, whatever comes of it."""
    result = CliRunner().invoke(extract, [job.config, "--sequence", "load"])
    return result.exit_code, result.output


class Killer:
    """A rule that kills a run at one of its bulk requests: before the node gets it, while it works, or after."""

    def __init__(self, chance: random.Random, requests: int) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.how = chance.choice(["before", "during", "after"])
        self._number = chance.randint(1, requests)
        self._count = itertools.count(1)

    def __call__(self, asked: Asked, forward: Forward) -> Answer:
        if not asked.is_bulk or self.process is None or next(self._count) != self._number:
            return forward()
        if self.how == "after":
            forward()
        self.process.kill()
        if self.how == "during":
            forward()
        raise Cut


@pytest.mark.parametrize("times", [3, pytest.param(30, marks=LONG)])
def test_kill_9_during_loads(node: Node, tmp_path: Path, times: int):
    """Half of them at a bulk request, half at any instant of the run."""
    seed = int.from_bytes(os.urandom(4))
    chance = random.Random(seed)
    done: Counter[str] = Counter()
    with Proxy(node.url) as proxy:
        trial = Trial(tmp_path, node, proxy.url)
        proxy.asked.clear()
        begin = time.monotonic()
        trial.change()
        assert trial.job.run("--sequence", "load")[0] == 0
        whole, requests = time.monotonic() - begin, len(proxy.bulks)
        for number in range(times):
            trial.change()
            killer = Killer(chance, requests)
            with trial.read():
                process = trial.job.start("--sequence", "load")
                if number % 2:
                    time.sleep(chance.uniform(0, whole))  # where it is hit is meant to be left to chance
                    process.kill()
                else:
                    proxy.rule, killer.process = killer, process
                process.communicate(timeout=PATIENCE)
                proxy.rule = plainly
                done["by chance" if number % 2 else killer.how] += process.returncode == -signal.SIGKILL
                status, output = trial.job.run("--sequence", "load")
                assert status == 0, output
                trial.assert_loaded()
    assert done.total() > times / 2
    print(f"seed {seed}: killed {dict(done)}, {requests} bulk requests a load")
