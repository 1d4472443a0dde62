"""What ``/metrics`` shows: each worker counts in a file of its own, any of them answers for all."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from kobo_mirror.store.arrivals import PROMPT
from kobo_mirror.store.overview import MirrorState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own name for it

RESULTS = (
    "inserted", "updated", "unchanged", "stale", "deferred", "rejected",
    "dead_letter", "refused", "unauthorized", "unavailable", "failed",
)  # fmt: skip
MOST_FORMS, OTHERS = 500, "others"
"""So many forms are counted apart, and under this name all others and what is of no form."""
_BY_STATUS = {401: "unauthorized", 403: "unauthorized", 500: "failed", 503: "unavailable"}

_slot = 0


def share() -> None:
    """Let the workers that this process starts count together; to be called before anything is counted.

    They count in a directory that is removed when this process ends, also where it ends before it serves.
    """
    if _DIRECTORY not in os.environ:
        os.environ[_DIRECTORY] = directory = tempfile.mkdtemp(prefix="webhook-metrics-")
        atexit.register(_remove, directory, os.getpid())
    values.ValueClass = values.MultiProcessValue(lambda: _slot)  # type: ignore[no-untyped-call]


def take_slot() -> None:
    """Count in a file that no living worker uses, from where a dead one stopped.

    With a file for each process there would be one more with every worker that is replaced.
    """
    global _slot  # noqa: PLW0603  # a process has one
    for number in count(1):
        lock = os.open(Path(os.environ[_DIRECTORY], f"{number}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        _slot = number
        return


def _remove(directory: str, owner: int) -> None:
    """Remove what was counted, in the process that has made the directory: its children end earlier."""
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)


def figures_of(state: MirrorState) -> dict[str, float]:
    """Return the figures of a mirror: counts, and moments in seconds since 1970.

    What has never happened is left out.

    :param state: what the database knows of the mirror.
    """
    found: dict[str, float] = {
        "dead_letters_waiting": state.dead_letters,
        "rejected_cells": state.rejected_cells,
        "rejections": state.rejected,
        "tables": state.tables,
        "to_fetch": state.to_fetch,
    }
    if run := state.last_good:
        found |= _moment("last_sync", run.finished_at) | {"last_sync_inserted": run.inserted}
    if run := state.last_good_exact:
        found |= _moment("last_exact_sync", run.finished_at)
    if proof := state.proof:
        found |= _moment("last_proof", proof.finished_at)
        found |= {"last_proof_differences": proof.differences}
    return found


def _moment(name: str, at: datetime | None) -> dict[str, float]:
    return {f"{name}_timestamp_seconds": at.replace(tzinfo=UTC).timestamp()} if at else {}


class Metrics:
    """What one application counts, and what the database says at the moment of a request.

    :param figures: returns the figures of each form table by its name; None: the database does not answer.
    """

    def __init__(self, figures: Callable[[], Mapping[str, Mapping[str, float]] | None]) -> None:
        self._figures = figures
        self._registry = CollectorRegistry()
        self._deliveries = Counter(
            "kobo_webhook_deliveries", "Answered deliveries by what became of them.", ["result"],
            registry=self._registry,
        )  # fmt: skip
        self._of_forms = Counter(
            "kobo_webhook_form_deliveries", "Answered deliveries by form key.",
            ["uid", "result"], registry=self._registry,
        )  # fmt: skip
        self._forms_shown: set[str] = set()
        self._seconds = Histogram(
            "kobo_webhook_answer_seconds", "Seconds from a delivery's head to its answer.",
            registry=self._registry, buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
        )  # fmt: skip
        self._lag = Histogram(
            "kobo_webhook_lag_seconds", "Seconds from a submission's arrival at KoboToolbox to its commit.",
            registry=self._registry, buckets=(0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600),
        )  # fmt: skip
        self._late = Counter(
            "kobo_webhook_late_submissions", "New submissions that came over an hour late; not in the lag.",
            registry=self._registry,
        )  # fmt: skip
        self._errors = Counter(
            "kobo_webhook_database_errors", "Deliveries that the database could not take.", ["kind"],
            registry=self._registry,
        )  # fmt: skip
        self._last = Gauge(
            "kobo_webhook_last_delivery_timestamp_seconds", "When a delivery was last committed.",
            registry=self._registry, multiprocess_mode="max",
        )  # fmt: skip
        self._by_result = {result: self._deliveries.labels(result) for result in RESULTS}
        for kind in ("DatabaseError", "SchemaError"):
            self._errors.labels(kind)

    def delivered(self, status: int, noted: Mapping[str, Any], seconds: float) -> None:
        """Count one answered delivery.

        :param status: of the HTTP response.
        :param noted: what its log line says, by name.
        :param seconds: from the head of its request to the response.
        """
        kept = "dead_letter" if "dead_letter" in noted else None
        result = noted.get("result") or kept or _BY_STATUS.get(status, "refused")
        self._by_result[result].inc()
        self._of_forms.labels(self._shown(noted.get("asset_uid")), result).inc()
        if kind := noted.get("database_error"):
            self._errors.labels(kind).inc()
        self._seconds.observe(seconds)
        if status < 300:
            self._last.set(time.time())

    def _shown(self, form_key: str | None) -> str:
        """Return a form's label: its key, unless it is not known, or too many forms are shown already."""
        if form_key is None or (form_key not in self._forms_shown and len(self._forms_shown) >= MOST_FORMS):
            return OTHERS
        self._forms_shown.add(form_key)
        return form_key

    def committed(self, submission: Mapping[str, Any]) -> None:
        """Note how long a new submission took from KoboToolbox to its commit.

        One that is too old to have come by itself is counted apart: it would hide how long the others take.

        :param submission: the parsed body; its ``_submission_time`` is UTC.
        """
        try:
            since = datetime.now(UTC) - datetime.fromisoformat(submission["_submission_time"]).replace(
                tzinfo=UTC
            )
        except (KeyError, TypeError, ValueError):
            return
        if since > PROMPT["pushed"]:
            self._late.inc()
        else:
            self._lag.observe(max(0.0, since.total_seconds()))

    def exposition(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        registry = self._registry
        if _DIRECTORY in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        shown = CollectorRegistry()
        last = registry.get_sample_value("kobo_webhook_last_delivery_timestamp_seconds")
        shown.register(_CurrentGauges(self._figures(), last))
        return generate_latest(registry) + generate_latest(shown)


class _CurrentGauges(Collector):
    """Gauges that are read at the moment of a request.

    :param figures: of each form table by its name; None: the database does not answer.
    :param last: when a delivery was last committed, in seconds since 1970; None or 0: never.
    """

    def __init__(self, figures: Mapping[str, Mapping[str, float]] | None, last: float | None) -> None:
        self._figures, self._last = figures, last

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield the gauges; the seconds since the last delivery only if there was one."""
        if self._last:
            yield GaugeMetricFamily(
                "kobo_webhook_seconds_since_last_delivery", "Seconds since a delivery was last committed.",
                value=time.time() - self._last,
            )  # fmt: skip
        up = float(self._figures is not None)
        yield GaugeMetricFamily("kobo_webhook_database_up", "1 if the database answers, else 0.", value=up)
        told: dict[str, GaugeMetricFamily] = {}
        for table, figures in (self._figures or {}).items():
            for name, value in figures.items():
                family = told.setdefault(
                    name,
                    GaugeMetricFamily(
                        f"kobo_mirror_{name}",
                        f"{name.replace('_', ' ')}, from the database.",
                        labels=["form"],
                    ),
                )
                family.add_metric([table], value)
        yield from told.values()
