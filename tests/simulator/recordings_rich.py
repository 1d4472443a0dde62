"""What a real KoboToolbox server answered for a form of every type and for small odd ones, as tables.

The recordings were made over HTTP on a server of August 2026. ``SHOWN`` are submissions: what was sent and
what was shown. ``READS`` are who may read what. ``ELSEWHERE`` names the module that tests what other
recordings showed; ``LEFT_OUT`` says what is not simulated and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.simulator.recordings import NOT_FOUND, words

FORBIDDEN = {"detail": "You do not have permission to perform this action."}
LIST_ITEM = words(
    """
    url date_created date_modified date_deployed owner summary owner__username parent uid tag_string settings
    kind name asset_type version_id has_deployment deployed_version_id deployment__active
    deployment__submission_count deployment__last_submission_time deployment__encrypted deployment__uuid
    deployment_status permissions export_settings downloads data subscribers_count status access_types
    children data_sharing owner_label last_modified_by created_by
    """
)
"""The keys of a form in the list."""
SUMMARY = words("geo labels columns lock_all lock_any languages row_count name_quality default_translation")
SYSTEM = (
    "__version__", "meta/instanceID", "_xform_id_string", "_uuid", "meta/rootUuid", "_attachments", "_status",
    "_geolocation", "_submission_time", "_validation_status", "_submitted_by",
)  # fmt: skip
"""What follows the answers of a submission, in this order; ``_id`` and ``formhub/uuid`` come before them."""


@dataclass(frozen=True)
class Shown:
    """Answers that were sent, in the names of ``any_forms.EVERYTHING``, and those that were shown."""

    recording: str
    sent: dict[str, Any]
    shown: dict[str, Any]


def _same(recording: str, **answers: Any) -> Shown:
    return Shown(recording, answers, answers)


def _member(name: str, age: str, *days: str) -> dict[str, Any]:
    visits = [{"members/visits/day": day} for day in days]
    return {"members/m_name": name, "members/m_age": age, "members/visits": visits}


SHOWN = (
    Shown("s03: a blank repetition", {"q_text": "x", "members": [_member("", "", "")]}, {"q_text": "x"}),
    Shown(
        "s04: the repetition in the middle is blank",
        {"members": [_member("one", "1"), _member("", ""), _member("three", "3", "2026-09-09")]},
        {
            "members": [
                {"members/m_name": "one", "members/m_age": "1"},
                {
                    "members/m_name": "three",
                    "members/m_age": "3",
                    "members/visits": [{"members/visits/day": "2026-09-09"}],
                },
            ]
        },
    ),
    _same("s05: texts are kept as they are", q_text="line one\nline two\ttab", q_barcode="  padded  "),
    _same("s05: any letters", **{"q_text": "李雷 😀 أمينة", "hh/village": 'O\'Neil \\ "q" & <b>'}),
    _same("s06: numbers are texts", q_integer="+5", q_decimal="-0.50", temperature="1e3", satisfaction="007"),
    _same("s06: times are as they came", q_datetime="2026-11-06T23:59:59.999Z", q_time="23:59:00.000Z"),
    _same("s06: a date of long ago", q_date="0999-12-31"),
    _same("s07: choices that no list has", fuel="not_in_list", needs="training unknown", priorities="cash"),
    _same("s08: other", fuel="other", fuel_other="charcoal & dung", fuels="wood other", fuels_other="straw"),
    _same("s08: a matrix, a score and a rank", **{
        "assets_car/assets_car_has": "yes", "assets_car/assets_car_count": "2", "service/speed": "1",
        "top/first": "cash",
    }),
    _same("s11: a key that no version has", not_in_any_version="surprise"),
    _same("a count beside its repeat", plots_count="2", plots=[{"plots/area": "a"}, {"plots/area": "b"}]),
    Shown(
        "34: a bulk edit creates the repetition that it names",
        {"members/m_name": "new"},
        {"members": [{"members/m_name": "new"}]},
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Read:
    """What a user of a form may read.

    :param body: of an error; None: it may be read.
    """

    recording: str
    path: str
    status: int = 200
    user: str = "viewer"
    body: Any = None


READS = (
    Read("84_viewer_asset", ".json"),
    Read("84_viewer_data", "/data.json"),
    Read("84_viewer_versions", "/versions.json"),
    Read("84_viewer_version", "/versions/{version}.json"),
    Read("84_viewer_hooks", "/hooks.json", 404, body=NOT_FOUND),
    Read("84_viewer_history", "/history.json", 403, body=FORBIDDEN),
    Read("52_attachment_get_no_token", "/data/{id}/attachments/{file}/", 404, "none", NOT_FOUND),
    Read("83_version_not_there", "/versions/vNoSuchVersion.json", 404, "owner", {
        "detail": "No AssetVersion matches the given query.",
    }),
)  # fmt: skip

ELSEWHERE = {
    "test_attachments": "50_*, 51_*, 53_*, 54_*, 55_*, 56_*, 58_*, 59_*, 84_viewer_attachment, 87_*, "
    "88_*, 89_*, 90_*",
    "test_reparsing": "85_drift_*, 86_*",
    "test_several_forms": "68_*, 92_*",
    "test_versions": "02_*, 03_*, 20_*, 21_*, 22_*, 23_*, 25_*, 26_*, 83_*, 91_*",
    "test_answers": "the written form of 11_* and 40_*, 85_repeat_count_data, 85_system_names_data",
}

LEFT_OUT = {
    "05_*, 24_*, 83_content_with_draft, 84_viewer_content": "a form's content is read from its versions",
    "06_*, 07_openrosa_xform_*, 10_submit_*, 27_*, 44_*, 45_*": "data collectors, XForms, XML and GeoJSON "
    "are not simulated; the control API creates and edits",
    "60_*, 61_*, 62_*, 64_*, 65_files, 67_*, 70_* to 77_*": "reports, counts, exports and a form's own "
    "files: nothing asks for them",
    "80_*, 81_*, 82_*, 93_*, 85_*_create, 85_*_deploy": "what a server refuses or normalises when a form is "
    "saved: the simulator deploys what it is given",
}
