"""How long new submissions take from KoboToolbox to their rows: delivered, or read by a sync."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from kobo_mirror.store.tables import submissions, sync_runs

PROMPT: Mapping[str, timedelta] = {"pushed": timedelta(hours=1), "pulled": timedelta(days=1)}
"""What took longer did not come by itself: KoboToolbox tries a delivery for a quarter of an hour (kobo-api.md
§5.4), and syncs run at least once a day. It says nothing of how long the next one will take."""

NEWEST = 500
"""So many submissions are looked at, those with the highest ``_id``."""


@dataclass(frozen=True)
class Lag:
    """Seconds from a submission's arrival at KoboToolbox to its row here.

    :param prompt: of those that came within ``PROMPT``, the shortest first.
    :param late: how many took longer.
    """

    prompt: list[float]
    late: int

    def within(self, share: float) -> float | None:
        """Return the seconds within which that share of the prompt ones came, or None if there are none.

        :param share: between 0 and 1, such as 0.95.
        """
        place = math.ceil(share * len(self.prompt))
        return self.prompt[place - 1] if place else None


def lags_of(connection: Connection, asset_uid: str) -> dict[str, Lag]:
    """Return the lag of the newest submissions that came after the first sync.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :returns: by ``pushed`` (delivered to the webhook) and ``pulled`` (read by a sync); only those that came.
    """
    if (since := first_finish(connection, asset_uid)) is None:
        return {}
    t = submissions.c
    query = select(t.submission_time, t.first_seen_at, t.pushed_at).where(t.asset_uid == asset_uid)
    took: dict[str, list[timedelta]] = {}
    for sent, seen, pushed in connection.execute(query.order_by(t.kobo_id.desc()).limit(NEWEST)):
        if sent and seen > since:
            took.setdefault("pushed" if pushed == seen else "pulled", []).append(seen - sent)
    return {origin: _lag(found, PROMPT[origin]) for origin, found in sorted(took.items(), reverse=True)}


def _lag(took: list[timedelta], prompt: timedelta) -> Lag:
    seconds = sorted(max(0.0, one.total_seconds()) for one in took if one <= prompt)
    return Lag(seconds, len(took) - len(seconds))


def first_finish(connection: Connection, asset_uid: str) -> datetime | None:
    """Return when the first run finished (UTC), or None: submissions seen before that had not just come.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    """
    query = select(sync_runs.c.finished_at).where(
        sync_runs.c.asset_uid == asset_uid, sync_runs.c.finished_at.is_not(None)
    )
    return connection.execute(query.order_by(sync_runs.c.id).limit(1)).scalar_one_or_none()
