"""Made-up submissions of the survey: as dictionaries, as bodies, and as states."""

from __future__ import annotations

import json
from typing import Any

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.submissions.rows import State, read_state

SERVER = "https://kobo.example"
ASSET = "aInkomokoTestForm00001"
MIRROR = Mirror(KOBO_RECORDS, SERVER, ASSET)
QUESTION = {column.name: column.question for column in KOBO_RECORDS.columns}
ANSWERS = {
    "survey_date": "2026-11-21",
    "unique_id": "U-000001",
    "country": "kenya",
    "region": "south",
    "bda_name": "BDA 6",
    "cohort": "1",
    "program": "seed & grow",
    "client_name": "Łukasz ወርቅ",
    "client_id": "M00020",
    "location": 'Ward <3> "A"',
    "phone": "0700000020",
    "alt_phone": "0711000020",
    "phone_smart_feature": "feature",
    "gender": "female",
    "age": "38",
    "nationality": "KE",
    "strata": "3",
    "disability": "no",
    "education": "secondary",
    "client_status": "new",
    "sole_income_earner": "no",
    "responsible_people": "2",
    "business_status": "active",
    "business_operating": "yes",
}
APPROVED = {
    "uid": "validation_status_approved",
    "timestamp": 1_787_200_000,
    "by_whom": "meg",
    "label": "Approved",
}
ON_HOLD = {
    "uid": "validation_status_on_hold",
    "timestamp": 1_787_200_100,
    "by_whom": "meg",
    "label": "On Hold",
}


def uuid(kobo_id: int, edit: int = 0) -> str:
    """Return the uuid of a submission after so many edits."""
    return f"{edit:08d}-0000-4000-8000-{kobo_id:012d}"


def submission(kobo_id: int, **changes: Any) -> dict[str, Any]:
    """Return a whole submission that was never edited.

    :param changes: by column name (``age="40"``) or as the server spells it (``_uuid=…``); None removes the
        key.
    """
    whole = {QUESTION[name]: answer for name, answer in ANSWERS.items()} | {
        "_id": kobo_id,
        "_uuid": uuid(kobo_id),
        "meta/instanceID": f"uuid:{uuid(kobo_id)}",
        "meta/rootUuid": f"uuid:{uuid(kobo_id)}",
        "__version__": "vTestVersion0000000001",
        "_xform_id_string": ASSET,
        "_submission_time": "2026-11-23T16:19:05",
        "_submitted_by": "meg",
        "_validation_status": {},
        "_attachments": [],
        "_geolocation": [None, None],
    }
    return changed(whole, **changes)


def changed(before: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the same submission with other keys, its ``_uuid`` untouched."""
    after = before | {QUESTION.get(name, name): value for name, value in changes.items()}
    return {key: value for key, value in after.items() if value is not None}


def edited(before: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a submission after an edit: a new ``_uuid``, and ``meta/deprecatedID`` with the one before."""
    edit = int(before["_uuid"][:8]) + 1
    moved = {
        "_uuid": uuid(before["_id"], edit),
        "meta/instanceID": f"uuid:{uuid(before['_id'], edit)}",
        "meta/deprecatedID": before["meta/instanceID"],
    }
    return changed(before | moved, **changes)


def body(data: dict[str, Any]) -> bytes:
    """Return a submission as it is posted."""
    return json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass")


def state(data: dict[str, Any], mirror: Mirror = MIRROR) -> State:
    """Return the state of a pulled submission."""
    return read_state(json.dumps(data).encode(), mirror)
