"""How long new submissions take from KoboToolbox to their rows, by their origin."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from kobo_mirror.store.overview import first_finish, newest

PROMPT: Mapping[str, timedelta] = {"pushed": timedelta(hours=1), "pulled": timedelta(days=1)}
"""What took longer did not come by itself: KoboToolbox tries a delivery for a quarter of an hour (kobo-api.md
§5.4), syncs run at least once a day. It says nothing of how long the next one will take."""

NEWEST = 500
"""So many submissions are looked at."""


@dataclass(frozen=True)
class Lag:
    """Seconds from a submission's arrival at KoboToolbox to its row here.

    :param prompt: of those that came within ``PROMPT``, the shortest first.
    :param late: how many took longer.
    """

    prompt: list[float]
    late: int

    def within(self, share: float) -> float | None:
        """The seconds that so large a share of the prompt ones took at most; None where there are none.

        :param share: such as 0.95.
        """
        place = math.ceil(share * len(self.prompt))
        return self.prompt[place - 1] if place else None


def lags_of(connection: Connection, asset_uid: str) -> dict[str, Lag]:
    """The lag of the newest submissions that came after the first sync, by their origin."""
    since = first_finish(connection, asset_uid)
    took: dict[str, list[timedelta]] = {}
    for row in newest(connection, asset_uid, NEWEST) if since else ():
        seen, sent = row["first_seen_at"], row["submission_time"]
        if sent and seen > since:
            took.setdefault("pushed" if row["pushed_at"] == seen else "pulled", []).append(seen - sent)
    return {origin: _lag(found, PROMPT[origin]) for origin, found in sorted(took.items(), reverse=True)}


def _lag(took: list[timedelta], prompt: timedelta) -> Lag:
    seconds = sorted(max(0.0, one.total_seconds()) for one in took if one <= prompt)
    return Lag(seconds, len(took) - len(seconds))
