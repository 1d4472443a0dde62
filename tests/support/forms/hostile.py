"""Hostile: a form in three languages whose labels would break what is not quoted, with long lists."""

from __future__ import annotations

from typing import Any

from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.forms.form_schema import FormSchema
from tests.support.forms.judging import UID

LANGUAGES = ["English (en)", "العربية (ar)", "አማርኛ"]
LABELS = {
    "quoted": "It's \"so\" `here` \\' \\",
    "percent": "100 %s %(x)s :name ? {} {0}",
    "script": "<script>alert(1)</script>; -- DROP TABLE survey",
    "emoji": "👨‍👩‍👧 \ud83c\udf82",
    "line": "two\nlines\tand \x02 control",
    "blank": " ",
    "formula": '=HYPERLINK("http://evil.test","+1-@SUM(A1)")',
    "turned": "\u202eright\u202c to left \u05d0\u0628",
}
SAME = {"twin_1": "Same", "twin_2": "Same", "twin_3": "Same [twin_1]"}
COUNT = 300
LONG = 2_000


def content(labels: dict[str, str] | None = None) -> dict[str, Any]:
    """The form's definition; labels in another script are made of these."""
    told = LABELS | SAME | (labels or {})
    asked = [
        {"type": "select_one", "name": "one", "select_from_list_name": "odd"},
        {"type": "select_multiple", "name": "many", "select_from_list_name": "odd"},
        {"type": "select_multiple", "name": "hundreds", "select_from_list_name": "hundreds"},
        {"type": "select_one", "name": "thousands", "select_from_list_name": "thousands"},
        {"type": "begin_repeat", "name": "kids"},
        {"type": "select_multiple", "name": "toys", "select_from_list_name": "odd"},
        {"type": "end_repeat"},
    ]
    choices = [
        {"list_name": "odd", "name": name, "label": [label, f"ع {label}", None]}
        for name, label in told.items()
    ]
    for list_name, count in (("hundreds", COUNT), ("thousands", LONG)):
        choices += [
            {"list_name": list_name, "name": f"n{i}", "label": [f"Number {i}", None, f"ቁጥር {i}"]}
            for i in range(count)
        ]
    return {"translations": LANGUAGES, "survey": asked, "choices": choices}


def hostile(*contents: dict[str, Any]) -> FormSchema:
    """The schema of such versions."""
    versions = [read_version(f"v{number}", one) for number, one in enumerate(contents, 1)]
    return derive(UID, "Survey", versions)
