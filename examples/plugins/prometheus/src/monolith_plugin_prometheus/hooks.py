"""The hooks: how each run went, as metrics, in a file for node_exporter or at a Pushgateway."""

import datetime as dt
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import quote

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from monolith_core import BesidePath, Context, Duration, PermanentError, Run, hookimpl
from monolith_plugin_prometheus.client import Access, open_client, send, server_url

_OUTCOMES = ("done", "unchanged", "failed", "held", "deferred", "skipped")
HELP = {
    "monolith_partitions": "Days of a source that were due in the last run, one for each target, by outcome.",
    "monolith_newest_final_day_end_timestamp_seconds": "End of the newest day that every target holds for good.",
    "monolith_run_finished_timestamp_seconds": "When the last run ended.",
    "monolith_run_duration_seconds": "How long the last run took.",
    "monolith_run_ok": "Whether everything due is done, or waits for a quota.",
}
"""What each metric tells."""
_MAX_ANSWER = 1_000_000

Sample = tuple[str, dict[str, str], float]
"""A metric's name, its labels, its value."""


def _prom(value: Path) -> Path:
    if value.suffix != ".prom":
        raise ValueError("expected a file whose name ends in .prom: node_exporter reads no other")
    return value


class PrometheusHooksOptions(Access):
    """The options of its section."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"pushgateway": "http://pushgateway.example:9091"}]})

    textfile: Annotated[BesidePath, AfterValidator(_prom)] | None = None
    """A file in the directory that node_exporter's textfile collector reads, such as /var/lib/node/monolith.prom."""
    pushgateway: Annotated[str, AfterValidator(server_url)] | None = None
    """A Pushgateway, such as http://pushgateway.example:9091."""
    job: Annotated[str, Field(min_length=1)] = "monolith"
    """The job that is pushed as."""
    timeout: Annotated[Duration, Field(gt=0, le=60)] = 10.0
    """How long the Pushgateway may take."""

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.textfile is None and self.pushgateway is None:
            raise ValueError("got neither textfile nor pushgateway, expected one of them")
        return self


class PrometheusHooks:
    """Publishes how each run went as metrics: in a textfile of node_exporter, at a Pushgateway, or both.

    When a run is over, and only then: what is half done is nobody's metric.
    """

    Options = PrometheusHooksOptions

    def __init__(self, options: PrometheusHooksOptions, context: Context) -> None:
        self.options = options
        self.context = context

    @hookimpl
    def run_finished(self, run: Run, report: dict[str, Any]) -> None:
        """Write the file, and push."""
        config = Path(run.config).name
        text = exposition(samples(report, self.context.timezone), {"config": config})
        if self.options.textfile is not None:
            replace_file(self.options.textfile, text)
        if self.options.pushgateway is not None:
            self._push(self.options.pushgateway, config, text)

    def check(self) -> str:
        """Whether it could publish; it publishes nothing."""
        folder = self.options.textfile.parent if self.options.textfile else None
        if folder and not os.access(folder, os.W_OK):
            raise PermanentError(f"{folder} is no folder that we may write into; make it, or change textfile")
        if self.options.pushgateway:
            with open_client(self.options.pushgateway, self.options, self.options.timeout) as client:
                send(client, "GET", "/-/ready", _MAX_ANSWER)
        return " and ".join(str(each) for each in (self.options.textfile, self.options.pushgateway) if each)

    def _push(self, url: str, config: str, text: str) -> None:
        """Replace what the group of this job and configuration has."""
        path = f"/metrics/job/{quote(self.options.job, safe='')}/config/{quote(config, safe='')}"
        with open_client(url, self.options, self.options.timeout) as client:
            send(client, "PUT", path, _MAX_ANSWER, content=text.encode())


def samples(report: dict[str, Any], timezone: dt.tzinfo) -> Iterator[Sample]:
    """What a report comes to."""
    for phase in report["phases"]:
        for source in phase["sources"]:
            labels = {"phase": phase["id"], "source": source["id"]}
            for outcome in _OUTCOMES:
                yield "monolith_partitions", {**labels, "outcome": outcome}, source[outcome]
            if source["newest_final"]:
                end = dt.date.fromisoformat(source["newest_final"]) + dt.timedelta(days=1)
                midnight = dt.datetime.combine(end, dt.time(), timezone)
                yield "monolith_newest_final_day_end_timestamp_seconds", labels, midnight.timestamp()
    started, finished = (dt.datetime.fromisoformat(report[name]) for name in ("started", "finished"))
    yield "monolith_run_finished_timestamp_seconds", {}, finished.timestamp()
    yield "monolith_run_duration_seconds", {}, (finished - started).total_seconds()
    yield "monolith_run_ok", {}, float(report["status"] == "ok")


def exposition(samples: Iterable[Sample], shared: dict[str, str]) -> str:
    """Samples in Prometheus' text format, version 0.0.4; each also has the labels in `shared`."""
    lines: dict[str, list[str]] = {name: [] for name in HELP}
    for name, labels, value in samples:
        pairs = ",".join(f'{key}="{_escaped(text)}"' for key, text in {**shared, **labels}.items())
        lines[name].append(f"{name}{{{pairs}}} {value!r}\n")
    return "".join(
        f"# HELP {name} {HELP[name]}\n# TYPE {name} gauge\n{''.join(found)}" for name, found in lines.items() if found
    )


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def replace_file(file: Path, text: str) -> None:
    """Give a file a new text in one step: whoever reads it, and whenever we are stopped, finds the old or the new."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
