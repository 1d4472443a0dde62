"""Types: every type of question that generated forms have, and the kind that its answers become.

Written from the contract, not from the code that it judges.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.forms.tree import Node, Tree

_TEXTS = (
    "text", "calculate", "hidden", "barcode", "username", "email", "phonenumber", "deviceid", "simserial",
    "subscriberid", "geotrace", "geoshape",
)  # fmt: skip
POINTS = ("geopoint", "start-geopoint", "background-geopoint")
FILES = ("image", "audio", "video", "file", "background-audio", "osm", "audit")
SELECTS_ONE = ("select_one", "select_one_from_file", "select_one_external")
SELECTS_MANY = ("select_multiple", "select_multiple_from_file", "rank")
FROM_FILES = ("select_one_from_file", "select_multiple_from_file", "select_one_external")
WITHOUT_ANSWER = ("note", "xml-external", "csv-external", "made_up_type")

KINDS: Mapping[str, str] = {
    **dict.fromkeys((*_TEXTS, *POINTS, *FILES, *SELECTS_MANY), "text"),
    "integer": "integer",
    "decimal": "decimal",
    "date": "date",
    "today": "date",
    "time": "time",
    "datetime": "datetime",
    "start": "datetime",
    "end": "datetime",
    "acknowledge": "boolean",
    "note": "text",
}
"""What the answers become, but for the types that have a list or parameters."""
RANGES: Mapping[str | None, str] = {
    None: "integer",
    "start=0;end=10;step=1": "integer",
    "start=0 end=100 step=5": "integer",
    "start=35;end=42;step=0.5": "decimal",
    "start=0, end=1, step=0.1": "decimal",
    "start=-5;end=5;step=1;tick_interval=0.5": "integer",
}
LONGEST_CHOICE_OF_A_KEY = 48
QUESTIONS = (
    "text", "integer", "select_one", "select_multiple", "decimal", "geopoint", "date", "datetime", "time",
    "image", "calculate", "note", "range", "acknowledge", "start", "end", "today", "rank",
    "select_one_from_file", "select_multiple_from_file", "select_one_external", "audio", "video", "file",
    "background-audio", "osm", "audit", "geotrace", "geoshape", "barcode", "hidden", "username", "email",
    "phonenumber", "deviceid", "simserial", "subscriberid", "start-geopoint", "background-geopoint",
    "xml-external", "csv-external", "made_up_type",
)  # fmt: skip
IN_A_MATRIX = ("select_one", "integer", "text", "select_multiple", "decimal", "date")
ALIASES: Mapping[str, tuple[str, ...]] = {
    "text": ("string",),
    "integer": ("int", "percentage", "number of days in last month"),
    "datetime": ("dateTime", "date time", "q dateTime"),
    "geopoint": ("gps", "location"),
    "image": ("photo", "q picture", "signature"),
    "osm": ("osm buildings",),
    "acknowledge": ("trigger",),
    "deviceid": ("imei",),
    "begin_repeat": ("begin repeat", "begin lgroup", "begin looped group"),
    "begin_group": ("begin group",),
    "select_one": ("select1", "select one from", "select one", "select_one"),
    "select_multiple": ("select_multiple", "select all that apply from", "select multiple"),
}
"""How else a type is spelt; a select's list follows it."""


def has_answer(node: Node) -> bool:
    """Whether an answer to a question can be sent: a note has one if it is calculated or given."""
    if node.type == "note":
        return bool(node.further.get("calculation") or node.further.get("default"))
    return node.type not in WITHOUT_ANSWER


def kind_of(node: Node, tree: Tree, list_name: str | None) -> str:
    """The kind of a question's column.

    :param list_name: the list of choices, which a rank's levels and a score's rows have from their section.
    """
    if node.type == "range":
        return RANGES[node.further.get("parameters")]
    if node.type in (*SELECTS_ONE, "rank__level", "score__row"):
        if (list_name or "").startswith("${"):
            return "text"
        lengths = [len(item.value) for item in tree.lists.get(list_name or "", ())]
        return "text" if max(lengths, default=0) > LONGEST_CHOICE_OF_A_KEY else "key"
    return KINDS[node.type]
