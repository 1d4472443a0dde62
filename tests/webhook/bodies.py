"""What a KoboToolbox server posts, made up."""

from __future__ import annotations

import json
from typing import Any

ASSET = "aWebhookTestForm0000001"
SECRET = "made-up-secret-1"
PREVIOUS_SECRET = "made-up-secret-0"
PATH = "/api/real-time-updates"


def submission(kobo_id: int, *, uuid: str = "", **changes: Any) -> dict[str, Any]:
    """Return a whole submission of the survey; a change to None removes the key."""
    uuid = uuid or f"00000000-0000-4000-8000-{kobo_id:012d}"
    whole = {
        "_id": kobo_id,
        "cd_survey_date": "2026-11-21",
        "sec_a/unique_id": f"U-{kobo_id:06d}",
        "sec_a/cd_biz_country_name": "kenya",
        "sec_a/cd_biz_region_name": "south",
        "sec_b/bda_name": "BDA 6",
        "sec_b/cd_cohort": "1",
        "sec_b/cd_program": "seed & grow",
        "sec_c/cd_client_name": "Łukasz ወርቅ",
        "sec_c/cd_client_id_manifest": "M00020",
        "sec_c/cd_location": 'Ward <3> "A"',
        "sec_c/cd_clients_phone": "0700000020",
        "sec_c/cd_clients_phone_smart_feature": "feature",
        "sec_c/cd_gender": "female",
        "sec_c/cd_age": "38",
        "sec_c/cd_nationality": "KE",
        "sec_c/cd_strata": "3",
        "sec_c/cd_disability": "no",
        "sec_c/cd_education": "secondary",
        "sec_c/cd_client_status": "new",
        "sec_c/cd_sole_income_earner": "yes",
        "sec_c/cd_howrespble_pple": "2",
        "group_mx5fl16/cd_biz_status": "active",
        "_xform_id_string": ASSET,
        "_uuid": uuid,
        "meta/instanceID": f"uuid:{uuid}",
        "meta/rootUuid": f"uuid:00000000-0000-4000-8000-{kobo_id:012d}",
        "_submission_time": "2026-11-23T16:19:05",
        "_validation_status": {},
        "_attachments": [],
        "_submitted_by": None,
    }
    return {key: value for key, value in (whole | changes).items() if value is not None}


def body(kobo_id: int, **changes: Any) -> bytes:
    """Return the body of a submission of the survey."""
    return json.dumps(submission(kobo_id, **changes)).encode()
