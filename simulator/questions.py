"""What a form asks: its definition as sections and questions, named by their paths (kobo-api.md §3, §6).

Written from what a real server does, and not shared with the mirror, which it serves to test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]
POINTS = ("geopoint", "start-geopoint", "background-geopoint")
GEO = (*POINTS, "geotrace", "geoshape")
FILES = ("image", "audio", "video", "file", "background-audio", "audit", "osm")
SELECTS_ONE = ("select_one", "select_one_from_file", "select_one_external")
SELECTS_MANY = ("select_multiple", "select_multiple_from_file")
_WITHOUT_ANSWER = ("note", "xml-external", "csv-external")
_ALIASES = {
    "string": "text",
    "int": "integer",
    "percentage": "integer",
    "number of days in last month": "integer",
    "number of days in last six months": "integer",
    "number of days in last year": "integer",
    "date time": "datetime",
    "start time": "start",
    "end time": "end",
    "gps": "geopoint",
    "location": "geopoint",
    **dict.fromkeys(("photo", "picture", "signature", "draw", "annotate"), "image"),
    "background_audio": "background-audio",
    "trigger": "acknowledge",
    "imei": "deviceid",
    "device id": "deviceid",
    "sim id": "simserial",
    "subscriber id": "subscriberid",
    "phone number": "phonenumber",
}
_LISTED = {
    "add select multiple prompt using": "select_multiple",
    "add select one prompt using": "select_one",
    "select all that apply from": "select_multiple",
    "select_multiple_from_file": "select_multiple_from_file",
    "select_one_from_file": "select_one_from_file",
    "select_one_external": "select_one_external",
    "select one external": "select_one_external",
    "select multiple from": "select_multiple",
    "select multiple": "select_multiple",
    "select_multiple": "select_multiple",
    "select one from": "select_one",
    "select one": "select_one",
    "select_one": "select_one",
    "select1": "select_one",
    "rank": "rank",
}
_OLD_SPELLING = re.compile(r"(?:q|get|add) (.+?)(?: prompt)?")
_OTHER = re.compile(r" or[ _](?:specify )?other$")
_BEGIN, _END = re.compile(r"begin[ _]+(.+)"), re.compile(r"end[ _]+.+")
_REPEATS = ("repeat", "lgroup", "looped group")
_MATRIX = "kobomatrix"


@dataclass(frozen=True)
class Question:
    """A question that may be answered.

    :param type: in the usual spelling, such as ``select_one``.
    :param choices: the names that may be chosen; empty where they stand in a file.
    :param other: beside it stands ``…_other``, for what is not in its list.
    :param row: its row of the definition, for what only some types have.
    """

    path: str
    type: str
    choices: tuple[str, ...] = ()
    other: bool = False
    row: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Section:
    """A group, a repeat, or the whole form, whose path is empty.

    :param kind: such as ``group``, ``repeat`` or ``rank``.
    :param count: how often a repeat is asked, as its row says; empty: as the respondent likes.
    :param choices: the list of a rank's levels and of a score's rows; the items of a matrix.
    """

    path: str = ""
    kind: str = "group"
    count: str = ""
    choices: tuple[str, ...] = ()
    items: list[Question | Section] = field(default_factory=list)

    @property
    def repeat(self) -> bool:
        """Whether its answers are a list of rows."""
        return self.kind in _REPEATS

    @cached_property
    def repeats(self) -> frozenset[str]:
        """The paths of the repeats in it."""
        return frozenset(section.path for section in self.sections() if section.repeat)

    @cached_property
    def points(self) -> tuple[str, ...]:
        """The paths of the points in it that stand in no repeat of it."""
        return tuple(one.path for one in self.plain_questions() if one.type == "geopoint")

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The paths of the questions in it that are answered with files."""
        return tuple(one.path for one in self.questions() if one.type in FILES)

    @cached_property
    def paths(self) -> dict[str, str]:
        """The paths of repeats, and of what stands in none, by their last part; of several, the first."""
        repeats = [section for section in self.sections() if section.repeat]
        items: list[Question | Section] = [*self.plain_questions(), *repeats]
        return {item.path.rpartition("/")[2]: item.path for item in reversed(items)}

    def below(self, name: str) -> str:
        """Return the path of what has this name in it.

        :param name: one part of a path.
        """
        return f"{self.path}/{name}" if self.path else name

    def sections(self) -> Iterator[Section]:
        """Iterate over the sections in it, outer ones before inner ones."""
        for item in self.items:
            if isinstance(item, Section):
                yield item
                yield from item.sections()

    def questions(self) -> Iterator[Question]:
        """Iterate over the questions in it, in reading order."""
        for item in self.items:
            if isinstance(item, Question):
                yield item
            else:
                yield from item.questions()

    def plain_questions(self) -> Iterator[Question]:
        """Iterate over the questions in it that stand in no repeat of it."""
        for item in self.items:
            if isinstance(item, Question):
                yield item
            elif not item.repeat:
                yield from item.plain_questions()


def read(content: Mapping[str, Any]) -> Section:
    """Read a definition.

    :param content: as the server keeps it, of a form builder or of a spreadsheet.
    :returns: the form; matrices are expanded, what is disabled or cannot be answered is left out.
    """
    lists, items = _lists(content, "$autovalue", "name"), _lists(content, "name", "$autovalue")
    form = Section()
    stack = [form]
    for row in content["survey"]:
        if _is_disabled(row):
            continue
        type_, list_name, other = kind_of(row)
        if begun := section_of(type_):
            _begin(stack, begun, row, items if begun == _MATRIX else lists)
        elif ends_section(type_):
            _end(stack)
        else:
            stack[-1].items += _questions(stack[-1], row, type_, lists.get(list_name, ()), other=other)
    settings = content.get("settings") or {}
    if "instance_name" in (settings[0] if isinstance(settings, list) else settings):
        form.items.append(Question("meta/instanceName", "text"))
    return form


def section_of(type_: str) -> str:
    """Return the kind of section that a row begins, such as ``repeat``; empty if it begins none.

    :param type_: the row's type.
    """
    found = _BEGIN.fullmatch(type_)
    return found[1] if found else ""


def ends_section(type_: str) -> bool:
    """Return True if a row ends a section; the metadata ``end`` does not.

    :param type_: the row's type.
    """
    return _END.fullmatch(type_) is not None


def kind_of(row: Mapping[str, Any]) -> tuple[str, str, bool]:
    """Return a row's type in the usual spelling, its list of choices and whether others may be given.

    :param row: of a definition; very old ones have an object as type.
    """
    given = row.get("type", "")
    if isinstance(given, dict):
        ((given, listed),) = given.items()
        given = f"{given} {listed}"
    text = " ".join(str(given).split())
    other = bool(row.get("_or_other")) or _OTHER.search(text) is not None
    text = _OTHER.sub("", text)
    named = str(row.get("select_from_list_name") or row.get("file") or "")
    for spelling, type_ in _LISTED.items():
        if text == spelling or text.startswith(f"{spelling} "):
            return type_, named or text[len(spelling) :].strip(), other
    text = text.lower()
    if old := _OLD_SPELLING.fullmatch(text):
        text = old[1]
    return "osm" if text.startswith("osm ") else _ALIASES.get(text, text), named, False


def name_of(row: Mapping[str, Any], *, matrix: bool = False) -> str:
    """Return the name of a row: the automatic one before the given one, in a matrix the other way round.

    :param row: of a definition.
    :param matrix: the row is a matrix or stands in one.
    """
    names = ("name", "$autoname") if matrix else ("$autoname", "name")
    return str(next((row[key] for key in names if row.get(key) not in (None, "")), ""))


def _is_disabled(row: Mapping[str, Any]) -> bool:
    return str(row.get("disabled")).lower().removesuffix("()") in ("yes", "true")


def _lists(content: Mapping[str, Any], *keys: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for choice in content.get("choices") or []:
        name = next((choice[key] for key in keys if choice.get(key) not in (None, "")), None)
        if name is not None:
            name = int(name) if isinstance(name, float) and name.is_integer() else name
            found.setdefault(str(choice.get("list_name") or choice.get("list name")), []).append(str(name))
    return {list_name: tuple(names) for list_name, names in found.items()}


def _begin(stack: list[Section], kind: str, row: Row, lists: Mapping[str, tuple[str, ...]]) -> None:
    listed = row.get("kobo--rank-items") or row.get("kobo--score-choices") or row.get("kobo--matrix_list")
    name = name_of(row, matrix=kind == _MATRIX)
    section = Section(
        path=stack[-1].below(name),
        kind=kind,
        count=str(row.get("repeat_count") or ""),
        choices=lists.get(str(listed), ()),
    )
    stack[-1].items.append(section)
    stack.append(section)


def _end(stack: list[Section]) -> None:
    if len(stack) == 1:
        return  # more ends than beginnings: the rows before stand
    ended = stack.pop()
    if ended.kind == _MATRIX:
        outer = stack[-1]
        outer.items.remove(ended)
        outer.items += [_matrix_row(ended, item) for item in ended.choices]


def _matrix_row(matrix: Section, item: str) -> Section:
    """Return the group that a server makes of one item of a matrix."""
    group = f"{matrix.path}_{item}"
    name = f"{matrix.path.rpartition('/')[2]}_{item}"
    columns = [one for one in matrix.items if isinstance(one, Question)]
    paths = [f"{group}/{name}_{one.path.rpartition('/')[2]}" for one in columns]
    return Section(group, items=[replace(one, path=path) for one, path in zip(columns, paths, strict=True)])


def _questions(
    section: Section, row: Row, type_: str, choices: tuple[str, ...], *, other: bool
) -> list[Question]:
    name = name_of(row, matrix=section.kind == _MATRIX)
    given = row.get("calculation") or row.get("default")
    if not name or (type_ in _WITHOUT_ANSWER and not (type_ == "note" and given)):
        return []
    if type_ in ("rank__level", "score__row"):
        type_, choices = "select_one", section.choices
    path = "meta/audit" if type_ == "audit" else section.below(name)
    return [Question(path, type_, choices, other, row)]
