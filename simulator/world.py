"""The state of one simulated server, and all changes to its form and submissions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from simulator import changes, shapes, survey
from simulator.form import Form
from simulator.generate import Generator
from simulator.history import History
from simulator.hooks import Hooks
from simulator.options import Options
from simulator.store import Row, Store
from simulator.users import OWNER, OWNER_PERMISSIONS, User
from simulator.versions import FormVersions


class World:
    """One server with one form.

    :param options: what it is started with.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.history = History(asset=options.asset, owner=OWNER, lookback_days=options.lookback_days)
        self.hooks = Hooks(self)
        self.reset(options.rows, options.seed)

    def reset(self, rows: int, seed: int) -> None:
        """Start anew: no hooks, no history, only the users of the options.

        :param rows: how many submissions to generate.
        :param seed: what they depend on.
        """
        options = self.options
        first_version = survey.uid("v", options.asset, 1)
        generator = Generator(
            seed=seed, asset=options.asset, formhub_uuid=survey.FORMHUB_UUID, version=first_version
        )
        self.hooks.clear()
        self.store = Store(generator, rows, seed)
        content = survey.content(media=options.media, extra=0)
        self.form = Form(options.asset, self.history, FormVersions([(first_version, content, True)]))
        self.users = {
            options.token: User(OWNER, OWNER_PERMISSIONS),
            options.other_token: User("other_user"),
            options.viewer_token: User("viewer", ("view_asset", "view_submissions")),
        }
        self.history.clear(options.lookback_days)

    def create(self, count: int, answers: Mapping[str, Any], *, hidden: bool = False) -> list[int]:
        """Create submissions.

        :param count: how many.
        :param answers: answers in place of generated ones.
        :param hidden: they get their ids now and are shown only by :meth:`reveal`, since ids do not become
            visible in order (kobo-api.md §1.3).
        :returns: their ids.
        """
        with self.store.lock:
            ids = [self.store.new_id() for _ in range(count)]
            for kobo_id in ids:
                row = self.store.row(kobo_id) | {
                    "_submission_time": changes.now(),
                    "__version__": self.form.version_in_use,
                }
                self.store.put(kobo_id, changes.with_answers(self._filled_in(row), answers))
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

    def edit(self, ids: Iterable[int], answers: Mapping[str, Any], user: str = OWNER) -> list[Row]:
        """Change answers of submissions; each gets a new edit token that names the old one (kobo-api.md §4).

        :param ids: ``_id`` of each submission.
        :param answers: the answers that change.
        :param user: who edits.
        :returns: the submissions afterwards.
        """
        with self.store.lock:
            return [self._edit(kobo_id, answers, user) for kobo_id in ids]

    def validate(
        self, ids: Iterable[int], status: str | None, user: str = OWNER, *, bulk: bool = False
    ) -> None:
        """Set or clear the validation status.

        :param ids: ``_id`` of each submission.
        :param status: ``approved``, ``not_approved`` or ``on_hold``; None clears it.
        :param user: who sets it.
        :param bulk: one request for all, which changes the status alone; a single submission is parsed anew
            by that (kobo-api.md §4).
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
            row = changes.copied(self.store.row(kobo_id), new_id, self.store.generator.uuid(new_id), user)
            self.store.put(new_id, self._parsed(row))
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

    def attach(self, kobo_id: int, name: str, base_url: str) -> None:
        """Add a photo that arrives late: the submission's ``_uuid`` stays (kobo-api.md §4).

        :param kobo_id: its ``_id``.
        :param name: the photo's file name.
        :param base_url: scheme and host of the server's addresses.
        """
        with self.store.lock:
            row = self.store.row(kobo_id)
            row["_attachments"].append(changes.attachment(row, self.options.asset, name, base_url))
            self.store.put(kobo_id, self._parsed(row | {"cd_photo": name}))

    def _parsed(self, row: Row) -> Row:
        return shapes.parsed(row, self.form.repeats)

    def _filled_in(self, row: Row) -> Row:
        """Shape a generated submission by the newest version; every other one fills in a new repeat twice."""
        row = self._parsed(row)
        if row["_id"] % 2:
            another = self._parsed(self.store.generated(row["_id"] + 1))
            for group in self.form.repeats - survey.REPEATS:
                row[group] = [*row[group], *another[group]]
        return row

    def _edit(self, kobo_id: int, answers: Mapping[str, Any], user: str) -> Row:
        row = self.store.row(kobo_id)
        uuid = self.store.new_uuid()
        row |= {
            "meta/deprecatedID": row.get("meta/instanceID"),
            "meta/instanceID": f"uuid:{uuid}",
            "_uuid": uuid,
        }
        row = self._parsed(changes.with_answers(row, answers))
        self.store.put(kobo_id, row)
        self._log("modify-submission", row, user)
        self.hooks.edited(kobo_id)
        return row

    def _log(self, action: str, row: Row, user: str = OWNER, **more: str) -> None:
        root = str(row.get("meta/rootUuid", "")).removeprefix("uuid:")
        submitted_by = row.get("_submitted_by") or "AnonymousUser"
        self.history.add(action, user, submission={**more, "root_uuid": root, "submitted_by": submitted_by})
