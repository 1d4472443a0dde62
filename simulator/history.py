"""The project history: who did what to the form and when, newest first (kobo-api.md §4)."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Entry = dict[str, Any]
Test = Callable[[Entry], bool]
_PIECE = re.compile(r'\s*(\(|\)|AND\b|OR\b|NOT\b|[\w.]+:(?:"[^"]*"|[^\s()"]+))\s*')


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
            test = _Parser(q).parse() if q.strip() else _anything
        except ValueError:
            return []
        oldest = (datetime.now(UTC) - timedelta(days=self.lookback_days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        known = [entry for entry in self._entries if entry["date_created"] >= oldest]
        return sorted((e for e in known if test(e)), key=lambda e: str(e["date_created"]), reverse=True)


def _anything(entry: Entry) -> bool:
    return True


@dataclass
class _Parser:
    """Parses ``action:x``, ``date_created__gte:"2026-08-21 10:00"``, AND, OR, NOT and brackets."""

    text: str

    def parse(self) -> Test:
        self._pieces = self._split()
        self._next = 0
        test = self._any_of()
        if self._next < len(self._pieces):
            raise ValueError("more than one expression")
        return test

    def _split(self) -> list[str]:
        pieces, place = [], 0
        while place < len(self.text):
            found = _PIECE.match(self.text, place)
            if found is None:
                raise ValueError("not a search")
            pieces.append(found[1])
            place = found.end()
        return pieces

    def _take(self) -> str:
        if self._next == len(self._pieces):
            raise ValueError("unfinished")
        self._next += 1
        return self._pieces[self._next - 1]

    def _peek(self) -> str:
        return self._pieces[self._next] if self._next < len(self._pieces) else ""

    def _any_of(self) -> Test:
        tests = [self._all_of()]
        while self._peek() == "OR":
            self._take()
            tests.append(self._all_of())
        return lambda entry: any(test(entry) for test in tests)

    def _all_of(self) -> Test:
        tests = [self._one()]
        while self._peek() not in ("", "OR", ")"):
            if self._peek() == "AND":
                self._take()
            tests.append(self._one())
        return lambda entry: all(test(entry) for test in tests)

    def _one(self) -> Test:
        piece = self._take()
        if piece == "NOT":
            test = self._one()
            return lambda entry: not test(entry)
        if piece == "(":
            test = self._any_of()
            if self._take() != ")":
                raise ValueError("a bracket is not closed")
            return test
        name, colon, wanted = piece.partition(":")
        if not colon:
            raise ValueError("no field")
        return _field_test(name, wanted.strip('"'))


def _field_test(name: str, wanted: str) -> Test:
    if name == "date_created" or name.startswith("date_created__"):
        moment = datetime.fromisoformat(wanted)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        limit, how = moment.strftime("%Y-%m-%dT%H:%M:%SZ"), name.partition("__")[2]
        compare = _COMPARISONS[how]
        return lambda entry: compare(str(entry["date_created"]), limit)
    if name == "action":
        return lambda entry: bool(entry["action"] == wanted)
    if name in ("username", "user__username"):
        return lambda entry: bool(entry["username"] == wanted)
    if name == "metadata__submission__root_uuid":
        return lambda entry: bool(entry["metadata"].get("submission", {}).get("root_uuid") == wanted)
    raise ValueError("an unknown field")


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "": lambda a, b: a == b,
    "gte": lambda a, b: a >= b,
    "gt": lambda a, b: a > b,
    "lte": lambda a, b: a <= b,
    "lt": lambda a, b: a < b,
}
