"""How much the bulk benchmark measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from benchmarks.bulk_contestants import Workbench
from benchmarks.bulk_report import Report
from benchmarks.form_contestants import FormWorkbench
from benchmarks.forms import BenchForm
from tests.support.drivers import DRIVERS


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    :param rows: submissions of the form that the peers load.
    :param latency_rows: of the form behind a slow server.
    :param delays: milliseconds that the server waits before each answer.
    :param backfill_rows: of the form that Airflow loads behind a slow server.
    :param sizes: of the forms in the section ``growth``.
    :param dlt_rows: of the form that dlt loads twice: its merge is quadratic there.
    :param household_rows: of the form with repeats that the peers load.
    :param wide_rows: of the wide form that the peers load.
    :param nested_sizes: of the forms in the section ``nested-growth``.
    :param nested_dlt_rows: of the form with repeats that dlt loads twice.
    :param nested_drivers: by which those with repeats and the wide one are loaded.
    """

    rounds: int = 3
    rows: int = 20_000
    latency_rows: int = 100_000
    delays: tuple[int, ...] = (0, 50, 200)
    backfill_rows: int = 100_000
    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    dlt_rows: int = 20_000
    household_rows: int = 10_000
    wide_rows: int = 4_000
    nested_sizes: tuple[int, ...] = (10_000, 100_000)
    nested_dlt_rows: int = 10_000
    nested_drivers: tuple[str, ...] = tuple(DRIVERS)


QUICK = Plan(
    rounds=2,
    rows=3_000,
    latency_rows=10_000,
    delays=(200,),
    sizes=(),
    household_rows=1_000,
    wide_rows=300,
    nested_sizes=(),
    nested_drivers=tuple(DRIVERS[:1]),
)


class Workbenches(Protocol):
    """Makes workbenches on one server."""

    def __call__(self, rows: int) -> Workbench:
        """Return one whose form is the survey with so many submissions."""

    def of(self, form: BenchForm, rows: int) -> FormWorkbench:
        """Return one with another form."""


Section = Callable[[str, Workbenches, Plan, Report], None]
"""Measures a part on a kind of server, and puts the figures into the report."""
