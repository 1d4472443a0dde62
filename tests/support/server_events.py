"""Events on a simulated server, named so that a history is plain data."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from simulator.control_client import SimulatorControl
from simulator.users import OWNER, OWNER_PERMISSIONS

ANSWERS: tuple[dict[str, Any], ...] = (
    {},
    {"cd_age": "40"},
    {"cd_client_name": "Zoë 🌱 ወርቅ"},
    {"cd_phoneno_alt_number": None},
    {"cd_phoneno_alt_number": "0700 000"},
    {"cd_disability": None},
    {"cd_disability": "Yes", "cd_needs": "cash"},
    {"cd_needs": "tools"},  # no column: the submission changes and its row does not
    {"cd_age": "forty"},  # these three do not fit the form table
    {"cd_client_name": None},
    {"cd_location": "x" * 256},
)
STATUSES = ("approved", "not_approved", "on_hold")
REPEATED = ("sec_c", "group_mx5fl16")  # groups that become repeats and back
WITHOUT_HISTORY = tuple(name for name in OWNER_PERMISSIONS if name != "manage_asset")


class Event(NamedTuple):
    """An event on the server.

    :param pick: chooses the submission.
    :param variant: chooses how it changes.
    """

    name: str
    pick: int = 0
    variant: int = 0


class ServerEvents:
    """The server's side of a history.

    ``bodies`` are all states that a delivery may ever bring, in the order in which they came to be. ``moved``
    are the submissions whose answers moved without a new edit token while the mirror did not look at the
    history (kobo-api.md §3); ``moves`` is how often that happened in all, histories before this one included.

    :param looks_back: returns True while the history will tell the mirror of what happens now.
    """

    def __init__(self, control: SimulatorControl, token: str, looks_back: Callable[[], bool]) -> None:
        self._control, self._token, self._looks_back = control, token, looks_back
        self._events: dict[str, Callable[[int, int], None]] = {
            "create": self._create,
            "hide": self._hide,
            "reveal": self._reveal,
            "phantom": self._phantom,
            "vanish": self._vanish,
            "edit": self._edit,
            "edit all": self._edit_all,
            "validate": self._validate,
            "clear": self._clear,
            "delete": self._delete,
            "delete many": self._delete_many,
            "duplicate": self._duplicate,
            "attach": self._attach,
            "redeploy": lambda pick, variant: self._ignore(control.redeploy()),
            "redeploy repeat": lambda pick, variant: self._ignore(control.redeploy(repeat=_group(pick))),
            "redeploy group": lambda pick, variant: self._ignore(control.redeploy(group=_group(pick))),
            "move answers": self._move_answers,
            "view less": self._view_less,
            "view all": lambda pick, variant: self.view_all(),
        }
        self.names = tuple(self._events)
        self.moves = 0
        self.begin(rows=0)

    def begin(self, rows: int, *, media: bool = True, manages: bool = True) -> None:
        """Start anew with so many old submissions.

        :param media: the form asks for a photo, which may come late.
        :param manages: the token may read the history.
        """
        self._media, self._permissions = media, OWNER_PERMISSIONS if manages else WITHOUT_HISTORY
        self._control.reset(rows=rows)
        self._control.form(media=media, history_refusal=403)
        self.view_all()
        self.moved: set[int] = set()
        self.bodies: list[bytes] = []
        self.revealed: set[int] = set()
        self._hidden: list[int] = []
        self._phantoms: list[int] = []
        self._young: list[int] = []
        self._remember(self._control.ids())

    def happen(self, event: Event) -> None:
        """Let an event happen, if there is a submission for it."""
        self._events[event.name](event.pick, event.variant)

    def ids(self) -> list[int]:
        """Return the ids that the server shows."""
        return self._control.ids()

    def rows(self) -> dict[int, dict[str, Any]]:
        """Return the submissions that the server shows, by ``_id``."""
        return {row["_id"]: row for row in self._control.rows()}

    def view_all(self) -> None:
        """Let the token see every submission again."""
        self._control.user(self._token, OWNER, self._permissions)

    def pass_time(self, minutes: int) -> None:
        """Make the history that much older."""
        self._control.age_history(60 * minutes)

    def _create(self, pick: int, variant: int) -> None:
        ids = self._control.create(1 + pick % 3, **_answers(variant))
        self._young += ids
        self._remember(ids)

    def _hide(self, pick: int, variant: int) -> None:
        self._hidden += self._control.create(1 + pick % 2, hidden=True, **_answers(variant))

    def _reveal(self, pick: int, variant: int) -> None:
        if self._hidden:
            kobo_id = self._hidden.pop(pick % len(self._hidden))
            self._control.reveal(kobo_id)
            self.revealed.add(kobo_id)
            self._young.append(kobo_id)
            self._remember([kobo_id])

    def _phantom(self, pick: int, variant: int) -> None:
        self._phantoms += self._control.phantom(1, **_answers(variant))

    def _vanish(self, pick: int, variant: int) -> None:
        if self._phantoms:
            self._control.vanish(self._phantoms.pop(pick % len(self._phantoms)))

    def _edit(self, pick: int, variant: int) -> None:
        for kobo_id in self._chosen(pick):
            self._control.edit(kobo_id, **_answers(variant))
            self._remember([kobo_id])

    def _edit_all(self, pick: int, variant: int) -> None:
        if ids := self.ids()[pick % 3 :]:
            self._control.bulk_edit(ids, **_answers(variant))
            self._remember(ids)

    def _validate(self, pick: int, variant: int) -> None:
        status = STATUSES[variant % len(STATUSES)]
        self._touch(pick, lambda kobo_id: self._control.validate(kobo_id, status, bulk=variant % 4 == 3))

    def _clear(self, pick: int, variant: int) -> None:
        self._touch(pick, lambda kobo_id: self._control.clear_validation(kobo_id, bulk=variant % 4 == 3))

    def _move_answers(self, pick: int, variant: int) -> None:
        """Make a group a repeat, or a repeat a group, and set and clear validations."""
        self.happen(Event("redeploy group" if variant % 3 == 0 else "redeploy repeat", pick))
        for number in range(pick % 4):
            self._validate(pick + number, 0)
            self._clear(pick + number, 0)

    def _touch(self, pick: int, touch: Callable[[int], None]) -> None:
        for kobo_id in self._chosen(pick):
            (before,) = self._control.rows(kobo_id)
            touch(kobo_id)
            (after,) = self._control.rows(kobo_id)
            status = {"_validation_status": None}
            if before | status != after | status:
                self.moves += 1
                self.moved.update(() if self._looks_back() else (kobo_id,))
            self._remember([kobo_id])

    def _delete(self, pick: int, variant: int) -> None:
        self._control.delete(self._chosen(pick))

    def _delete_many(self, pick: int, variant: int) -> None:
        self._control.delete(self.ids()[pick % 3 :])

    def _duplicate(self, pick: int, variant: int) -> None:
        for kobo_id in self._chosen(pick):
            copy = self._control.duplicate(kobo_id)
            self._young.append(copy)
            self._remember([copy])

    def _attach(self, pick: int, variant: int) -> None:
        """Photos of old submissions no longer come: only those of young ones do."""
        young = sorted(set(self._young).intersection(self.ids()))
        if young and self._media:
            kobo_id = young[pick % len(young)]
            self._control.attach(kobo_id, f"photo-{variant}-{len(self.bodies)}.png")
            self._remember([kobo_id])

    def _view_less(self, pick: int, variant: int) -> None:
        if pick % 2:
            self._control.user(self._token, "someone", ["view_asset"], ["enumerator_kgl"])
        else:
            self._control.user(
                self._token, "someone", ["view_asset", "partial_submissions"], ["enumerator_kgl"]
            )

    def _chosen(self, pick: int) -> list[int]:
        ids = self.ids()
        return [ids[pick % len(ids)]] if ids else []

    def _remember(self, ids: Sequence[int]) -> None:
        if ids:
            self.bodies += [json.dumps(row).encode() for row in self._control.rows(ids)]

    def _ignore(self, _: object) -> None:
        return None


def _group(pick: int) -> str:
    return REPEATED[pick % len(REPEATED)]


def _answers(variant: int) -> dict[str, Any]:
    return ANSWERS[variant % len(ANSWERS)]
