"""The search language of the project history: ``action:x``, AND, OR, NOT and brackets (kobo-api.md §4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Entry = dict[str, Any]
Test = Callable[[Entry], bool]
_PIECE = re.compile(r'\s*(\(|\)|AND\b|OR\b|NOT\b|[\w.]+:(?:"[^"]*"|[^\s()"]+))\s*')


def parse_search(q: str) -> Test:
    """Return the test that tells which entries a search fits.

    :param q: the search, such as ``action:redeploy``; an empty one fits every entry.
    :raises ValueError: it cannot be parsed.
    """
    return _Parser(q).parse() if q.strip() else _anything


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
