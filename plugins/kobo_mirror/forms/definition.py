"""Definition: the questions, repeats and choices of one deployed version, read from its content.

A row that cannot be understood is left out: an answer to it goes to ``extra``, so nothing is lost by that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kobo_mirror.errors import ConfigurationError
from kobo_mirror.forms.question_types import Kind, TypeName, is_disabled, kind_of, type_of

SYSTEM_KEYS = frozenset(
    {
        "_id", "_uuid", "_submission_time", "_submitted_by", "_status", "_geolocation", "_attachments",
        "_tags", "_notes", "_validation_status", "_xform_id_string", "_bamboo_dataset_id",
        "_supplementalDetails", "__version__", "formhub/uuid", "meta/instanceID", "meta/deprecatedID",
        "meta/rootUuid", "meta/instanceName",
    }
)  # fmt: skip
"""Keys whose values are the server's: a question or repeat with one of these paths is hidden by them."""
DEFAULT_LANGUAGE = "default"
_AUDIT = "meta/audit"  # wherever the question stands (kobo-api.md §6)

Texts = Mapping[str, str]
"""Language → text, by the server's own names of languages; ``default`` for the one without a name."""


@dataclass(frozen=True)
class Question:
    """A node of a version that can hold an answer.

    :param path: such as ``hh/members/age``.
    :param question_type: in its usual spelling, such as ``select_one``.
    :param list_name: its list of choices, or the file that holds them.
    :param kuid: the form builder's own id of the row.
    :param defined: its kind by the definition, where ``kobo.yml`` says what it is; None: ``kind`` is.
    """

    path: str
    question_type: str
    kind: Kind
    list_name: str | None = None
    labels: Texts = field(default_factory=dict)
    hints: Texts = field(default_factory=dict)
    kuid: str | None = None
    defined: Kind | None = None


@dataclass(frozen=True)
class Repeat:
    """A group that is filled in any number of times."""

    path: str
    labels: Texts = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """One answer that a select question offers."""

    list_name: str
    name: str
    labels: Texts = field(default_factory=dict)


@dataclass(frozen=True)
class Version:
    """What one deployed version asks, in reading order.

    :param uid: the version's uid.
    :param languages: in the order of the version; the first is the default one.
    """

    uid: str
    questions: tuple[Question, ...]
    repeats: tuple[Repeat, ...]
    choices: tuple[Choice, ...]
    languages: tuple[str, ...] = (DEFAULT_LANGUAGE,)


def read_version(uid: str, content: Any) -> Version:
    """Read the content of a version.

    :param uid: the version's uid.
    :param content: the JSON under ``content`` of ``/versions/{uid}/`` (kobo-api.md §6).
    :returns: its questions, repeats and choices, each path and name once.
    :raises ConfigurationError: it has no ``survey``, so it is no content of a form.
    """
    if not isinstance(content, Mapping) or not isinstance(content.get("survey"), list):
        raise ConfigurationError(
            f"The content of version {uid} has no survey: it is no definition of a form."
        )
    content = _storable(content)
    reader = _Reader(content)
    reader.read(row for row in content["survey"] if isinstance(row, Mapping) and not is_disabled(row))
    return Version(
        uid,
        tuple(reader.named_once()),
        tuple(reader.repeats.values()),
        tuple(reader.choices),
        reader.languages,
    )


def _storable(value: Any, levels: int = 4) -> Any:
    """Return a part of a content with U+FFFD for half characters (lone surrogates), which no UTF-8 has.

    :param levels: levels of lists and objects below it that are read: labels stand four below a content.
    """
    if isinstance(value, str):
        return (
            value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        )
    if levels and isinstance(value, list):
        return [_storable(item, levels - 1) for item in value]
    if levels and isinstance(value, Mapping):
        return {_storable(key): _storable(item, levels - 1) for key, item in value.items()}
    return value


@dataclass
class _Group:
    """A group that has begun.

    :param type: its type without ``begin_``.
    :param path: of what stands in it; for a matrix that of the group around it.
    :param row: its row.
    :param hidden: it is, or stands in, a repeat whose path is a key of the server's.
    :param columns: of a matrix.
    """

    type: str
    path: str
    row: Mapping[str, Any]
    hidden: bool = False
    columns: list[Mapping[str, Any]] = field(default_factory=list)


class _Reader:
    """Walk the rows of a survey, with the groups around each."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._spelt = list(_languages(content))
        self.languages = tuple(dict.fromkeys(self._spelt))
        rows = content.get("choices")
        listed = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
        self._choice_rows = [row for row in listed if row.get("list_name") is not None]
        self.choices = list(self._read_choices())
        self._names: dict[str | None, list[str]] = {}
        for choice in self.choices:
            self._names.setdefault(choice.list_name, []).append(choice.name)
        self.repeats: dict[str, Repeat] = {}
        self._questions: list[Question] = []
        self._counts: list[Question] = []
        self._groups: list[_Group] = []

    def _read_choices(self) -> Iterator[Choice]:
        seen = set[tuple[str, str]]()
        for row in self._choice_rows:
            name, list_name = _first_text(row, "$autovalue", "name"), str(row["list_name"])
            if name and (list_name, name) not in seen:
                seen.add((list_name, name))
                yield Choice(list_name, name, self._texts(row, "label"))

    def named_once(self) -> list[Question]:
        """Return the questions in reading order, each path once.

        A count of a repeat gives way to a question of the survey with its path, and what is named like a key
        of the server's is left out.
        """
        counts = {id(question) for question in self._counts}
        surveyed = {question.path for question in self._questions if id(question) not in counts}
        found: dict[str, Question] = {}
        for question in self._questions:
            if id(question) in counts and question.path in surveyed:
                continue
            if question.path not in SYSTEM_KEYS:
                found.setdefault(question.path, question)
        return list(found.values())

    def read(self, rows: Iterator[Mapping[str, Any]]) -> None:
        for row in rows:
            name = type_of(row)
            if name.base.startswith("begin_"):
                self._begin(name.base.removeprefix("begin_"), row)
            elif name.base.startswith("end_"):
                self._end()
            elif self._groups and self._groups[-1].type == "kobomatrix":
                self._groups[-1].columns.append(row)
            else:
                self._ask(name, row)

    @property
    def _path(self) -> str:
        return self._groups[-1].path if self._groups else ""

    @property
    def _hidden(self) -> bool:
        return bool(self._groups) and self._groups[-1].hidden

    def _begin(self, group_type: str, row: Mapping[str, Any]) -> None:
        hidden = self._hidden
        if group_type == "kobomatrix":
            self._groups.append(_Group(group_type, self._path, row, hidden))
            return
        name = _first_text(row, "$autoname", "name")
        if not name:  # left out: what stands in it is asked where it stands
            self._groups.append(_Group("group", self._path, row, hidden))
            return
        path = _below(self._path, name)
        if group_type in ("repeat", "lgroup", "looped_group") and not hidden:
            if row.get("repeat_count") not in (None, ""):
                count = Question(f"{path}_count", "calculate", Kind.INTEGER)
                self._counts.append(count)
                self._questions.append(count)
            hidden = path in SYSTEM_KEYS
            if not hidden:
                self.repeats.setdefault(path, Repeat(path, self._texts(row, "label")))
        self._groups.append(_Group(group_type, path, row, hidden))

    def _end(self) -> None:
        if self._groups and (group := self._groups.pop()).type == "kobomatrix":
            self._ask_matrix(group)

    def _ask_matrix(self, matrix: _Group) -> None:
        """Ask each column of a matrix once for each item, in a group of the item's."""
        name, listed = _first_text(matrix.row, "name", "$autoname"), matrix.row.get("kobo--matrix_list")
        for item in self._choice_rows:
            item_name = _first_text(item, "name", "$autovalue")
            if str(item["list_name"]) != listed or not item_name:
                continue
            group = f"{name}_{item_name}"
            of_item = self._texts(item, "label")
            for row in matrix.columns:
                path = _below(matrix.path, f"{group}/{group}_{_first_text(row, 'name', '$autoname')}")
                labels = self._texts(row, "label")
                both = {
                    language: ": ".join(filter(None, (of_item.get(language), labels.get(language))))
                    for language in self.languages
                    if language in of_item or language in labels
                }
                self._ask(type_of(row), row, path, both)

    def _ask(
        self, name: TypeName, row: Mapping[str, Any], path: str | None = None, labels: Texts | None = None
    ) -> None:
        group = self._groups[-1] if self._groups else None
        if group and name.base == "rank__level":
            name = name._replace(list_name=_text(group.row.get("kobo--rank-items")))
        elif group and name.base == "score__row":
            name = name._replace(list_name=_text(group.row.get("kobo--score-choices")))
        kind = kind_of(name, row, self._names.get(name.list_name, []))
        own_name = _first_text(row, "$autoname", "name")
        if kind is None or self._hidden or not (path or own_name):
            return
        if name.base == "note" and not (row.get("calculation") or row.get("default")):
            return
        path = _AUDIT if name.base == "audit" else path or _below(self._path, own_name)
        hints, kuid = self._texts(row, "hint"), _text(row.get("$kuid"))
        labels = self._texts(row, "label") if labels is None else labels
        self._questions.append(Question(path, name.base, kind, name.list_name, labels, hints, kuid))
        if name.or_other:
            self._questions.append(Question(f"{path}_other", "text", Kind.TEXT))

    def _texts(self, row: Mapping[str, Any], key: str) -> Texts:
        """Return the texts of a row under ``label`` or ``hint`` by language, those apart that are missing."""
        value = row.get(key)
        values = value if isinstance(value, list) else [value]
        texts = dict(zip(self._spelt, values, strict=False))
        for name, text in row.items():
            if name.startswith(f"{key}::"):  # a row that no server has put in order
                texts[name.removeprefix(f"{key}::").strip()] = text
        return {language: _text(text) for language, text in texts.items() if _text(text)}  # type: ignore[misc]


def _languages(content: Mapping[str, Any]) -> Iterator[str]:
    listed = content.get("translations")
    names = listed if isinstance(listed, list) and listed else [None]
    yield from ((isinstance(name, str) and _text(name)) or DEFAULT_LANGUAGE for name in names)


def _below(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _first_text(row: Mapping[str, Any], *keys: str) -> str:
    return next((text for key in keys if (text := _text(row.get(key)))), "")


def _text(value: Any) -> str | None:
    """Return a name or a label as text without NUL; a spreadsheet's numbers stay as they look."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).replace("\0", "") or None
