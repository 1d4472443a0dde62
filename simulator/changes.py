"""What changes make of a submission: answers, validation, late photos, copies (kobo-api.md §4)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from simulator import shapes, survey
from simulator.store import Row
from simulator.users import OWNER

STATUS_LABELS = {"approved": "Approved", "not_approved": "Not Approved", "on_hold": "On Hold"}


def with_answers(row: Row, answers: Mapping[str, Any]) -> Row:
    """Return a submission with some answers changed, ``_geolocation`` included (kobo-api.md §3).

    :param row: the submission.
    :param answers: by path or its last part; None clears one, which leaves no key.
    """
    given = {survey.path_of(name): _as_answer(value) for name, value in answers.items()}
    row = shapes.with_answers(row, given)
    if given.get("cd_gps"):
        row["_geolocation"] = [float(number) for number in str(given["cd_gps"]).split()[:2]]
    return row


def _as_answer(value: Any) -> Any:
    return value if value is None or isinstance(value, list | dict) else str(value)


def validation_status(status: str | None, user: str) -> dict[str, Any]:
    """Return the value of ``_validation_status``; ``{}`` for a status that does not exist.

    :param status: such as ``approved``, with or without ``validation_status_`` before it; None clears it.
    :param user: who sets it.
    """
    name = (status or "").removeprefix("validation_status_")
    if name not in STATUS_LABELS:
        return {}
    uid = f"validation_status_{name}"
    return {"timestamp": int(time.time()), "uid": uid, "by_whom": user, "label": STATUS_LABELS[name]}


def attachment(row: Row, asset: str, name: str, base_url: str) -> dict[str, Any]:
    """Return an entry of ``_attachments``.

    :param row: the submission.
    :param asset: the form's uid.
    :param name: the file's name.
    :param base_url: scheme and host of the server's addresses.
    """
    uid = survey.uid("att", row["_id"], name)
    url = f"{base_url}/api/v2/assets/{asset}/data/{row['_id']}/attachments/{uid}/"
    root = row["meta/rootUuid"].removeprefix("uuid:")
    sizes = {f"download_{size}_url": f"{url}{size}/" for size in ("large", "medium", "small")}
    return {
        "download_url": url,
        "mimetype": "image/png",
        "filename": f"{OWNER}/attachments/{survey.FORMHUB_UUID}/{root}/{name}",
        "media_file_basename": name,
        "uid": uid,
        "is_deleted": False,
        **sizes,
        "question_xpath": "cd_photo",
    }


def copied(row: Row, new_id: int, uuid: str, user: str) -> Row:
    """Return a duplicate: the same answers under a new id and uuid, never edited or validated.

    :param row: the submission.
    :param new_id: the copy's ``_id``.
    :param uuid: the copy's edit token and root uuid.
    :param user: who makes it.
    """
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    kept = {key: value for key, value in row.items() if key != "meta/deprecatedID"}
    return kept | {
        "_id": new_id,
        "_uuid": uuid,
        "meta/instanceID": f"uuid:{uuid}",
        "meta/rootUuid": f"uuid:{uuid}",
        "start": moment,
        "end": moment,
        "_submission_time": now(),
        "_validation_status": {},
        "_submitted_by": user,
    }


def now() -> str:
    """Return the current time as ``_submission_time`` shows it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
