"""Events on a simulated server of any form, named so that a history is plain data."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from simulator.control_client import SimulatorControl, SimulatorError
from simulator.shapes import is_rows
from tests.support.forms.asked import HIDDEN
from tests.support.forms.mirrored_form import body_of

Row = dict[str, Any]
Rows = list[Row]
STATUSES = ("approved", "not_approved", "on_hold")
_STAYS = (
    "_id", "_uuid", "meta/instanceID", "meta/rootUuid", "meta/deprecatedID", "_xform_id_string",
    "_submission_time",
)  # fmt: skip


class Event(NamedTuple):
    """An event on the server.

    :param pick: chooses the submission.
    :param variant: chooses how it changes.
    """

    name: str
    pick: int = 0
    variant: int = 0


class Drawn(NamedTuple):
    """What respondents send and the form becomes.

    :param contents: the definitions of its versions, the first of which is deployed.
    :param answered: submissions by the version that they were made with; only their answers count.
    :param odd: submissions that no form explains.
    """

    contents: Sequence[Mapping[str, Any]]
    answered: Sequence[tuple[int, Row]] = ()
    odd: Sequence[Row] = ()


class FormEvents:
    """The server's side of a history.

    ``bodies`` are all states that a delivery may ever bring, in the order in which they came to be, and
    ``states`` the same by ``_id``. ``touched`` are the submissions that have changed without a new edit token
    since it was last emptied.
    """

    def __init__(self, control: SimulatorControl, drawn: Drawn) -> None:
        self._control, self._drawn = control, drawn
        self._deployed = 1
        self._odd: set[int] = set()
        self.bodies: list[bytes] = []
        self.states: dict[int, list[Row]] = {}
        self.touched: set[int] = set()
        self._events: dict[str, Callable[[int, int], None]] = {
            "create": self._create,
            "answer": self._answer,
            "odd": self._make_odd,
            "edit": self._edit,
            "change rows": self._change_rows,
            "validate": self._validate,
            "clear": self._clear,
            "parse anew": self._parse_anew,
            "attach": self._attach,
            "delete file": self._delete_file,
            "delete": self._delete,
            "delete many": self._delete_many,
            "duplicate": self._duplicate,
            "deploy": self._deploy,
        }
        self.names = tuple(self._events)

    @property
    def deployed(self) -> int:
        """How many versions are deployed."""
        return self._deployed

    def happen(self, event: Event) -> None:
        """Let an event happen, if there is a submission for it and the server does not fail at it."""
        try:
            self._events[event.name](event.pick, event.variant)
        except SimulatorError as error:
            if "NotParsed" not in str(error):
                raise

    def shown(self) -> dict[int, Row]:
        """The submissions that the server shows, by ``_id``."""
        return {row["_id"]: row for row in self._control.rows()}

    def _create(self, pick: int, variant: int) -> None:
        self._remember(self._control.create(1 + pick % 2, uploaded=variant % 3 > 0))

    def _answer(self, pick: int, variant: int) -> None:
        fitting = [row for version, row in self._drawn.answered if version <= self._deployed]
        if fitting:
            row = fitting[pick % len(fitting)]
            answers = {path: value for path, value in row.items() if path not in HIDDEN}
            how = {"hidden": False, "version": "", "drawn": variant % 4 == 0, "uploaded": variant % 3 > 0}
            self._remember(self._sent("create", count=1, answers=answers, **how))

    def _make_odd(self, pick: int, variant: int) -> None:
        if self._drawn.odd:
            keys = {
                key: value
                for key, value in self._drawn.odd[pick % len(self._drawn.odd)].items()
                if key not in _STAYS
            }
            (kobo_id,) = self._control.create(1, hidden=True)
            self._control.raw(kobo_id, keys)
            self._control.reveal(kobo_id)
            self._odd.add(kobo_id)
            self._remember([kobo_id])

    def _edit(self, pick: int, variant: int) -> None:
        for kobo_id in self._chosen(pick):
            self._control.edit(kobo_id, drawn=True, uploaded=variant % 2 > 0)
            self._remember([kobo_id])

    def _change_rows(self, pick: int, variant: int) -> None:
        """Let the rows of a repeat grow, shrink, turn around, double or go."""
        for kobo_id in self._chosen(pick):
            (row,) = self._control.rows(kobo_id)
            row = copy.deepcopy(row)
            lists = list(_lists(row))
            if lists:
                top, rows = lists[variant % len(lists)]
                _CHANGES[variant // 3 % len(_CHANGES)](rows)
                self._sent("edit", ids=[kobo_id], answers={top: row[top]}, drawn=False, uploaded=False)
                self._remember([kobo_id])

    def _validate(self, pick: int, variant: int) -> None:
        for kobo_id in self._chosen(pick):
            status = STATUSES[variant % len(STATUSES)]
            self._control.validate(kobo_id, status, bulk=variant % 4 == 3)
            self._touch(kobo_id)

    def _clear(self, pick: int, variant: int) -> None:
        for kobo_id in self._chosen(pick):
            self._control.clear_validation(kobo_id, bulk=variant % 4 == 3)
            self._touch(kobo_id)

    def _parse_anew(self, pick: int, variant: int) -> None:
        for number in range(1 + variant % 3):
            self._validate(pick + number, 0)
            self._clear(pick + number, 0)

    def _attach(self, pick: int, variant: int) -> None:
        for kobo_id in self._chosen(pick):
            self._control.attach(kobo_id, f"photo {variant}-{len(self.bodies)}.png")
            self._touch(kobo_id)

    def _delete_file(self, pick: int, variant: int) -> None:
        with_files = [
            (kobo_id, file["uid"])
            for kobo_id, row in self.shown().items()
            if kobo_id not in self._odd
            for file in row["_attachments"]
            if not file["is_deleted"]
        ]
        if with_files:
            kobo_id, file = with_files[pick % len(with_files)]
            self._control.delete_file(kobo_id, file)
            self._touch(kobo_id)

    def _delete(self, pick: int, variant: int) -> None:
        ids = self._control.ids()
        if ids:
            self._control.delete(ids[pick % len(ids)])

    def _delete_many(self, pick: int, variant: int) -> None:
        self._control.delete(self._control.ids()[pick % 3 :])

    def _duplicate(self, pick: int, variant: int) -> None:
        for kobo_id in self._chosen(pick):
            self._remember([self._control.duplicate(kobo_id)])

    def _deploy(self, pick: int, variant: int) -> None:
        if self._deployed < len(self._drawn.contents):
            self._control.deploy(self._drawn.contents[self._deployed])
            self._deployed += 1

    def _chosen(self, pick: int) -> list[int]:
        ids = [kobo_id for kobo_id in self._control.ids() if kobo_id not in self._odd]
        return [ids[pick % len(ids)]] if ids else []

    def _touch(self, kobo_id: int) -> None:
        self.touched.add(kobo_id)
        self._remember([kobo_id])

    def _remember(self, ids: Sequence[int]) -> None:
        for row in self._control.rows(ids):
            self.bodies.append(body_of(row))
            self.states.setdefault(row["_id"], []).append(row)

    def _sent(self, command: str, **parameters: Any) -> Any:
        """A command whose answers may be named as a parameter of the client is."""
        return self._control.send(command, **parameters)


def _lists(row: Row, top: str = "") -> Iterator[tuple[str, Rows]]:
    """The rows of each repeat, however deep, with the key of the outermost one."""
    for key, value in row.items():
        if is_rows(key, value):
            yield top or key, value
            for inside in value:
                yield from _lists(inside, top or key)


def _grow(rows: Rows) -> None:
    rows.append(copy.deepcopy(rows[0]))


def _shrink(rows: Rows) -> None:
    rows.pop(0)


def _turn_around(rows: Rows) -> None:
    rows.append(copy.deepcopy(rows[0]))
    rows.reverse()


def _double(rows: Rows) -> None:
    rows += copy.deepcopy(rows)


_CHANGES: tuple[Callable[[Rows], None], ...] = (_grow, _shrink, _turn_around, _double, list[Row].clear)
