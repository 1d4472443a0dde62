"""The survey's form: its questions, their paths, and how a form describes itself (kobo-api.md §6)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from hashlib import blake2b
from typing import Any

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
REPEATS = frozenset(name for name, kind, _ in _GROUPS if kind == "repeat")
_CHOICES = {
    "yn": ("yes", "no"),
    "gender": ("female", "male"),
    "phone": ("smart", "feature"),
    "needs": ("cash", "training", "tools"),
    "status": ("active", "closed", "planned"),
}
_ADDED = "extra_note_"  # questions that later versions add
_LAST = (("cd_needs", "select_multiple needs"), ("cd_gps", "geopoint"))


def _path_by_name() -> dict[str, str]:
    inside = {name: f"{group}/{name}" for group, kind, rows in _GROUPS if kind == "group" for name, _ in rows}
    return inside | {name: name for name in ("start", "end", "cd_survey_date", "members", *dict(_LAST))}


PATHS = _path_by_name()


def path_of(name: str) -> str:
    """Return the path of a question by its last part; any other key is returned as it is.

    :param name: such as ``cd_age``.
    """
    return PATHS.get(name, name)


def require_groups(names: Iterable[str]) -> None:
    """Check that the form has these groups, repeats included.

    :param names: their names.
    :raises ValueError: it lacks one.
    """
    if unknown := set(names).difference(name for name, _, _ in _GROUPS):
        raise ValueError(f"no such group: {', '.join(sorted(unknown))}")


def uid(letter: str, *parts: object) -> str:
    """Return a uid like the real server's: a letter and 21 letters or digits.

    :param letter: the kind of thing, such as ``v`` for a version.
    :param parts: what it is made from; equal parts give equal uids.
    """
    return letter + blake2b("/".join(map(str, parts)).encode(), digest_size=16).hexdigest()[:21]


def content(*, media: bool, extra: int, repeats: Collection[str] = REPEATS) -> dict[str, Any]:
    """Return the form's definition.

    :param media: with a question for a photo.
    :param extra: how many questions were added by later versions.
    :param repeats: the groups that are repeats.
    """
    rows = [_row("start", "start"), _row("end", "end"), _row("cd_survey_date", "date")]
    rows += [_row(f"{_ADDED}{n + 1}", "text") for n in range(extra)]
    for group, _, questions in _GROUPS:
        kind = "repeat" if group in repeats else "group"
        rows += [_row(group, f"begin_{kind}"), *(_row(name, type_, group) for name, type_ in questions)]
        rows += [{"type": f"end_{kind}", "$kuid": uid("", group)[:9]}]
    rows += [_row(name, type_) for name, type_ in _LAST]
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
    rows = [row for row in form["survey"] if row.get("name") != "cd_photo"]
    return form | {"survey": rows + ([_row("cd_photo", "image")] if media else [])}


def next_content(form: dict[str, Any], *, repeats: Collection[str]) -> dict[str, Any]:
    """Return the definition that follows one of the survey's: a question more.

    :param form: the definition before.
    :param repeats: the groups that are repeats in the new one.
    """
    names = [str(row.get("name")) for row in form["survey"]]
    added = sum(name.startswith(_ADDED) for name in names)
    return content(media="cd_photo" in names, extra=added + 1, repeats=repeats)


def repeats_of(form: dict[str, Any]) -> frozenset[str]:
    """Return the groups of the survey that are repeats in a definition.

    :param form: a definition.
    """
    begun = {row.get("name") for row in form["survey"] if row.get("type") == "begin_repeat"}
    return frozenset(name for name, _, _ in _GROUPS if name in begun)


def summary(form: dict[str, Any]) -> dict[str, Any]:
    """Return the server's summary of a form's definition.

    :param form: the definition.
    """
    questions = [
        row for row in form["survey"] if not row["type"].startswith(("begin_", "end_", "start", "end"))
    ]
    total = len(questions)
    return {
        "geo": True,
        "labels": [row["label"][0] for row in questions[:5]],
        "columns": ["name", "type", "label", "required", "select_from_list_name"],
        "lock_all": False,
        "lock_any": False,
        "languages": [],
        "row_count": total,
        "name_quality": {"ok": 0, "bad": 0, "good": total, "total": total, "firsts": {}},
        "default_translation": None,
    }


def _row(name: str, type_: str, group: str = "") -> dict[str, Any]:
    kind, _, list_name = type_.partition(" ")
    path = f"{group}/{name}" if group else name
    row: dict[str, Any] = {
        "name": name,
        "type": kind,
        "$kuid": uid("", path)[:9],
        "$xpath": path,
        "$autoname": name,
    }
    if kind not in ("start", "end"):
        row["label"] = [name]
    if list_name:
        row["select_from_list_name"] = list_name
    return row
