"""Forms that the simulator is given in files: every type, files inside repeats, and one that changes."""

from __future__ import annotations

from typing import Any

Content = dict[str, Any]
Row = dict[str, Any]


def row(type_: str, name: str = "", **further: Any) -> Row:
    """A row of a definition; without a name it ends a section."""
    return {"type": type_, **({"name": name, "$autoname": name, "label": [name]} if name else {}), **further}


def content(*rows: Row, **lists: tuple[str, ...]) -> Content:
    """A definition with these lists of choices."""
    choices = [
        {"list_name": list_name, "name": name, "$autovalue": name, "label": [name.title()]}
        for list_name, names in lists.items()
        for name in names
    ]
    return {
        "schema": "1",
        "survey": list(rows),
        "choices": choices,
        "settings": {},
        "translated": ["label"],
        "translations": [None],
    }


LISTS: dict[str, tuple[str, ...]] = {
    "yn": ("yes", "no"),
    "needs": ("cash", "tools", "training", "water"),
    "fuel": ("wood", "gas"),
    "items": ("car", "bike"),
    "scale": ("1", "2", "3"),
}
PLAIN = (
    "start", "end", "today", "deviceid", "username", "phonenumber", "email", "simserial", "subscriberid",
    "text", "integer", "decimal", "date", "time", "datetime", "geopoint", "geotrace", "geoshape",
    "start-geopoint", "image", "audio", "video", "file", "background-audio", "osm", "barcode", "acknowledge",
)  # fmt: skip
"""Types of which a question is named ``q_`` and the type, with ``_`` for ``-``."""
FILES = ("image", "audio", "video", "file", "background-audio", "osm")


def plain(type_: str) -> str:
    """The name of the question of a plain type."""
    return f"q_{type_.replace('-', '_')}"


EVERYTHING = content(
    *(row(type_, plain(type_)) for type_ in PLAIN),
    row("audit", "audit"),
    row("note", "intro"),
    row("note", "told", calculation="${q_integer} * 2"),
    row("calculate", "months", calculation="${q_integer} * 12"),
    row("hidden", "campaign", default="spring-2026"),
    row("range", "satisfaction", parameters="start=0;end=10;step=1"),
    row("range", "temperature", parameters="start=35;end=42;step=0.5"),
    row("select_one", "fuel", select_from_list_name="fuel", _or_other=True),
    row("select_multiple fuel or_other", "fuels"),
    row("select_multiple", "needs", select_from_list_name="needs"),
    row("select_one_from_file", "town", file="towns.csv"),
    row("rank needs", "priorities"),
    row("begin_group", "hh"),
    row("text", "village"),
    row("begin_group", "loc"),
    row("select_one yn", "far"),
    row("end_group"),
    row("end_group"),
    row("begin_repeat", "members"),
    row("text", "m_name"),
    row("integer", "m_age"),
    row("begin_group", "school"),
    row("select_one yn", "goes"),
    row("end_group"),
    row("begin_repeat", "visits"),
    row("date", "day"),
    row("end_repeat"),
    row("end_repeat"),
    row("begin_repeat", "plots", repeat_count="${q_integer}"),
    row("decimal", "area"),
    row("end_repeat"),
    row("begin_kobomatrix", "assets", **{"kobo--matrix_list": "items"}),
    row("select_one yn", "has"),
    row("integer", "count"),
    row("end_kobomatrix"),
    row("begin_score", "service", **{"kobo--score-choices": "scale"}),
    row("score__row", "speed"),
    row("end_score"),
    row("begin_rank", "top", **{"kobo--rank-items": "needs"}),
    row("rank__level", "first"),
    row("end_rank"),
    **LISTS,
)
PEOPLE = content(
    row("text", "n"),
    row("begin_repeat", "people"),
    row("image", "portrait"),
    row("begin_repeat", "things"),
    row("image", "picture"),
    row("end_repeat"),
    row("end_repeat"),
    row("image", "pic"),
    row("file", "document"),
    row("begin_repeat", "r"),
    row("image", "rpic"),
    row("end_repeat"),
)
"""Files beside, in and inside repeats, with the names of a recorded form."""
FIRST = content(
    row("text", "a"),
    row("begin_group", "g"),
    row("text", "q"),
    row("end_group"),
    row("text", "s"),
    row("begin_repeat", "r"),
    row("text", "x"),
    row("end_repeat"),
)
SECOND = content(
    row("text", "a"),
    row("begin_repeat", "g"),
    row("text", "q"),
    row("end_repeat"),
    row("select_multiple", "s", select_from_list_name="l"),
    row("begin_group", "r"),
    row("text", "x"),
    row("end_group"),
    l=("x", "y"),
)
"""The recorded form whose group became a repeat, and whose repeat became a group."""
FORMS: tuple[dict[str, Any], ...] = (
    {"name": "Everything", "uid": "aEverything", "versions": [EVERYTHING], "rows": 60},
    {"name": "People", "uid": "aPeople", "versions": [PEOPLE], "rows": 0},
    {
        "name": "Drift",
        "uid": "aDrift",
        "versions": [FIRST],
        "submissions": [
            {"a": "1", "g/q": "old", "s": "x", "r": [{"r/x": "1"}, {"r/x": "2"}]},
            {"a": "2", "g/q": "old2", "s": "y"},
        ],
    },
)
