"""A client of the control API: what tests, the demo and benchmarks do to a simulated server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from simulator.control_connection import ControlConnection, SimulatorError
from simulator.fault_control import FaultControl

__all__ = ["SimulatorControl", "SimulatorError"]


class SimulatorControl(ControlConnection):
    """Commands to a simulator.

    Answers are named by path (``**{"sec_c/cd_age": 40}``) or its last part (``cd_age=40``); None clears one.
    Where ``ids`` are taken, a single ``_id`` will do.

    :param url: the simulator's address.
    :param asset: the uid of the form that commands are about; empty: the server's first.
    """

    def __init__(self, url: str, asset: str = "") -> None:
        super().__init__(url, asset)
        self.faults = FaultControl(self.send)

    def of(self, asset: str) -> SimulatorControl:
        """Return a client for another form of the same server; it has a connection of its own to close.

        :param asset: the form's uid.
        """
        return SimulatorControl(self.url, asset)

    def forms(self) -> list[dict[str, Any]]:
        """Return uid and name of each form."""
        return cast("list[dict[str, Any]]", self.send("forms"))

    def create(
        self,
        count: int = 1,
        *,
        hidden: bool = False,
        version: str = "",
        drawn: bool = True,
        uploaded: bool = True,
        **answers: Any,
    ) -> list[int]:
        """Create submissions.

        :param count: how many.
        :param hidden: give them their ids, but do not show them before :meth:`reveal`.
        :param version: the uid of the version that the device still has; empty: the one in use.
        :param drawn: with generated answers; otherwise with those given alone.
        :param uploaded: with the files that answers name; otherwise they come late, by :meth:`attach`.
        :param answers: answers in place of generated ones.
        :returns: their ids.
        """
        how = {"hidden": hidden, "version": version, "drawn": drawn, "uploaded": uploaded}
        return cast("list[int]", self.send("create", count=count, answers=answers, **how))

    def reveal(self, ids: int | Iterable[int], *, committed: bool = True) -> None:
        """Show hidden submissions, in any order.

        :param ids: ``_id`` of each.
        :param committed: False makes them phantoms, see :meth:`phantom`.
        """
        self.send("reveal", ids=_list(ids), committed=committed)

    def phantom(self, count: int = 1, **answers: Any) -> list[int]:
        """Create submissions that are shown, but neither posted nor in the history.

        :param count: how many.
        :param answers: answers in place of generated ones.
        :returns: their ids, for :meth:`vanish`.
        """
        ids = self.create(count, hidden=True, **answers)
        self.reveal(ids, committed=False)
        return ids

    def vanish(self, ids: int | Iterable[int]) -> None:
        """Remove phantoms without a trace.

        :param ids: ``_id`` of each.
        """
        self.send("vanish", ids=_list(ids))

    def edit(
        self, ids: int | Iterable[int], *, drawn: bool = False, uploaded: bool = False, **answers: Any
    ) -> list[str]:
        """Change answers of submissions.

        :param ids: ``_id`` of each.
        :param drawn: draw all other answers anew, by the version in use.
        :param uploaded: files that answers name anew come with the edit.
        :param answers: the answers that change.
        :returns: the new edit tokens, in the order of the ids.
        """
        how = {"drawn": drawn, "uploaded": uploaded}
        return cast("list[str]", self.send("edit", ids=_list(ids), answers=answers, **how))

    bulk_edit = edit

    def validate(self, ids: int | Iterable[int], status: str, *, bulk: bool = False) -> None:
        """Set the validation status.

        :param ids: ``_id`` of each.
        :param status: ``approved``, ``not_approved`` or ``on_hold``.
        :param bulk: with one request for all. Without it each submission is parsed anew with the newest
            version of the form, which may change its shape (:meth:`redeploy`).
        """
        self.send("validate", ids=_list(ids), status=status, bulk=bulk)

    def clear_validation(self, ids: int | Iterable[int], *, bulk: bool = False) -> None:
        """Clear the validation status.

        :param ids: ``_id`` of each.
        :param bulk: as for :meth:`validate`.
        """
        self.send("validate", ids=_list(ids), status=None, bulk=bulk)

    def delete(self, ids: int | Iterable[int]) -> list[int]:
        """Delete submissions.

        :param ids: ``_id`` of each.
        :returns: the ids that were there.
        """
        return cast("list[int]", self.send("delete", ids=_list(ids)))

    def duplicate(self, kobo_id: int) -> int:
        """Copy a submission.

        :param kobo_id: its ``_id``.
        :returns: the copy's ``_id``.
        """
        return cast(int, self.send("duplicate", id=kobo_id))

    def raw(self, kobo_id: int, keys: Mapping[str, Any], remove: Iterable[str] = ()) -> None:
        """Set keys of a submission to any value and remove others, without a new ``_uuid``.

        :param kobo_id: its ``_id``.
        :param keys: values by key, exactly as the API is to show them.
        :param remove: keys to remove.
        """
        self.send("raw", id=kobo_id, keys=dict(keys), remove=list(remove))

    def attach(self, kobo_id: int, name: str = "photo.png", question: str = "") -> None:
        """Add a late file to a submission; its ``_uuid`` stays.

        :param kobo_id: its ``_id``.
        :param name: the file's name; where no answer names it yet, that of ``question`` will.
        :param question: its path; empty: the form's first question for a file.
        """
        self.send("attach", id=kobo_id, name=name, question=question)

    def delete_file(self, kobo_id: int, file: str) -> None:
        """Delete a file; it stays in ``_attachments`` and says so, and the ``_uuid`` stays.

        :param kobo_id: ``_id`` of its submission.
        :param file: its name or uid.
        """
        self.send("delete-file", id=kobo_id, file=file)

    def poison(self, kobo_id: int) -> None:
        """Make every page and query that shows a submission a 500, unless ``fields`` leave out its point.

        :param kobo_id: its ``_id``.
        """
        self.send("poison", id=kobo_id)

    def redeploy(self, *, repeat: str | None = None, group: str | None = None) -> str:
        """Deploy a new version of the form.

        :param repeat: a group (``sec_c``) that becomes a repeat: from now on what is created, edited or
            validated has a list of rows there.
        :param group: a repeat that becomes a plain group again.
        :returns: the version's uid.
        """
        return cast(str, self.send("redeploy", repeat=repeat, group=group))

    def save_draft(self, content: Mapping[str, Any] | None = None) -> str:
        """Save a definition without deploying it; the uid of its version.

        :param content: the definition, as JSON; None: the newest one with one more question.
        """
        return cast(str, self.send("save-draft", content=content))

    def deploy(self, content: Mapping[str, Any] | None = None) -> str:
        """Deploy a definition; the uid of its version.

        :param content: the definition, as JSON; None: the newest version, whether it is deployed or not.
        """
        return cast(str, self.send("deploy", content=content))

    def age_history(self, seconds: float) -> None:
        """Make every entry of the project history older, as if time had passed.

        :param seconds: how much older.
        """
        self.send("age-history", seconds=seconds)

    def form(self, **parts: Any) -> None:
        """Set parts of the form's state.

        :param parts: ``media``, ``deployed``, ``active``, ``trashed``, ``history_refusal`` (the status),
            ``lookback_days``, ``owner`` or ``tag_string``.
        """
        self.send("form", **parts)

    def user(
        self, token: str, name: str, permissions: Iterable[str] = (), only_submitted_by: Iterable[str] = ()
    ) -> None:
        """Add or change a user.

        :param token: the user's token.
        :param name: the user's name.
        :param permissions: codenames such as ``view_submissions``.
        :param only_submitted_by: partial permissions: only submissions of these users are shown.
        """
        given = {"token": token, "name": name, "permissions": list(permissions)}
        self.send("user", **given, only_submitted_by=list(only_submitted_by))

    def reset(self, **options: int) -> None:
        """Start anew: no hooks, faults, logs or added users.

        :param options: ``rows`` (how many submissions) and ``seed``.
        """
        self.send("reset", **options)

    def ids(self) -> list[int]:
        """Return all visible ids, ascending."""
        return cast("list[int]", self.send("ids"))

    def rows(self, ids: int | Iterable[int] | None = None) -> list[dict[str, Any]]:
        """Return submissions exactly as the API shows them.

        :param ids: ``_id`` of each; None: all, ascending.
        :returns: the submissions in the order of the ids.
        """
        return cast("list[dict[str, Any]]", self.send("rows", ids=None if ids is None else _list(ids)))

    def requests(self) -> list[dict[str, Any]]:
        """Return what was served: method, path, query, status, bytes of the body, gzip, fault."""
        return cast("list[dict[str, Any]]", self.send("requests"))

    def clear_requests(self) -> None:
        """Forget the requests that were served."""
        self.send("clear-requests")

    def stats(self) -> dict[str, Any]:
        """Return numbers: rows, requests, bytes, hooks, registered, deliveries by result."""
        return cast("dict[str, Any]", self.send("stats"))

    def set_delivery(self, mode: str) -> None:
        """Choose what happens to deliveries from now on.

        :param mode: ``normal`` posts at once, ``hold`` keeps them for :meth:`deliver`, ``lose`` neither posts
            nor logs them.
        """
        self.send("delivery", mode=mode)

    def held(self) -> list[dict[str, Any]]:
        """Return the deliveries that are held: id, hook, submission_id."""
        return cast("list[dict[str, Any]]", self.send("held"))

    def deliver(self, held_id: int, *, fresh: bool = False) -> int | None:
        """Post a held delivery; it stays held, so that it can be repeated.

        :param held_id: its id in :meth:`held`.
        :param fresh: with the submission as it is now, not as it was when the delivery was due.
        :returns: the status of the response; None without one.
        """
        answer = cast("dict[str, Any]", self.send("deliver", id=held_id, fresh=fresh))
        return cast("int | None", answer["status"])

    def drop(self, held_id: int) -> None:
        """Forget a held delivery.

        :param held_id: its id in :meth:`held`.
        """
        self.send("drop", id=held_id)

    def wait_deliveries(self, seconds: float = 30.0) -> None:
        """Wait until no delivery or retry is under way.

        :param seconds: how long to wait at most.
        :raises SimulatorError: some still are.
        """
        if not self.send("wait", seconds=seconds):
            raise SimulatorError(f"deliveries still under way after {seconds:g} s")


def _list(ids: int | Iterable[int]) -> list[int]:
    return [ids] if isinstance(ids, int) else list(ids)
