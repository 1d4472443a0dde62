"""Question types: what a type of KoboToolbox is called, and what its answers become in SQL.

Facts about types and their aliases: docs/kobo-api.md §3 and §6, and pyxform's own list of aliases.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, NamedTuple

KEY_LENGTH = 64
"""Characters of a KEY column; a select_one with a longer name of a choice is a text."""
_LONGEST_NAME_OF_A_KEY = 48


class Kind(StrEnum):
    """What the answers of a question are in SQL."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    TEXT = "text"
    KEY = "key"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    BOOLEAN = "boolean"
    JSON = "json"


def join(one: Kind, other: Kind) -> Kind:
    """Return the narrowest kind that holds every answer of both kinds.

    :param one: what a question was in the versions before.
    :param other: what it is in a further one; the order of both does not matter.

    >>> join(Kind.INTEGER, Kind.DECIMAL)
    <Kind.DECIMAL: 'decimal'>
    >>> join(Kind.INTEGER, Kind.DATE)
    <Kind.TEXT: 'text'>
    """
    if one is other:
        return one
    return Kind.DECIMAL if {one, other} == {Kind.INTEGER, Kind.DECIMAL} else Kind.TEXT


FACETS: Mapping[Kind, tuple[str, ...]] = {Kind.TIME: ("offset",), Kind.DATETIME: ("offset",)}
"""Further columns of a kind: the device's offset from UTC in minutes."""
POINT_FACETS = ("lat", "lon", "alt", "acc")
"""Further columns of a point: degrees, degrees, metres, metres."""

_ALIASES = {
    "string": "text",
    "int": "integer",
    "percentage": "integer",
    "gps": "geopoint",
    "location": "geopoint",
    "photo": "image",
    "picture": "image",
    "signature": "image",
    "draw": "image",
    "annotate": "image",
    "trigger": "acknowledge",
    "background_audio": "background-audio",
    "start_geopoint": "start-geopoint",
    "background_geopoint": "background-geopoint",
    "imei": "deviceid",
    "device id": "deviceid",
    "sim id": "simserial",
    "subscriber id": "subscriberid",
    "phone number": "phonenumber",
    "date time": "datetime",
    "start time": "start",
    "end time": "end",
}
_POINTS = frozenset({"geopoint", "start-geopoint", "background-geopoint"})
_FILES = frozenset({"image", "audio", "video", "file", "background-audio", "audit", "osm"})
_SELECTS_ONE = frozenset(
    {
        "select_one",
        "select_one_from_file",
        "select_one_external",
        "cascading_select",
        "rank__level",
        "score__row",
    }
)
_OF_ONE_KIND: Mapping[str, Kind] = {
    "integer": Kind.INTEGER,
    "decimal": Kind.DECIMAL,
    "date": Kind.DATE,
    "today": Kind.DATE,
    "time": Kind.TIME,
    "datetime": Kind.DATETIME,
    "start": Kind.DATETIME,
    "end": Kind.DATETIME,
    "acknowledge": Kind.BOOLEAN,
    **dict.fromkeys(
        (
            "text", "select_multiple", "select_multiple_from_file", "rank", "calculate", "hidden", "note",
            "geotrace", "geoshape", "barcode", "username", "email", "phonenumber", "deviceid", "simserial",
            "subscriberid", *_POINTS, *_FILES,
        ),
        Kind.TEXT,
    ),
}  # fmt: skip

_SELECT = re.compile(
    r"(?:add )?"
    r"(?P<base>select(?:1|[_ ]one(?:[_ ]from[_ ]file|[_ ]external)?"
    r"|[_ ]multiple(?:[_ ]from[_ ]file)?| all that apply)|rank)"
    r"(?:(?: prompt)? using| from)?(?:\s+(?P<list>\S+(?:\s+\S+)*?))?(?P<other>\s+or[_ ]other)?",
    re.IGNORECASE,
)
_STARTS_WITH_A_NUMBER_OF_DAYS = "number of days"
_OLD_SPELLING = re.compile(r"(?:q|get|add) (.+?)(?: prompt)?")
_TAGS_OF_A_MAP = re.compile(r"osm \S+")  # the list that they are in decides about no answer


class TypeName(NamedTuple):
    """A question's type in its usual spelling.

    :param base: such as ``select_one``, lower case.
    :param list_name: the list of choices that the type names, or the file that holds it; None: it names none.
    :param or_other: a further answer can be typed.
    """

    base: str
    list_name: str | None = None
    or_other: bool = False


def type_of(row: Mapping[str, Any]) -> TypeName:
    """Read the type of a row of ``survey``, in any spelling that a server keeps.

    :param row: a row of a version's content; very old ones have ``{"select_one": "list"}`` as their type.
    :returns: the base is empty where the row has no type.

    >>> type_of({"type": "select one from fuel or_other"})
    TypeName(base='select_one', list_name='fuel', or_other=True)
    """
    spelt, listed = row.get("type"), row.get("select_from_list_name")
    if isinstance(spelt, Mapping):
        spelt, listed = next(iter(spelt.items()), ("", None))
    text = " ".join(spelt.split()) if isinstance(spelt, str) else ""
    if found := _SELECT.fullmatch(text):
        base = re.sub(r"\s+", "_", found["base"].lower())
        base = {"select1": "select_one", "select_all_that_apply": "select_multiple"}.get(base, base)
        names_list = listed if isinstance(listed, str) and listed else found["list"] or row.get("file")
        return TypeName(base, names_list, bool(found["other"] or row.get("_or_other") is True))
    lower = text.lower()
    if lower.startswith(_STARTS_WITH_A_NUMBER_OF_DAYS):
        lower = "integer"
    if lower not in _ALIASES and re.match(r"(begin|end)[_ ]", lower):
        return TypeName(lower.replace(" ", "_"))
    if old := _OLD_SPELLING.fullmatch(lower):
        lower = old[1]
    if _TAGS_OF_A_MAP.fullmatch(lower):
        lower = "osm"
    return TypeName(_ALIASES.get(lower, lower))


def is_disabled(row: Mapping[str, Any]) -> bool:
    """Return True if the row is left out of the form; a disabled group leaves out itself, not what is in it.

    :param row: a row of ``survey``; XLSForm's column ``disabled`` is in no documentation.
    """
    return str(row.get("disabled")).lower().removesuffix("()") in ("yes", "true")


def kind_of(name: TypeName, row: Mapping[str, Any], choices: list[str]) -> Kind | None:
    """Return what the answers of a question become, or None for a type that is not known here.

    :param name: as :func:`type_of` returns it.
    :param row: the row of ``survey``; a range's parameters decide between whole numbers and others.
    :param choices: the names of the choices of its list.
    """
    if name.base == "range":
        return Kind.INTEGER if _is_whole_range(row.get("parameters")) else Kind.DECIMAL
    if name.base in _SELECTS_ONE:
        refers = name.list_name is not None and name.list_name.startswith("${")
        long = any(len(choice) > _LONGEST_NAME_OF_A_KEY for choice in choices)
        return Kind.TEXT if refers or long else Kind.KEY
    if name.base.startswith("uri:"):
        return Kind.TEXT
    return _OF_ONE_KIND.get(name.base)


def is_point(question_type: str) -> bool:
    """Return True if the answers of this type are points: their numbers have columns of their own.

    :param question_type: as :class:`TypeName` spells it.
    """
    return question_type in _POINTS


def is_file(question_type: str) -> bool:
    """Return True if an answer of this type names a file that was attached.

    :param question_type: as :class:`TypeName` spells it.
    """
    return question_type in _FILES


def _is_whole_range(parameters: Any) -> bool:
    """Return True if start, end and step are whole, as they are where a range names none of them."""
    if isinstance(parameters, Mapping):
        pairs = [(str(key), str(value)) for key, value in parameters.items()]
    else:
        text = parameters if isinstance(parameters, str) else ""
        pairs = re.findall(r"([A-Za-z_]+)\s*=\s*([^\s;,]+)", text)
    return all(_is_whole(value) for key, value in pairs if key.lower() in ("start", "end", "step"))


def _is_whole(text: str) -> bool:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return False
    return number.is_finite() and number == number.to_integral_value()
