"""One form with its project: definition, submissions, history and REST Services, and all changes to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from simulator import changes, shapes
from simulator.attachments import Attachments
from simulator.drawn import Drawn
from simulator.form import Form
from simulator.form_file import FormSetup
from simulator.generate import Generator
from simulator.history import History
from simulator.hooks import Deliveries, Hooks
from simulator.in_turn import InTurn
from simulator.options import Options
from simulator.shapes import Row
from simulator.store import Ids, Source, Store
from simulator.users import OWNER


class Project:
    """One form of a server.

    :param options: what the server is started with.
    :param setup: what the form is at first.
    :param ids: from which all forms of the server draw theirs.
    :param deliveries: what posts for all of them.
    :param rows: how many submissions to generate.
    :param seed: what they depend on.
    """

    def __init__(
        self, options: Options, setup: FormSetup, ids: Ids, deliveries: Deliveries, *, rows: int, seed: int
    ) -> None:
        self.options, self.uid, self.name = options, setup.uid, setup.name
        self.formhub_uuid = setup.formhub_uuid
        self.history = History(asset=setup.uid, owner=OWNER, lookback_days=options.lookback_days)
        self.attachments = Attachments(setup.uid, setup.formhub_uuid, options.url)
        self.form = Form(setup, self.history, self.attachments)
        self.hooks = Hooks(self, deliveries)
        first = ids.first(rows, seed)
        self.store = Store(self._source(setup, first, seed), first, ids, seed)
        for given in setup.submissions:
            self._add(given)

    def create(
        self,
        count: int,
        answers: Mapping[str, Any],
        *,
        hidden: bool = False,
        version: str = "",
        drawn: bool = True,
        uploaded: bool = True,
    ) -> list[int]:
        """Create submissions.

        :param count: how many.
        :param answers: answers in place of generated ones.
        :param hidden: they get their ids now and are shown only by :meth:`reveal`, since ids do not become
            visible in order (kobo-api.md §1.3).
        :param version: the uid of the version that the device still has; empty: the one in use.
        :param drawn: with generated answers; otherwise with those given alone.
        :param uploaded: with the files that answers name; otherwise none has arrived yet.
        :returns: their ids.
        """
        with self.store.lock:
            made_with = self.form.versions.of(version) if version else self.form.version_in_use
            ids = [self.store.new_id() for _ in range(count)]
            for kobo_id in ids:
                row = self.store.source.new(kobo_id, made_with, drawn=drawn)
                row["_submission_time"] = changes.now()
                row = self._answered(row, answers)
                files = {*made_with.definition.files, *self.form.version_in_use.definition.files}
                row["_attachments"] = self.attachments.listed(row, files) if uploaded else []
                self.store.put(kobo_id, row)
            if not hidden:
                self.reveal(ids)
        return ids

    def reveal(self, ids: Iterable[int], *, committed: bool = True) -> None:
        """Show hidden submissions.

        :param ids: ``_id`` of each.
        :param committed: False for phantoms that will be rolled back: shown, neither posted nor in the
            history.
        """
        with self.store.lock:
            for kobo_id in ids:
                self.store.show(kobo_id)
                if committed:
                    self._log("add-submission", self.store.row(kobo_id))
                    self.hooks.submitted(kobo_id)

    def edit(
        self,
        ids: Iterable[int],
        answers: Mapping[str, Any],
        user: str = OWNER,
        *,
        drawn: bool = False,
        uploaded: bool = False,
    ) -> list[Row]:
        """Change answers of submissions; each gets a new edit token that names the old one (kobo-api.md §4).

        :param ids: ``_id`` of each submission.
        :param answers: the answers that change.
        :param user: who edits.
        :param drawn: all other answers are drawn anew, by the version in use; otherwise they stay.
        :param uploaded: files that answers name anew come with the edit.
        :returns: the submissions afterwards.
        """
        with self.store.lock:
            rows = [self._edited(kobo_id, answers, drawn=drawn) for kobo_id in ids]
            for row in rows:
                row["_attachments"] = self.attachments.kept(row, uploaded=uploaded)
                self.store.put(row["_id"], row)
                self._log("modify-submission", row, user)
                self.hooks.edited(row["_id"])
            return rows

    def validate(
        self, ids: Iterable[int], status: str | None, user: str = OWNER, *, bulk: bool = False
    ) -> None:
        """Set or clear the validation status.

        :param ids: ``_id`` of each submission.
        :param status: ``approved``, ``not_approved`` or ``on_hold``; None clears it.
        :param user: who sets it.
        :param bulk: one request for all, which changes the status alone; a single submission is parsed anew
            by that (kobo-api.md §4).
        :raises NotParsed: an old answer does not fit the newest definition; the submission stays as it is.
        """
        with self.store.lock:
            for kobo_id in ids:
                row = self.store.row(kobo_id)
                row["_validation_status"] = changes.validation_status(status, user)
                self.store.put(kobo_id, row if bulk else self._parsed(row))
                label = row["_validation_status"].get("label", "None")
                self._log("modify-submission", row, user, status=label)

    def delete(self, ids: Iterable[int], user: str = OWNER) -> list[int]:
        """Delete submissions; only the history tells of it.

        :param ids: ``_id`` of each.
        :param user: who deletes.
        :returns: the ids that were there.
        """
        with self.store.lock:
            rows = {kobo_id: self.store.row(kobo_id) for kobo_id in ids if kobo_id in self.store}
            for row in rows.values():
                self._log("delete-submission", row, user)
            return self.store.remove(rows)

    def vanish(self, ids: Iterable[int]) -> list[int]:
        """Remove phantoms, as a rolled-back transaction does: nothing tells of it.

        :param ids: ``_id`` of each.
        :returns: the ids that were there.
        """
        with self.store.lock:
            return self.store.remove(ids)

    def duplicate(self, kobo_id: int, user: str = OWNER) -> int:
        """Create a submission with the answers of another one (kobo-api.md §4).

        :param kobo_id: ``_id`` of the other one.
        :param user: who makes the copy.
        :returns: the copy's ``_id``.
        """
        with self.store.lock:
            new_id = self.store.new_id()
            row = changes.copied(self.store.row(kobo_id), new_id, self.store.source.uuid(new_id), user)
            row = self._parsed(row)
            row["_attachments"] = self.attachments.copied(row)
            self.store.put(new_id, row)
            self.reveal([new_id])
            return new_id

    def raw(self, kobo_id: int, keys: Mapping[str, Any], remove: Iterable[str] = ()) -> None:
        """Set keys as they are, or remove keys; nothing else of the submission changes.

        :param kobo_id: its ``_id``.
        :param keys: values by key.
        :param remove: keys to remove.
        """
        with self.store.lock:
            row = self.store.row(kobo_id) | dict(keys)
            self.store.put(kobo_id, {key: value for key, value in row.items() if key not in set(remove)})

    def poison(self, kobo_id: int) -> None:
        """Give a submission a point that is no number: every page that shows it is a 500 from now on.

        :param kobo_id: its ``_id``.
        """
        answers = dict.fromkeys(self.form.version_in_use.definition.points[:1], "NaN 1 0 0")
        self.raw(kobo_id, answers | {"_geolocation": [float("nan"), 1.0]})

    def attach(self, kobo_id: int, name: str, question: str = "") -> None:
        """Add a file that arrives late: the submission's ``_uuid`` stays (kobo-api.md §4).

        :param kobo_id: its ``_id``.
        :param name: the file's name; where no answer names it yet, that of ``question`` will.
        :param question: the question's path; empty: the form's first one for a file.
        """
        with self.store.lock:
            row = self.store.row(kobo_id)
            if not self.attachments.names(row, name):
                path = self.form.path_of(question) if question else self.form.first_file
                self.attachments.paths.add(path)
                row = shapes.with_answers(row, {path: name})
            row = self._parsed(row)
            self.store.put(kobo_id, row | {"_attachments": self.attachments.with_late(row, name)})

    def delete_file(self, kobo_id: int, file: str) -> None:
        """Delete a file, which goes on being listed; the submission's ``_uuid`` stays.

        :param kobo_id: ``_id`` of its submission.
        :param file: its uid or name.
        :raises ValueError: the submission has no such file.
        """
        with self.store.lock:
            row = self.store.row(kobo_id)
            self.store.put(kobo_id, row | {"_attachments": self.attachments.with_deleted(row, file)})

    def _source(self, setup: FormSetup, ids: Sequence[int], seed: int) -> Source:
        versions = self.form.versions.listed(deployed=True)[::-1]
        if setup.survey:
            return Generator(
                seed=seed, asset=setup.uid, formhub_uuid=setup.formhub_uuid, version=versions[0].uid
            )
        made = partial(InTurn, setup.answers) if setup.answers else Drawn
        return made(seed=seed, asset=setup.uid, versions=versions, ids=ids, attachments=self.attachments)

    def _add(self, given: Mapping[str, Any]) -> None:
        """Add a submission of the form's file, as it is; what it does not say is filled in."""
        versions = self.form.versions.listed(deployed=True)[::-1]
        named = given.get("__version__", len(versions))
        version = versions[named - 1] if isinstance(named, int) else versions[-1]
        kobo_id = given.get("_id") or self.store.new_id()
        row = self.store.source.new(kobo_id, version, drawn=False)
        if "_uuid" in given:
            uuid = f"uuid:{given['_uuid']}"
            row |= {"meta/instanceID": uuid, "meta/rootUuid": uuid}
        row |= {**given, "_id": kobo_id, "__version__": named if isinstance(named, str) else version.uid}
        row = changes.located(row, version.definition.points) if "_geolocation" not in given else row
        if "_attachments" not in given:
            row["_attachments"] = self.attachments.listed(row, version.definition.files)
        self.store.put(kobo_id, row)
        self.store.show(kobo_id)

    def _answered(self, row: Row, answers: Mapping[str, Any]) -> Row:
        given = {self.form.path_of(name): changes.as_answer(value) for name, value in answers.items()}
        return self._parsed(shapes.with_answers(row, given))

    def _parsed(self, row: Row) -> Row:
        definition = self.form.version_in_use.definition
        row = shapes.parsed(row, definition.repeats)
        return changes.located(self.attachments.placed(row), definition.points)

    def _edited(self, kobo_id: int, answers: Mapping[str, Any], *, drawn: bool) -> Row:
        row = self.store.row(kobo_id)
        if drawn:
            new = self.store.source.new(kobo_id, self.form.version_in_use)
            stays = shapes.SYSTEM - {"__version__", "_geolocation"}
            row = new | {key: value for key, value in row.items() if key in stays}
        return self._answered(changes.edited(row, self.store.new_uuid()), answers)

    def _log(self, action: str, row: Row, user: str = OWNER, **more: str) -> None:
        root = str(row.get("meta/rootUuid", "")).removeprefix("uuid:")
        submitted_by = row.get("_submitted_by") or "AnonymousUser"
        self.history.add(action, user, submission={**more, "root_uuid": root, "submitted_by": submitted_by})
