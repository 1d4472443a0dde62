"""Schedules: which cron expressions there are, and by when a form must have been read last."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

_ANY_DAY = datetime(2026, 1, 1)  # noqa: DTZ001  # UTC, as DATETIME holds it
_LONGEST = 255


class Schedules(NamedTuple):
    """When Airflow reads a form, as ``kobo.yml`` says.

    :param rounds: when the DAG that reads it begins; empty: as ``KOBO_SYNC_SCHEDULE`` says.
    :param own: of these rounds only the first after a moment of this schedule reads it; empty: each does.
    """

    rounds: str = ""
    own: str = ""

    def due(self, moment: datetime, usual: str = "") -> datetime:
        """Return since when the form has been read, if it is not late.

        :param moment: what was to be read before it counts (UTC, without a zone).
        :param usual: what ``KOBO_SYNC_SCHEDULE`` says; empty: rounds may begin at any time.
        """
        rounds = self.rounds or usual
        begun = last_due(rounds, moment) if rounds else moment
        return last_due(self.own, begun) if self.own else begun


NO_SCHEDULES = Schedules()
"""As ``KOBO_SYNC_SCHEDULE`` says, and no other."""


def is_schedule(text: str) -> bool:
    """Return True for a cron expression or a preset that Airflow can read and that comes round.

    :param text: such as ``*/15 * * * *`` or ``@hourly``.
    """
    try:
        last_due(text, _ANY_DAY)
    except ValueError:  # what croniter raises is one
        return False
    return len(text) <= _LONGEST


@lru_cache(maxsize=1000)
def last_due(schedule: str, moment: datetime) -> datetime:
    """Return the last moment of a schedule that is not after another one.

    :param schedule: one that :func:`is_schedule` knows.
    :param moment: the other one (UTC, without a zone).
    :raises ValueError: it is no schedule.
    """
    from croniter import croniter  # type: ignore[import-untyped]  # noqa: PLC0415  # takes 0.1 s, and few need it

    found: datetime = croniter(schedule, moment + timedelta(microseconds=1)).get_prev(datetime)
    return found
