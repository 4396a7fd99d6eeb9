"""Executors: chosen by the configuration, opened and closed with the phase, given all that a window needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.distributions import make_distribution
from support.scripted import Job, make_job

from monolith_core import run_window
from monolith_core.config import load_config
from monolith_core.errors import ConfigurationError
from monolith_core.executor import WindowTask
from monolith_core.partition import Window
from monolith_core.runner.local import LocalExecutor
from monolith_core.testing import ExecutorSuite

MODULE = """
    from monolith_core import Executor, ExecutorOptions

    class Options(ExecutorOptions):
        fail: str = ""

    class Counting(Executor):
        Options = Options
        told = []

        def setup(self):
            if self.options.fail == "setup":
                raise OSError("no scheduler")
            self.told.append("setup")

        def extract(self, task):
            self.told.append((task.config.name, task.phase, task.source, len(task.window)))
            return task.ask()

        def close(self):
            self.told.append("close")

    from support.elsewhere import ProcessExecutor
"""


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Job:
    job = make_job(monkeypatch, tmp_path)
    site = tmp_path / "site"
    entries = {"counting": "executing_elsewhere:Counting", "process": "executing_elsewhere:ProcessExecutor"}
    make_distribution(
        site, "elsewhere", "2.5", groups={"monolith.executors": entries}, modules={"executing_elsewhere": MODULE}
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(Path(__file__).parent)]))
    monkeypatch.delitem(__import__("sys").modules, "executing_elsewhere", raising=False)
    return job


def choose(job: Job, name: str, more: str = "") -> None:
    job.change("[source:visits]\n", "[source:visits]\nexecutor = far\n")
    job.add(f"[executor:far]\nuse = {name}\n{more}")


def test_an_executor_is_told_what_to_ask(job):
    choose(job, "counting")
    assert job.extract().exit_code == 0
    assert job.held() == 40
    from executing_elsewhere import Counting

    assert Counting.told == ["setup", ("job.ini", "extract", "visits", 10), "close"]


def test_the_default_is_local(job):
    assert load_config(job.config).sources["visits"].executor is None
    job.change("[monolith]\n", "[monolith]\nexecutor = local\n")
    assert load_config(job.config).sources["visits"].executor is None
    assert job.extract().exit_code == 0


def test_one_for_all_sources(job):
    job.change("[monolith]\n", "[monolith]\nexecutor = far\n")
    job.add("[executor:far]\nuse = counting\n")
    executor = load_config(job.config).sources["visits"].executor
    assert str(executor) == "far (executor 'counting' of elsewhere 2.5)"


def test_another_executor_makes_no_day_due(job):
    job.extract()
    choose(job, "counting")
    assert job.json("plan") == []


def test_an_executor_that_cannot_start_fails_its_sources(job):
    choose(job, "counting", "fail = setup\n")
    result = job.extract()
    assert result.exit_code == 1
    assert "far (executor 'counting' of elsewhere 2.5) raised OSError: no scheduler" in result.stderr


def test_unknown_executors(job):
    job.change("[source:visits]\n", "[source:visits]\nexecutor = farr\n")
    job.add("[executor:far]\nuse = counting\n")
    with pytest.raises(ConfigurationError) as error:
        load_config(job.config)
    assert [str(fault).rpartition("job.ini:")[2] for fault in error.value.faults] == [
        "11: option executor of [source:visits]: got 'farr', expected local, or ids of [executor:ID] sections (far); "
        "did you mean far?",
        "15: no source uses [executor:far]; name it in executor of a [source:ID], or remove the section",
    ]


def test_a_window_is_asked_in_another_process(job):
    choose(job, "process")
    assert job.extract("--jobs", "2").exit_code == 0
    assert job.held() == 40


def test_errors_come_back_from_another_process(job):
    job.script({"2024-01-05": "temporary: the service is busy", "2024-01-06": "bug: oops"})
    choose(job, "process")
    job.change("until = 2024-01-10", "until = 2024-01-10\nspan = 1")
    result = job.extract("--start-date", "2024-01-05", "--end-date", "2024-01-06")
    assert result.exit_code == 1
    assert "the service is busy" in result.stderr
    assert "visits (source 'scripted' of scripted-plugin 1.0) raised KeyError: 'oops'" in result.stderr


def test_a_window_as_a_function(job):
    import datetime as dt

    found = []
    window = Window("visits", dt.date(2024, 1, 5), dt.date(2024, 1, 6))
    run_window(WindowTask(job.config, "extract", "visits", window), found.append)
    assert [(str(each.date), each.data["n"]) for each in found] == [
        (f"2024-01-0{day}", n) for day in (5, 6) for n in range(4)
    ]


class TestLocal(ExecutorSuite):
    plugin = LocalExecutor
