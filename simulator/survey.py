"""The survey's form: its questions, their paths, and how a form describes itself (kobo-api.md §6)."""

from __future__ import annotations

from typing import Any

from simulator.contents import question_row, uid

FORMHUB_UUID = "5eed0a11c0de4b0b8a7c0d15ea5e0001"
_GROUPS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "sec_a",
        "group",
        (("unique_id", "text"), ("cd_biz_country_name", "text"), ("cd_biz_region_name", "text")),
    ),
    ("sec_b", "group", (("bda_name", "text"), ("cd_cohort", "text"), ("cd_program", "text"))),
    (
        "sec_c",
        "group",
        (
            ("cd_client_name", "text"),
            ("cd_client_id_manifest", "text"),
            ("cd_location", "text"),
            ("cd_clients_phone", "text"),
            ("cd_phoneno_alt_number", "text"),
            ("cd_clients_phone_smart_feature", "select_one phone"),
            ("cd_gender", "select_one gender"),
            ("cd_age", "integer"),
            ("cd_nationality", "text"),
            ("cd_strata", "text"),
            ("cd_disability", "select_one yn"),
            ("cd_education", "text"),
            ("cd_client_status", "text"),
            ("cd_sole_income_earner", "select_one yn"),
            ("cd_howrespble_pple", "integer"),
        ),
    ),
    (
        "group_mx5fl16",
        "group",
        (("cd_biz_status", "select_one status"), ("bd_biz_operating", "select_one yn")),
    ),
    ("members", "repeat", (("name", "text"), ("age", "integer"))),
)
PHOTO = "cd_photo"
REPEATS = frozenset(name for name, kind, _ in _GROUPS if kind == "repeat")
_CHOICES = {
    "yn": ("yes", "no"),
    "gender": ("female", "male"),
    "phone": ("smart", "feature"),
    "needs": ("cash", "training", "tools"),
    "status": ("active", "closed", "planned"),
}
_FIRST = (("start", "start"), ("end", "end"), ("cd_survey_date", "date"))
_LAST = (("cd_needs", "select_multiple needs"), ("cd_gps", "geopoint"))


def content(*, media: bool) -> dict[str, Any]:
    """Return the form's definition.

    :param media: with a question for a photo.
    """
    rows = [
        question_row("start", "start"),
        question_row("end", "end"),
        question_row("cd_survey_date", "date"),
    ]
    for group, kind, questions in _GROUPS:
        rows += [
            question_row(group, f"begin_{kind}"),
            *(question_row(name, type_, group) for name, type_ in questions),
        ]
        rows += [{"type": f"end_{kind}", "$kuid": uid("", group)[:9]}]
    rows += [question_row(name, type_) for name, type_ in _LAST]
    form = {
        "schema": "1",
        "survey": rows,
        "choices": [
            {"list_name": name, "name": choice, "$autovalue": choice, "label": [choice.title()]}
            for name, choices in _CHOICES.items()
            for choice in choices
        ],
        "settings": {"default_language": None},
        "translated": ["label"],
        "translations": [None],
    }
    return with_photo(form, media=media)


def with_photo(form: dict[str, Any], *, media: bool) -> dict[str, Any]:
    """Return a definition with the question for a photo, or without it.

    :param form: a definition.
    :param media: with it.
    """
    rows = [row for row in form["survey"] if row.get("name") != PHOTO]
    return form | {"survey": rows + ([question_row(PHOTO, "image")] if media else [])}
