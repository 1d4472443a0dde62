"""Whatever the order in which states reach the mirror, the same tables come out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import pytest

from tests.support.mirrored_server import MirroredServer

PULLS = ("pulled create", "edit seen by a pull")
OTHERS = ("pushed create", "late push of the old body", "delete", "push after the delete")


def orders(events: tuple[str, ...]) -> Iterator[list[tuple[str, ...]]]:
    """All permutations, those together that pull at the same moments: each is one submission of a form."""
    found: dict[frozenset[int], list[tuple[str, ...]]] = {}
    for order in itertools.permutations(events):
        found.setdefault(frozenset(order.index(pull) for pull in PULLS), []).append(order)
    yield from found.values()


class Story:
    """Many submissions of one form, each with its own order of the same events."""

    def __init__(self, mirrored: MirroredServer, others: int) -> None:
        self._control, self._writer, self._pull, self._others = (
            mirrored.server.control,
            mirrored.writer(),
            mirrored.run,
            others,
        )

    def tell(self, stories: list[tuple[str, ...]]) -> list[int]:
        """Let it all happen, and one more clean exact sync; returns the ids of the submissions."""
        self._control.reset(rows=self._others)
        ids = self._control.create(len(stories))
        self._first = {row["_id"]: row for row in self._control.rows(ids)}
        self._last = dict(self._first)
        for happening in zip(*stories, strict=True):
            for kobo_id, event in zip(ids, happening, strict=True):
                self._happen(kobo_id, event)
            if happening[0] in PULLS:
                self._pull("auto")
        self._pull("exact")
        return ids

    def _happen(self, kobo_id: int, event: str) -> None:
        if event == "edit seen by a pull" and kobo_id in self._control.ids():
            self._control.edit(kobo_id, cd_age="77", cd_phoneno_alt_number=None)
            self._last[kobo_id] = self._control.rows(kobo_id)[0]
        elif event == "delete":
            self._control.delete(kobo_id)
        elif event in ("pushed create", "late push of the old body"):
            self._writer.push(json.dumps(self._first[kobo_id]).encode())
        elif event == "push after the delete":
            self._writer.push(json.dumps(self._last[kobo_id]).encode())


@pytest.mark.long
@pytest.mark.parametrize("others", [0, 3], ids=["the form's last ones", "others stay"])
def test_no_order_of_events_brings_a_deleted_submission_back(mirrored: MirroredServer, others: int) -> None:
    for stories in orders((*PULLS, *OTHERS)):
        mirrored.begin()
        ids = Story(mirrored, others).tell(stories)
        found = mirrored.contents()
        assert found.deleted == set(ids)
        assert len(found.rows) == others
        assert not found.to_fetch
        assert mirrored.verify().equal


def test_no_order_of_events_leaves_an_old_state(mirrored: MirroredServer) -> None:
    for stories in orders((*PULLS, *(event for event in OTHERS if event != "delete"))):
        mirrored.begin()
        Story(mirrored, others=0).tell(stories)
        found = mirrored.contents()
        assert [row["age"] for row in found.rows.values()] == [77] * len(stories)
        assert mirrored.contents_from_scratch() == found
