"""What changes make of a submission: answers, points, validation, copies (kobo-api.md §4)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from simulator.shapes import NotParsed, Row

STATUS_LABELS = {"approved": "Approved", "not_approved": "Not Approved", "on_hold": "On Hold"}


def as_answer(value: Any) -> Any:
    """Return an answer as a submission holds it: a text, or rows; None for a blank, which leaves no key.

    Blank answers and blank rows inside it are left out, too.

    :param value: as it was given.
    """
    if isinstance(value, list):
        rows = [as_answer(inside) if isinstance(inside, dict) else inside for inside in value]
        return [one for one in rows if one is not None] or None
    if isinstance(value, dict):
        answers = {path: as_answer(inside) for path, inside in value.items()}
        return {path: answer for path, answer in answers.items() if answer is not None} or None
    return str(value) if value is not None and str(value).strip() else None


def geolocation(row: Mapping[str, Any], points: Iterable[str]) -> list[float | None]:
    """Return the ``_geolocation`` that the first answered point gives, without one two None (kobo-api.md §2).

    :param row: a submission.
    :param points: the paths of the form's points that stand in no repeat.
    :raises NotParsed: the answer does not begin with two numbers.
    """
    path = next((path for path in points if isinstance(row.get(path), str)), None)
    if path is None:
        return [None, None]
    try:
        latitude, longitude = map(float, row[path].split()[:2])
    except ValueError:
        raise NotParsed(f"the answer to {path} is no point") from None
    return [latitude, longitude]


def located(row: Row, points: Iterable[str]) -> Row:
    """Return a submission with the ``_geolocation`` of its point; a cleared point leaves the old one.

    :param row: the submission.
    :param points: the paths of the form's points that stand in no repeat.
    :raises NotParsed: the answer does not begin with two numbers.
    """
    found = geolocation(row, points)
    return row if found == [None, None] or found == row.get("_geolocation") else row | {"_geolocation": found}


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


def edited(row: Row, uuid: str) -> Row:
    """Return a submission with a new edit token, which names the one before.

    :param row: the submission.
    :param uuid: the new token.
    """
    before = row.get("meta/instanceID")
    return row | {"meta/deprecatedID": before, "meta/instanceID": f"uuid:{uuid}", "_uuid": uuid}


def now() -> str:
    """Return the current time as ``_submission_time`` shows it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
