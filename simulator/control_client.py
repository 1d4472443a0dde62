"""A client of the control API: what tests, the demo and benchmarks do to a simulated server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import requests


class SimulatorError(Exception):
    """The simulator refused a command."""


class SimulatorControl:
    """Commands to the simulator at ``url``.

    Answers are named by path (``**{"sec_c/cd_age": 40}``) or its last part (``cd_age=40``); None clears it.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self.faults = FaultControl(self)

    def create(self, count: int = 1, *, hidden: bool = False, **answers: Any) -> list[int]:
        """New submissions; their ids. Hidden ones have an id but are not seen before :meth:`reveal`."""
        return cast("list[int]", self.send("create", count=count, hidden=hidden, answers=answers))

    def reveal(self, ids: int | Iterable[int], *, committed: bool = True) -> None:
        """Show hidden submissions, in any order; not ``committed`` are phantoms, see :meth:`phantom`."""
        self.send("reveal", ids=_list(ids), committed=committed)

    def phantom(self, count: int = 1, **answers: Any) -> list[int]:
        """Submissions that are seen, not posted, not in the history; :meth:`vanish` takes them away."""
        ids = self.create(count, hidden=True, **answers)
        self.reveal(ids, committed=False)
        return ids

    def vanish(self, ids: int | Iterable[int]) -> None:
        """Take phantoms away without a trace."""
        self.send("vanish", ids=_list(ids))

    def edit(self, ids: int | Iterable[int], **answers: Any) -> list[str]:
        """Change answers; the new uuids."""
        return cast("list[str]", self.send("edit", ids=_list(ids), answers=answers))

    bulk_edit = edit

    def validate(self, ids: int | Iterable[int], status: str, *, bulk: bool = False) -> None:
        """Set the validation status: ``approved``, ``not_approved`` or ``on_hold``.

        :param bulk: with one request for all. Without it each submission is parsed anew with the newest
            version of the form, which may change its shape (:meth:`redeploy`).
        """
        self.send("validate", ids=_list(ids), status=status, bulk=bulk)

    def clear_validation(self, ids: int | Iterable[int], *, bulk: bool = False) -> None:
        """Clear the validation status; ``bulk`` as for :meth:`validate`."""
        self.send("validate", ids=_list(ids), status=None, bulk=bulk)

    def delete(self, ids: int | Iterable[int]) -> list[int]:
        """Delete submissions; the ids that were there."""
        return cast("list[int]", self.send("delete", ids=_list(ids)))

    def duplicate(self, kobo_id: int) -> int:
        """A copy of a submission; its id."""
        return cast(int, self.send("duplicate", id=kobo_id))

    def raw(self, kobo_id: int, keys: Mapping[str, Any], remove: Iterable[str] = ()) -> None:
        """Plant keys of any value in a submission and take others away, without a new ``_uuid``."""
        self.send("raw", id=kobo_id, keys=dict(keys), remove=list(remove))

    def attach(self, kobo_id: int, name: str = "photo.png") -> None:
        """A late attachment: the ``_uuid`` stays."""
        self.send("attach", id=kobo_id, name=name)

    def redeploy(self, *, repeat: str | None = None, group: str | None = None) -> str:
        """Deploy a new version of the form; its uid.

        :param repeat: a group (``sec_c``) that becomes a repeat: from now on what is created, edited or
            validated has a list of rows there.
        :param group: a repeat that becomes a plain group again.
        """
        return cast(str, self.send("redeploy", repeat=repeat, group=group))

    def age_history(self, seconds: float) -> None:
        """Make every entry of the project history so much older, as if that time had passed."""
        self.send("age-history", seconds=seconds)

    def form(self, **parts: Any) -> None:
        """Set ``media``, ``deployed``, ``active``, ``trashed``, ``history_refusal``, ``lookback_days``."""
        self.send("form", **parts)

    def user(
        self, token: str, name: str, permissions: Iterable[str] = (), only_submitted_by: Iterable[str] = ()
    ) -> None:
        """Add or change a user; ``only_submitted_by`` are partial permissions."""
        given = {"token": token, "name": name, "permissions": list(permissions)}
        self.send("user", **given, only_submitted_by=list(only_submitted_by))

    def reset(self, **options: int) -> None:
        """Start anew with ``rows`` submissions of ``seed``: no hooks, faults, logs or added users."""
        self.send("reset", **options)

    def ids(self) -> list[int]:
        """All visible ids, ascending."""
        return cast("list[int]", self.send("ids"))

    def rows(self, ids: int | Iterable[int] | None = None) -> list[dict[str, Any]]:
        """The submissions (all, without ``ids``) exactly as the API shows them, in the order of their ids."""
        return cast("list[dict[str, Any]]", self.send("rows", ids=None if ids is None else _list(ids)))

    def requests(self) -> list[dict[str, Any]]:
        """The requests served: method, path, query, status, bytes of the body, gzip, fault."""
        return cast("list[dict[str, Any]]", self.send("requests"))

    def clear_requests(self) -> None:
        """Forget the requests served."""
        self.send("clear-requests")

    def stats(self) -> dict[str, Any]:
        """Numbers: rows, requests, bytes, hooks, registered, deliveries by what became of them."""
        return cast("dict[str, Any]", self.send("stats"))

    def set_delivery(self, mode: str) -> None:
        """``normal``: post at once; ``hold``: keep for :meth:`deliver`; ``lose``: never, and no log."""
        self.send("delivery", mode=mode)

    def held(self) -> list[dict[str, Any]]:
        """The deliveries that wait: id, hook, submission_id."""
        return cast("list[dict[str, Any]]", self.send("held"))

    def deliver(self, held_id: int, *, fresh: bool = False) -> int | None:
        """Post a held delivery, as it was when it was due or ``fresh``; the status of the answer.

        It stays held, so that it can be repeated.
        """
        answer = cast("dict[str, Any]", self.send("deliver", id=held_id, fresh=fresh))
        return cast("int | None", answer["status"])

    def drop(self, held_id: int) -> None:
        """Forget a held delivery."""
        self.send("drop", id=held_id)

    def wait_deliveries(self, seconds: float = 30.0) -> None:
        """Wait until no delivery or retry is under way.

        :raises SimulatorError: some still are after ``seconds``.
        """
        if not self.send("wait", seconds=seconds):
            raise SimulatorError(f"deliveries still under way after {seconds:g} s")

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def send(self, command: str, **parameters: Any) -> object:
        """Run a command of the control API.

        :raises SimulatorError: it was refused.
        """
        answer = self._session.post(f"{self._url}/_control/{command}", json=parameters, timeout=120)
        if answer.status_code != 200:
            raise SimulatorError(f"{command}: {answer.status_code} {answer.text[:300]}")
        return cast(object, answer.json())


class FaultControl:
    """Faults of the simulated server, see ``simulator/faults.py`` for the kinds."""

    def __init__(self, control: SimulatorControl) -> None:
        self._control = control

    def add(self, kind: str, *, count: int | None = 1, **options: Any) -> None:
        """Strike the next ``count`` requests (None: all) that fit ``path`` and ``method``.

        :param options: ``every`` (each nth), ``after`` (let so many pass), ``path`` (regular expression over
            path and query), ``method``, ``seconds`` (of ``slow``), ``retry_after`` (seconds).
        """
        self._control.send("fault", kind=kind, count=count, **options)

    def list(self) -> list[dict[str, Any]]:
        """Each fault that is set: kind, how many requests fitted it, how many it struck."""
        return cast("list[dict[str, Any]]", self._control.send("faults"))

    def clear(self) -> None:
        """No faults any more."""
        self._control.send("clear-faults")


def _list(ids: int | Iterable[int]) -> list[int]:
    return [ids] if isinstance(ids, int) else list(ids)
