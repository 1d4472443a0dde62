"""The submissions of one form: untouched ones are generated, changed ones are kept as JSON."""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from random import Random
from threading import RLock
from typing import Any

from simulator.answers import compact
from simulator.generate import FIRST_ID, Generator, first_ids

Row = dict[str, Any]


class Store:
    """Ids in order, and the JSON of each; hold ``lock`` around anything that must see one state."""

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
        """The JSON of a submission that is, or once was, in the store."""
        return self._changed.get(kobo_id) or self.generator.row(kobo_id)

    def slim_json_of(self, kobo_id: int) -> bytes | None:
        """The JSON of the fields of every projection, if the submission is untouched."""
        return None if kobo_id in self._changed else self.generator.slim(kobo_id)

    def row(self, kobo_id: int) -> Row:
        """A submission as a new object."""
        row: Row = json.loads(self.json_of(kobo_id))
        return row

    def generated(self, kobo_id: int) -> Row:
        """The untouched submission of an id, whatever is kept of it."""
        row: Row = json.loads(self.generator.row(kobo_id))
        return row

    def rows(self, ids: Iterable[int] | None = None) -> Iterator[Row]:
        """The submissions with these ids, or all of them, in the order of the ids."""
        return (self.row(kobo_id) for kobo_id in (self.ids if ids is None else ids))

    def new_id(self) -> int:
        """The next id of the sequence, which other forms use as well."""
        self._last_id += self.random.randint(1, 3)
        return self._last_id

    def new_uuid(self) -> str:
        """A uuid that an edit gives."""
        digits = f"{self.random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-b{digits[17:20]}-{digits[20:]}"

    def put(self, kobo_id: int, row: Row) -> None:
        """Keep a submission as it is now; it is not shown before :meth:`show`."""
        self._changed[kobo_id] = compact(row).encode()
        if row.get("meta/rootUuid") != f"uuid:{self.generator.uuid(kobo_id)}":
            self._moved_roots.add(kobo_id)

    def show(self, kobo_id: int) -> None:
        """Make a kept submission visible."""
        if kobo_id not in self:
            insort(self.ids, kobo_id)

    def remove(self, ids: Iterable[int]) -> list[int]:
        """Forget these submissions; those that were visible are returned."""
        gone = sorted(kobo_id for kobo_id in set(ids) if kobo_id in self)
        for kobo_id in gone:
            del self.ids[bisect_left(self.ids, kobo_id)]
            self._changed.pop(kobo_id, None)
            self._moved_roots.discard(kobo_id)
        return gone

    def ids_of_roots(self, roots: Iterable[str]) -> list[int]:
        """The visible submissions with these root uuids (``uuid:…``)."""
        wanted = set(roots)
        guesses = (self.generator.id_of(root.removeprefix("uuid:")) for root in wanted)
        found = {i for i in guesses if i is not None and i in self and i not in self._moved_roots}
        found |= {i for i in self._moved_roots if i in self and self.row(i).get("meta/rootUuid") in wanted}
        return sorted(found)

    def find(self, name: str) -> int | None:
        """The visible submission with this id, uuid or root uuid (kobo-api.md §1.5)."""
        if name.isdecimal():
            return int(name) if int(name) in self else None
        by_root = self.ids_of_roots([f"uuid:{name}"])
        if by_root:
            return by_root[0]
        wanted = f'"_uuid":"{name}"'.encode()
        return next((i for i, text in self._changed.items() if wanted in text and i in self), None)
