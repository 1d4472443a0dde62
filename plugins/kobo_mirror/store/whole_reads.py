"""Whole reads: what it takes to read all submissions of a form again, by the last run that did."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from kobo_mirror.store import runs
from kobo_mirror.store.totals import totals


class WholeRead(NamedTuple):
    """What reading all submissions of a form again takes.

    :param submissions: that are mirrored.
    :param seconds: None: no run has read the whole form yet.
    """

    submissions: int
    seconds: float | None


def whole_read(connection: Connection, asset_uid: str) -> WholeRead:
    """Return what reading all submissions of a form again takes.

    :param connection: an open transaction.
    :param asset_uid: the form key.
    """
    held = totals(connection, asset_uid)
    submissions = held["applied"] + held["rejected"]
    last = runs.last_finished(connection, asset_uid, whole=True)
    if last is None or not last["rows_read"]:
        return WholeRead(submissions, None)
    seconds = (last["finished_at"] - last["started_at"]).total_seconds()
    return WholeRead(submissions, float(seconds * submissions / last["rows_read"]))
