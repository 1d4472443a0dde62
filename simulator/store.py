"""The submissions of one form: unchanged ones are generated, changed ones are kept as JSON."""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from math import isfinite
from random import Random
from threading import Lock, RLock
from typing import Protocol

from simulator.generate import FIRST_ID, first_ids
from simulator.responses import compact
from simulator.shapes import Row
from simulator.versions import Version


class Ids:
    """The sequence from which all forms of a server draw their ids (kobo-api.md §2)."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last = FIRST_ID - 1

    def first(self, rows: int, seed: int) -> array[int]:
        """Return the ids of a form's first submissions.

        :param rows: how many.
        :param seed: what the gaps between them depend on.
        """
        ids = first_ids(rows, seed, first=self._last + 1)
        self._last = ids[-1] if rows else self._last
        return ids

    def next(self, step: int) -> int:
        """Return a new id.

        :param step: how far it is from the last one.
        """
        with self._lock:
            self._last += step
            return self._last

    def skip(self, ids: Iterable[int]) -> None:
        """Give out none of these, nor a lower one.

        :param ids: given otherwise.
        """
        self._last = max(self._last, *ids, self._last)


class Source(Protocol):
    """What submissions are before they are changed: :class:`Generator` or :class:`~simulator.drawn.Drawn`."""

    def uuid(self, kobo_id: int) -> str:
        """Return the first uuid of a submission."""

    def id_of(self, uuid: str) -> int | None:
        """Return the id whose first uuid this is."""

    def slim(self, kobo_id: int) -> bytes:
        """Return the JSON of the fields that every projection holds."""

    def row(self, kobo_id: int) -> bytes:
        """Return the JSON of the whole submission."""

    def new(self, kobo_id: int, version: Version, *, drawn: bool = True) -> Row:
        """Return a submission that is made with a version."""


class Store:
    """Ids in order, and the JSON of each; hold ``lock`` around anything that must see one state.

    ``unreadable`` are the ids of submissions of which the server cannot make JSON (:meth:`put`).

    :param source: what unchanged submissions are.
    :param ids: of the first submissions, ascending.
    :param sequence: gives new ids.
    :param seed: what new ids and uuids depend on.
    """

    def __init__(self, source: Source, ids: array[int], sequence: Ids, seed: int) -> None:
        self.lock = RLock()
        self.source = source
        self.ids = ids
        self.random = Random(seed)
        self.unreadable: set[int] = set()
        self._sequence = sequence
        self._changed: dict[int, bytes] = {}
        self._moved_roots: set[int] = set()

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, kobo_id: int) -> bool:
        place = bisect_left(self.ids, kobo_id)
        return place < len(self.ids) and self.ids[place] == kobo_id

    def json_of(self, kobo_id: int) -> bytes:
        """Return the JSON of a submission that is, or once was, in the store.

        :param kobo_id: its ``_id``.
        """
        return self._changed.get(kobo_id) or self.source.row(kobo_id)

    def slim_json_of(self, kobo_id: int) -> bytes | None:
        """Return the JSON of the fields that every projection holds; None if the submission was changed.

        :param kobo_id: its ``_id``.
        """
        return None if kobo_id in self._changed else self.source.slim(kobo_id)

    def row(self, kobo_id: int) -> Row:
        """Return a submission as a new object.

        :param kobo_id: its ``_id``.
        """
        row: Row = json.loads(self.json_of(kobo_id))
        return row

    def rows(self, ids: Iterable[int] | None = None) -> Iterator[Row]:
        """Iterate over submissions.

        :param ids: which, in this order; None: all, ascending.
        """
        return (self.row(kobo_id) for kobo_id in (self.ids if ids is None else ids))

    def new_id(self) -> int:
        """Return the next id of the sequence, which other forms use as well."""
        return self._sequence.next(self.random.randint(1, 3))

    def new_uuid(self) -> str:
        """Return the uuid of an edit."""
        digits = f"{self.random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-b{digits[17:20]}-{digits[20:]}"

    def put(self, kobo_id: int, row: Row) -> None:
        """Keep a submission as it is now; it is not shown before :meth:`show`.

        Of a point that is no finite number the real server can make no JSON: every page with it is a 500.

        :param kobo_id: its ``_id``.
        :param row: the submission.
        """
        self._changed[kobo_id] = compact(row).encode()
        if row.get("meta/rootUuid") != f"uuid:{self.source.uuid(kobo_id)}":
            self._moved_roots.add(kobo_id)
        if _has_infinite_point(row):
            self.unreadable.add(kobo_id)
        else:
            self.unreadable.discard(kobo_id)

    def show(self, kobo_id: int) -> None:
        """Make a kept submission visible.

        :param kobo_id: its ``_id``.
        """
        if kobo_id not in self:
            insort(self.ids, kobo_id)

    def remove(self, ids: Iterable[int]) -> list[int]:
        """Forget submissions.

        :param ids: ``_id`` of each.
        :returns: the ids that were visible, ascending.
        """
        gone = sorted(kobo_id for kobo_id in set(ids) if kobo_id in self)
        for kobo_id in gone:
            del self.ids[bisect_left(self.ids, kobo_id)]
            self._changed.pop(kobo_id, None)
            self._moved_roots.discard(kobo_id)
            self.unreadable.discard(kobo_id)
        return gone

    def ids_of_roots(self, roots: Iterable[str]) -> list[int]:
        """Return the ids of visible submissions with these root uuids, ascending.

        :param roots: root uuids as the API shows them, ``uuid:…``.
        """
        wanted = set(roots)
        guesses = (self.source.id_of(root.removeprefix("uuid:")) for root in wanted)
        found = {i for i in guesses if i is not None and i in self and i not in self._moved_roots}
        found |= {i for i in self._moved_roots if i in self and self.row(i).get("meta/rootUuid") in wanted}
        return sorted(found)

    def find(self, name: str) -> int | None:
        """Return the ``_id`` of a visible submission by a name of it (kobo-api.md §1.5); None without one.

        :param name: its ``_id``, uuid or root uuid.
        """
        if name.isdecimal():
            return int(name) if int(name) in self else None
        by_root = self.ids_of_roots([f"uuid:{name}"])
        if by_root:
            return by_root[0]
        wanted = f'"_uuid":"{name}"'.encode()
        return next((i for i, text in self._changed.items() if wanted in text and i in self), None)


def _has_infinite_point(row: Row) -> bool:
    point = row.get("_geolocation")
    return isinstance(point, list) and any(isinstance(one, float) and not isfinite(one) for one in point)
