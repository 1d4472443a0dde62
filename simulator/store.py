"""The submissions of one form: unchanged ones are generated, changed ones are kept as JSON."""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from random import Random
from threading import RLock
from typing import Any

from simulator.generate import FIRST_ID, Generator, first_ids
from simulator.responses import compact

Row = dict[str, Any]


class Store:
    """Ids in order, and the JSON of each; hold ``lock`` around anything that must see one state.

    :param generator: generates unchanged submissions.
    :param rows: how many submissions there are at first.
    :param seed: what new ids and uuids depend on.
    """

    def __init__(self, generator: Generator, rows: int, seed: int) -> None:
        self.lock = RLock()
        self.generator = generator
        self.ids = first_ids(rows, seed)
        self.random = Random(seed)
        self._last_id = self.ids[-1] if rows else FIRST_ID - 1
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
        return self._changed.get(kobo_id) or self.generator.row(kobo_id)

    def slim_json_of(self, kobo_id: int) -> bytes | None:
        """Return the JSON of the fields that every projection holds; None if the submission was changed.

        :param kobo_id: its ``_id``.
        """
        return None if kobo_id in self._changed else self.generator.slim(kobo_id)

    def row(self, kobo_id: int) -> Row:
        """Return a submission as a new object.

        :param kobo_id: its ``_id``.
        """
        row: Row = json.loads(self.json_of(kobo_id))
        return row

    def generated(self, kobo_id: int) -> Row:
        """Return the submission as it was generated, whatever became of it.

        :param kobo_id: its ``_id``.
        """
        row: Row = json.loads(self.generator.row(kobo_id))
        return row

    def rows(self, ids: Iterable[int] | None = None) -> Iterator[Row]:
        """Iterate over submissions.

        :param ids: which, in this order; None: all, ascending.
        """
        return (self.row(kobo_id) for kobo_id in (self.ids if ids is None else ids))

    def new_id(self) -> int:
        """Return the next id of the sequence, which other forms use as well."""
        self._last_id += self.random.randint(1, 3)
        return self._last_id

    def new_uuid(self) -> str:
        """Return the uuid of an edit."""
        digits = f"{self.random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-b{digits[17:20]}-{digits[20:]}"

    def put(self, kobo_id: int, row: Row) -> None:
        """Keep a submission as it is now; it is not shown before :meth:`show`.

        :param kobo_id: its ``_id``.
        :param row: the submission.
        """
        self._changed[kobo_id] = compact(row).encode()
        if row.get("meta/rootUuid") != f"uuid:{self.generator.uuid(kobo_id)}":
            self._moved_roots.add(kobo_id)

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
        return gone

    def ids_of_roots(self, roots: Iterable[str]) -> list[int]:
        """Return the ids of visible submissions with these root uuids, ascending.

        :param roots: root uuids as the API shows them, ``uuid:…``.
        """
        wanted = set(roots)
        guesses = (self.generator.id_of(root.removeprefix("uuid:")) for root in wanted)
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
