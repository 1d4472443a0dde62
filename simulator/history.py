"""The project history: who did what to the form and when, newest first (kobo-api.md §4)."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.history_search import Entry, parse_search


class History:
    """A bounded log; entries older than the look-back are not shown.

    :param asset: the form's uid.
    :param owner: the form's owner, whom every entry names.
    :param lookback_days: how far back entries are shown.
    """

    def __init__(self, *, asset: str, owner: str, lookback_days: float) -> None:
        self.asset = asset
        self.owner = owner
        self.lookback_days = lookback_days
        self._entries: deque[Entry] = deque(maxlen=200_000)

    def clear(self, lookback_days: float) -> None:
        """Forget all entries.

        :param lookback_days: how far back entries are shown from now on.
        """
        self._entries.clear()
        self.lookback_days = lookback_days

    def add(self, action: str, username: str, **metadata: Any) -> None:
        """Write one entry; its time has whole seconds, as on the real server.

        :param action: such as ``modify-submission``.
        :param username: who did it.
        :param metadata: further keys of the entry's ``metadata``.
        """
        base = {"source": "No information available", "asset_uid": self.asset, "ip_address": "127.0.0.1"}
        self._entries.appendleft(
            {
                "user_uid": f"u{username}",
                "username": username,
                "action": action,
                "metadata": base | metadata | {"log_subtype": "project", "project_owner": self.owner},
                "date_created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        )

    def age(self, seconds: float) -> None:
        """Make every entry older, as if time had passed.

        :param seconds: how much older.
        """
        for entry in self._entries:
            written = datetime.fromisoformat(entry["date_created"]) - timedelta(seconds=seconds)
            entry["date_created"] = written.strftime("%Y-%m-%dT%H:%M:%SZ")

    def entries(self, q: str) -> list[Entry]:
        """Return the entries that a search fits, newest first.

        :param q: the search, such as ``action:redeploy``; one that cannot be parsed fits nothing and is no
            error.
        """
        try:
            test = parse_search(q)
        except ValueError:
            return []
        oldest = (datetime.now(UTC) - timedelta(days=self.lookback_days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        known = [entry for entry in self._entries if entry["date_created"] >= oldest]
        return sorted((e for e in known if test(e)), key=lambda e: str(e["date_created"]), reverse=True)
