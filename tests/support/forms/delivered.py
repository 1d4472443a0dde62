"""Delivered: submissions of a small survey as a server posts them, and what its tables are to hold then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine

from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.submissions.shaper import Shaper
from tests.support.forms.applied import SURVEY
from tests.support.forms.judging import UID
from tests.support.forms.read_back import Found, read_back, wanted
from tests.support.forms.surveys import V1, V2, survey
from tests.support.submissions import body, uuid

FIRST, SECOND = survey(V1), survey(V1, V2)
"""The survey's tables by its first version, and as its second one lets them grow."""
NOT_KNOWN = Mirror(None, SURVEY.server, UID)
"""The survey as a process is told of it that knows none of its tables."""


def document(kobo_id: int, *, members: int = 2, **further: Any) -> dict[str, Any]:
    """A whole submission, with a birthday of a pet and a place, of which the first version knows nothing."""
    rows = [
        {"members/who": f"m{number}", "members/pets": [{"members/pets/born": "2026-01-02"}]}
        for number in range(members)
    ]
    return {
        "_id": kobo_id,
        "_uuid": uuid(kobo_id),
        "meta/instanceID": f"uuid:{uuid(kobo_id)}",
        "meta/rootUuid": f"uuid:{uuid(kobo_id)}",
        "__version__": "v1",
        "_xform_id_string": UID,
        "_submission_time": "2026-11-23T16:19:05",
        "_submitted_by": "meg",
        "_validation_status": {},
        "_attachments": [],
        "name": "Ann",
        "age": "38",
        "members/where": "1.5 2.5 3 4",
        **({"members": rows} if rows else {}),
        **further,
    }


def sent(kobo_id: int, **further: Any) -> bytes:
    """The body of a submission that nothing was delivered of."""
    return body(document(kobo_id, **further))


def should_hold(schema: FormSchema, *documents: Mapping[str, Any]) -> Found:
    """What the tables of a schema hold once these submissions are written."""
    shaper = Shaper(schema)
    return wanted(shaper.shape(one) for one in documents)


def held(engine: Engine) -> Found:
    """What the survey's tables hold."""
    return read_back(engine, UID)
