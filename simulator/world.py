"""Everything one simulated server knows, and what can happen to its form's submissions."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from simulator import shapes, survey
from simulator.generate import Generator
from simulator.history import History
from simulator.hooks import Hooks
from simulator.options import Options
from simulator.store import Row, Store

OWNER = "sync_user"
OWNER_PERMISSIONS = (
    "manage_asset", "view_asset", "change_submissions", "delete_submissions", "delete_asset", "change_asset",
    "validate_submissions", "add_submissions", "view_submissions",
)  # fmt: skip
STATUS_LABELS = {"approved": "Approved", "not_approved": "Not Approved", "on_hold": "On Hold"}


@dataclass(frozen=True)
class User:
    """Who a token stands for.

    :param permissions: the codenames that the form's description shows as ``effective_permissions``.
    :param only_submitted_by: with ``partial_submissions``: whose submissions this user sees.
    """

    name: str
    permissions: tuple[str, ...] = ()
    only_submitted_by: tuple[str, ...] = ()

    def may(self, *codenames: str) -> bool:
        """Whether the user has all of these permissions."""
        return set(codenames) <= set(self.permissions)


@dataclass
class Form:
    """The state of the form itself.

    :param versions: the uids of its versions.
    :param repeats: of each version, the groups that are repeats.
    """

    versions: list[str]
    repeats: list[frozenset[str]]
    media: bool
    deployed: bool = True
    active: bool = True
    trashed: bool = False
    history_refusal: int = 403


class World:
    """One server with one form."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.history = History(asset=options.asset, owner=OWNER, lookback_days=options.lookback_days)
        self.hooks = Hooks(self)
        self.reset(options.rows, options.seed)

    def reset(self, rows: int, seed: int) -> None:
        """Start anew with ``rows`` untouched submissions: no hooks, no history, the first users."""
        options = self.options
        first_version = survey.uid("v", options.asset, 1)
        generator = Generator(
            seed=seed, asset=options.asset, formhub_uuid=survey.FORMHUB_UUID, version=first_version
        )
        self.hooks.clear()
        self.store = Store(generator, rows, seed)
        self.form = Form(versions=[first_version], repeats=[survey.REPEATS], media=options.media)
        self.users = {
            options.token: User(OWNER, OWNER_PERMISSIONS),
            options.other_token: User("other_user"),
            options.viewer_token: User("viewer", ("view_asset", "view_submissions")),
        }
        self.history.clear(options.lookback_days)

    def create(self, count: int, answers: Mapping[str, Any], *, hidden: bool = False) -> list[int]:
        """New submissions with generated answers but for those given.

        :param hidden: they get their ids now and are seen only after :meth:`reveal`, since ids do not become
            visible in order (kobo-api.md §1.3).
        """
        with self.store.lock:
            ids = [self.store.new_id() for _ in range(count)]
            for kobo_id in ids:
                row = self.store.row(kobo_id) | {
                    "_submission_time": _now(),
                    "__version__": self.form.versions[-1],
                }
                self.store.put(kobo_id, _answered(self._filled_in(row), answers))
            if not hidden:
                self.reveal(ids)
        return ids

    def reveal(self, ids: Iterable[int], *, committed: bool = True) -> None:
        """Show hidden submissions.

        :param committed: False for a phantom that will be rolled back: seen, not posted, not in the history.
        """
        with self.store.lock:
            for kobo_id in ids:
                self.store.show(kobo_id)
                if committed:
                    self._log("add-submission", self.store.row(kobo_id))
                    self.hooks.submitted(kobo_id)

    def edit(self, ids: Iterable[int], answers: Mapping[str, Any], user: str = OWNER) -> list[Row]:
        """Change answers: ``_uuid``, its twin and ``meta/deprecatedID`` move with them (kobo-api.md §4)."""
        with self.store.lock:
            return [self._edit(kobo_id, answers, user) for kobo_id in ids]

    def validate(
        self, ids: Iterable[int], status: str | None, user: str = OWNER, *, bulk: bool = False
    ) -> None:
        """Set or clear (``None``) the validation status: ``approved``, ``not_approved`` or ``on_hold``.

        :param bulk: one request for all, which changes the status alone; a single submission is parsed anew
            by that (kobo-api.md §4).
        """
        with self.store.lock:
            for kobo_id in ids:
                row = self.store.row(kobo_id)
                row["_validation_status"] = _validation_status(status, user)
                self.store.put(kobo_id, row if bulk else self._parsed(row))
                label = row["_validation_status"].get("label", "None")
                self._log("modify-submission", row, user, status=label)

    def delete(self, ids: Iterable[int], user: str = OWNER) -> list[int]:
        """Delete submissions; only the history tells of it."""
        with self.store.lock:
            rows = {kobo_id: self.store.row(kobo_id) for kobo_id in ids if kobo_id in self.store}
            for row in rows.values():
                self._log("delete-submission", row, user)
            return self.store.remove(rows)

    def vanish(self, ids: Iterable[int]) -> list[int]:
        """Take phantoms away, as a rolled-back transaction does: nothing tells of it."""
        with self.store.lock:
            return self.store.remove(ids)

    def duplicate(self, kobo_id: int, user: str = OWNER) -> int:
        """A new submission with the same answers (kobo-api.md §4)."""
        with self.store.lock:
            row, new_id = self.store.row(kobo_id), self.store.new_id()
            uuid, now = (
                self.store.generator.uuid(new_id),
                datetime.now(UTC).isoformat(timespec="milliseconds"),
            )
            row.pop("meta/deprecatedID", None)
            row |= {
                "_id": new_id,
                "_uuid": uuid,
                "meta/instanceID": f"uuid:{uuid}",
                "meta/rootUuid": f"uuid:{uuid}",
            }
            row |= {
                "start": now,
                "end": now,
                "_submission_time": _now(),
                "_validation_status": {},
                "_submitted_by": user,
            }
            self.store.put(new_id, self._parsed(row))
            self.reveal([new_id])
            return new_id

    def raw(self, kobo_id: int, keys: Mapping[str, Any], remove: Iterable[str] = ()) -> None:
        """Plant keys as they are, or take keys away; nothing else of the submission moves."""
        with self.store.lock:
            row = self.store.row(kobo_id) | dict(keys)
            self.store.put(kobo_id, {key: value for key, value in row.items() if key not in set(remove)})

    def attach(self, kobo_id: int, name: str, base_url: str) -> None:
        """A photo that arrives late: the submission's ``_uuid`` stays (kobo-api.md §4)."""
        with self.store.lock:
            row, asset = self.store.row(kobo_id), self.options.asset
            attachment = survey.uid("att", kobo_id, name)
            url = f"{base_url}/api/v2/assets/{asset}/data/{kobo_id}/attachments/{attachment}/"
            root = row["meta/rootUuid"].removeprefix("uuid:")
            sizes = {f"download_{size}_url": f"{url}{size}/" for size in ("large", "medium", "small")}
            row["_attachments"].append(
                {
                    "download_url": url,
                    "mimetype": "image/png",
                    "filename": f"{OWNER}/attachments/{survey.FORMHUB_UUID}/{root}/{name}",
                    "media_file_basename": name,
                    "uid": attachment,
                    "is_deleted": False,
                    **sizes,
                    "question_xpath": "cd_photo",
                }
            )
            self.store.put(kobo_id, self._parsed(row | {"cd_photo": name}))

    def redeploy(self, *, repeat: str | None = None, group: str | None = None) -> str:
        """A new version of the form, with one more question; later submissions carry its uid.

        :param repeat: a group that is a repeat from now on. Submissions that are there keep their shape until
            the server parses them anew.
        :param group: a repeat that is a plain group from now on.
        :raises ValueError: the form has no such group.
        """
        with self.store.lock:
            became, ended = ({name} if name else set() for name in (repeat, group))
            survey.require_groups(became | ended)
            uid = survey.uid("v", self.options.asset, len(self.form.versions) + 1)
            self.form.repeats.append((self.form.repeats[-1] | became) - ended)
            self.form.versions.append(uid)
            self.history.add("update-content", OWNER, latest_version_uid=uid)
            self.history.add("redeploy", OWNER, latest_version_uid=uid, latest_deployed_version_uid=uid)
            return uid

    def _parsed(self, row: Row) -> Row:
        return shapes.parsed(row, self.form.repeats[-1])

    def _filled_in(self, row: Row) -> Row:
        """A generated submission by the newest version: every other one fills in a new repeat twice."""
        row = self._parsed(row)
        if row["_id"] % 2:
            another = self._parsed(self.store.generated(row["_id"] + 1))
            for group in self.form.repeats[-1] - survey.REPEATS:
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
        row = self._parsed(_answered(row, answers))
        self.store.put(kobo_id, row)
        self._log("modify-submission", row, user)
        self.hooks.edited(kobo_id)
        return row

    def _log(self, action: str, row: Row, user: str = OWNER, **more: str) -> None:
        root = str(row.get("meta/rootUuid", "")).removeprefix("uuid:")
        submitted_by = row.get("_submitted_by") or "AnonymousUser"
        self.history.add(action, user, submission={**more, "root_uuid": root, "submitted_by": submitted_by})


def _answered(row: Row, answers: Mapping[str, Any]) -> Row:
    """The submission with these answers; ``None`` clears one, which leaves no key (kobo-api.md §3)."""
    given = {survey.path_of(name): _as_answer(value) for name, value in answers.items()}
    row = shapes.answered(row, given)
    if given.get("cd_gps"):
        row["_geolocation"] = [float(number) for number in str(given["cd_gps"]).split()[:2]]
    return row


def _as_answer(value: Any) -> Any:
    return value if value is None or isinstance(value, list | dict) else str(value)


def _validation_status(status: str | None, user: str) -> dict[str, Any]:
    name = (status or "").removeprefix("validation_status_")
    if name not in STATUS_LABELS:
        return {}
    uid = f"validation_status_{name}"
    return {"timestamp": int(time.time()), "uid": uid, "by_whom": user, "label": STATUS_LABELS[name]}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
