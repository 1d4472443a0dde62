"""What a real KoboToolbox server answered, as a table: each case is one recorded exchange, made small.

The recordings were made over HTTP on a server of August 2026. ``CASES`` are run one by one; ``ELSEWHERE``
names the module that tests what a longer recording showed; ``LEFT_OUT`` says what is not simulated and why.
``{first}`` stands for the id of the form's first submission, ``{uuid}`` for its uuid; there are seven.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NOT_FOUND = {"detail": "Not found."}
INVALID_TOKEN = {"detail": "Invalid token."}
EMPTY = {"count": 0, "next": None, "previous": None, "results": []}
PAGE_404, PAGE_500 = "Page not found (404)", "Server error (500)"
ROW = words(
    """
    _id formhub/uuid start end cd_survey_date sec_a/unique_id sec_a/cd_biz_country_name
    sec_a/cd_biz_region_name sec_b/bda_name sec_b/cd_cohort sec_b/cd_program sec_c/cd_client_name
    sec_c/cd_client_id_manifest sec_c/cd_location sec_c/cd_clients_phone sec_c/cd_phoneno_alt_number
    sec_c/cd_clients_phone_smart_feature sec_c/cd_gender sec_c/cd_age sec_c/cd_nationality sec_c/cd_strata
    sec_c/cd_disability sec_c/cd_education sec_c/cd_client_status sec_c/cd_sole_income_earner
    sec_c/cd_howrespble_pple group_mx5fl16/cd_biz_status group_mx5fl16/bd_biz_operating members cd_needs
    cd_gps __version__ meta/instanceID _xform_id_string _uuid meta/rootUuid _attachments _status
    _geolocation _submission_time _validation_status _submitted_by
    """
)
OPTIONAL = {
    "cd_survey_date",
    "sec_c/cd_phoneno_alt_number",
    "sec_c/cd_disability",
    "sec_c/cd_sole_income_earner",
    "group_mx5fl16/bd_biz_operating",
    "members",
    "cd_gps",
}
SLIM = {"_id", "_uuid", "meta/rootUuid", "_validation_status"}
ASSET = words(
    """
    url owner owner__username parent settings asset_type summary date_created date_modified date_deployed
    version_id version__content_hash version_count has_deployment deployed_version_id deployed_versions
    deployment__active deployment__submission_count deployment__last_submission_time deployment__encrypted
    deployment__uuid deployment_status content uid kind name permissions effective_permissions data
    hooks_link status
    """
)
HOOK = words(
    """
    active asset auth_level date_modified email_notification endpoint export_type failed_count logs_url name
    payload_template pending_count settings subset_fields success_count uid url
    """
)
LOG = words("url uid submission_id tries status status_str status_code message date_modified")


@dataclass(frozen=True)
class Case:
    """One exchange.

    :param path: below the form's address; with a leading ``=`` below the server's.
    :param query: parameters; what is no text is sent as JSON.
    :param token: ``owner``, ``other``, ``viewer``, ``nobody``, ``none`` or ``bearer``.
    :param body: the JSON of the answer, or the heading of an HTML page; None: not compared.
    :param count: how many submissions the whole list has.
    :param rows: how many of them are in the answer.
    :param keys: the keys of each of them.
    """

    recording: str
    status: int
    path: str = "/data.json"
    query: dict[str, Any] = field(default_factory=dict)
    method: str = "GET"
    json: Any = None
    token: str = "owner"
    body: Any = None
    count: int | None = None
    rows: int | None = None
    keys: frozenset[str] = frozenset()

    def params(self) -> dict[str, str]:
        """Return the parameters as they are sent."""
        return {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in self.query.items()
        }


def _bad(recording: str, query: dict[str, Any], body: dict[str, str]) -> Case:
    return Case(recording, 400, query=query, body=body)


def _found(recording: str, query: Any, count: int, rows: int | None = None) -> Case:
    return Case(
        recording,
        200,
        query={"query": query, "limit": "2"},
        count=count,
        rows=min(count, 2) if rows is None else rows,
    )


_NOT_JSON, _POSITIVE = "Value must be valid JSON.", "A positive integer is required"
CASES = (
    Case("10_data_page_limit2_0", 200, query={"limit": "2"}, count=7, rows=2),
    Case("11_data_all_default", 200, count=7, rows=7),
    Case("12_data_sort_id_asc", 200, query={"sort": {"_id": 1}, "limit": "3"}, count=7, rows=3),
    Case("12_data_sort_id_desc", 200, query={"sort": {"_id": -1}, "limit": "3"}, count=7, rows=3),
    Case("12_data_sort_submission_time", 200, query={"sort": {"_submission_time": -1}}, count=7, rows=7),
    _found("13_data_query_age_gt_int", {"sec_c/cd_age": {"$gt": 1}}, 0),
    _found("13_data_query_age_gt_string", {"sec_c/cd_age": {"$gt": "1"}}, 7),
    _found("13_data_query_and_or", {"$or": [{"_id": "{first}"}, {"_uuid": "{uuid}"}]}, 1),
    _found("13_data_query_field_eq", {"_uuid": "{uuid}"}, 1),
    _found("13_data_query_id_gt", {"_id": {"$gt": "{first}"}}, 6),
    _found("13_data_query_submission_time_gt", {"_submission_time": {"$gt": "2024-01-01T00:00:00"}}, 7),
    Case(
        "14_data_fields",
        200,
        query={"fields": ["_id", "_submission_time", "sec_c/cd_client_name"]},
        rows=7,
        keys=frozenset(SLIM | {"_submission_time", "sec_c/cd_client_name"}),
    ),
    Case("14_data_fields_repeat", 200, query={"fields": ["members/name"]}, rows=7, keys=frozenset(SLIM)),
    Case(
        "14_data_query_fields_sort",
        200,
        rows=3,
        count=6,
        keys=frozenset(SLIM),
        query={"query": {"_id": {"$gt": "{first}"}}, "fields": ["_id"], "sort": {"_id": -1}, "limit": "3"},
    ),
    Case("15_data_format_param", 200, "/data/", {"format": "json", "limit": "1"}, count=7, rows=1),
    Case("15_data_single_by_id", 200, "/data/{first}.json"),
    Case("15_data_single_by_uuid", 200, "/data/{uuid}.json"),
    Case(
        "15_data_xml_format",
        406,
        "/data.xml",
        body={"detail": "Could not satisfy the request Accept header."},
    ),
    Case("20_err_bad_asset", 404, "=/api/v2/assets/aNOSUCHASSETxxxxxxxxxx/data.json", body=PAGE_404),
    Case("20_err_bad_asset_detail", 404, "=/api/v2/assets/aNOSUCHASSETxxxxxxxxxx.json", body=NOT_FOUND),
    Case("20_err_bad_token", 401, token="nobody", body=INVALID_TOKEN),
    Case("20_err_bad_token_asset_detail", 401, ".json", token="nobody", body=INVALID_TOKEN),
    Case("20_err_bearer_scheme", 404, token="bearer", body=NOT_FOUND),
    Case("20_err_no_token", 404, token="none", body=NOT_FOUND),
    Case("20_err_other_users_token", 404, token="other", body=NOT_FOUND),
    _bad("21_err_fields_not_json", {"fields": "_id"}, {"fields": _NOT_JSON}),
    Case(
        "21_err_fields_object", 200, query={"fields": {"_id": 1}, "limit": "1"}, rows=1, keys=frozenset(SLIM)
    ),
    _found("21_err_query_bad_operator", {"_id": {"$where": "x"}}, 0),
    Case("21_err_query_list", 500, query={"query": [1]}, body=PAGE_500),
    _bad("21_err_query_not_json", {"query": "{not json"}, {"query": _NOT_JSON}),
    _found("21_err_query_unknown_field", {"nosuch": "x"}, 0),
    _bad("21_err_sort_not_json", {"sort": "_id"}, {"sort": _NOT_JSON}),
    _bad("22_limit_negative", {"limit": "-1"}, {"limit": _POSITIVE}),
    _bad("22_limit_not_number", {"limit": "abc"}, {"limit": _POSITIVE}),
    Case("22_limit_over_max_1001", 200, query={"limit": "1001"}, count=7, rows=7),
    Case("22_limit_over_max_30000", 200, query={"limit": "30000"}, count=7, rows=7),
    _bad("22_limit_zero", {"limit": "0"}, {"limit": _POSITIVE}),
    Case("22_page_param", 200, query={"page": "2", "page_size": "2"}, count=7, rows=7),
    Case("22_start_beyond_end", 200, query={"start": "1000", "limit": "2"}, count=7, rows=0),
    _bad("22_start_negative", {"start": "-1", "limit": "2"}, {"start": f"{_POSITIVE}."}),
    _bad("22_start_not_number", {"start": "abc", "limit": "2"}, {"start": f"{_POSITIVE}."}),
    Case("22_unknown_param", 200, query={"nosuchparam": "1", "limit": "1"}, count=7, rows=1),
    Case(
        "30_hook_create_bad_scheme",
        400,
        "/hooks/",
        method="POST",
        json={"name": "x", "endpoint": "ftp://127.0.0.1/"},
        body={"endpoint": ["Invalid scheme"]},
    ),
    Case(
        "30_hook_create_missing",
        400,
        "/hooks/",
        method="POST",
        json={"name": "x"},
        body={"endpoint": ["This field is required."]},
    ),
    Case("34_lookup_by_old_uuid", 200, query={"query": {"_uuid": "0" * 8}}, body=EMPTY),
    _found("34_lookup_by_root_uuid", {"meta/rootUuid": "uuid:{uuid}"}, 1),
    Case(
        "36_bulk_patch_err_empty",
        400,
        "/data/bulk/",
        method="PATCH",
        json={"payload": {"submission_ids": [], "data": {"sec_c/cd_age": "1"}}},
        body={"payload": ["`submission_ids` must contain at least one value"]},
    ),
    Case(
        "36_bulk_patch_err_unknown_id",
        400,
        "/data/bulk/",
        method="PATCH",
        json={"payload": {"submission_ids": [999999], "data": {"sec_c/cd_age": "1"}}},
        body=["No submissions match the given `submission_ids`"],
    ),
    Case("37_validation_status_get", 200, "/data/{first}/validation_status/", body={}),
    Case("38_get_after_delete", 404, "/data/1.json", body=NOT_FOUND),
    Case("38_delete_again", 404, "/data/1/", method="DELETE", body=NOT_FOUND),
    Case("63_post_to_data", 405, method="POST", json={"a": 1}, body={"detail": 'Method "POST" not allowed.'}),
    _found("63_query_exists", {"meta/deprecatedID": {"$exists": True}}, 0),
    _found("63_query_nin_regex", {"sec_c/cd_age": {"$regex": "^[0-9]+$"}}, 7),
    Case(
        "63_sort_two_keys",
        200,
        query={"sort": {"_submission_time": -1, "_id": -1}, "fields": ["_id"]},
        rows=7,
    ),
    Case("63_token_endpoint_me", 200, "=/me/"),
)


@dataclass(frozen=True)
class Reshaped:
    """The answers of one recorded submission before and after its validation status was changed.

    The form's newest version had made the group ``g`` a repeat and the repeat ``r`` a group.
    """

    recording: str
    before: dict[str, Any]
    after: dict[str, Any]


RESHAPED = (
    Reshaped(
        "a group that became a repeat, a repeat of two rows that became a group",
        before={"a": "1", "g/q": "old", "s": "x", "r": [{"r/x": "1"}, {"r/x": "2"}]},
        after={"a": "1", "g": [{"g/q": "old"}], "s": "x", "r": [{"r/x": "1"}, {"r/x": "2"}]},
    ),
    Reshaped(
        "a group that became a repeat",
        before={"a": "2", "g/q": "old2", "s": "y"},
        after={"a": "2", "g": [{"g/q": "old2"}], "s": "y"},
    ),
    Reshaped(
        "a submission of the newest version",
        before={"a": "3", "g": [{"g/q": "n1"}, {"g/q": "n2"}], "s": "x y", "r/x": "9"},
        after={"a": "3", "g": [{"g/q": "n1"}, {"g/q": "n2"}], "s": "x y", "r/x": "9"},
    ),
    Reshaped(
        "a late submission of the old version",
        before={"a": "4", "g": [{"g/q": "late v1"}], "s": "y", "r": [{"r/x": "1"}, {"r/x": "2"}]},
        after={"a": "4", "g": [{"g/q": "late v1"}], "s": "y", "r": [{"r/x": "1"}, {"r/x": "2"}]},
    ),
)

ELSEWHERE = {
    "test_attachments": "70_attachment_download, 70_data_with_attachment",
    "test_changes": "34_edit_*, 34_single_*, 35_edit2_diff, 36_bulk_patch*, 37_*, 38_*, 39_duplicate, 62_*",
    "test_deliveries": "33_hook_post_after_edit, 39_hook_post_duplicate, 43_hook_post_retry, "
    "65_hook_retry_body, 90_async_hook_facts, 99_facts",
    "test_forms": "02_data_before_deploy, 04_data_empty, 07_*, 08_*, 50_asset_redeploy, "
    "50_submission_after_redeploy, 51_*, 52_asset_*, 52_data_of_archived, 61_*, 63_deployment_get, "
    "63_environment, 66_data_of_deleted_asset, 66_detail_of_deleted_asset",
    "test_history": "60_*",
    "test_paging": "10_*, 80_paging_and_speed",
    "test_shapes": "86_* of a small form of its own: RESHAPED",
    "test_services": "31_*, 32_*, 40_*, 41_*, 42_*, 43_hook_*, 44_*, 45_*, 65_hook_log*",
}

LEFT_OUT = {
    "00_service_root": "nothing asks for the list of addresses",
    "01_asset_create, 03_asset_deploy, 50_asset_patch_content, 66_asset_delete": "one form is there "
    "from the start; the control API deploys new versions and trashes it",
    "05_xform": "the mirror reads the form as JSON, never as XForm",
    "06_*, 25_*, 33_openrosa_*, 35_openrosa_*, 52_submission_*": "data collectors are not simulated; "
    "the control API creates and edits, and what their edits changed is in test_changes",
    "63_superuser_reads": "no superuser is simulated",
    "64_token_by_basic_auth": "the mirror is given its token",
}
