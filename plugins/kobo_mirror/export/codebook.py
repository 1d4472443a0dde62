"""Codebook: what each column of an export means, and each choice, as one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from kobo_mirror.export.exported import LOCAL, Exported, ExportTable, Field
from kobo_mirror.forms.form_schema import VALUE, ChoiceRow
from kobo_mirror.forms.question_types import Kind
from kobo_mirror.views.languages import Language

NAME = "codebook"
_TELLS = ("table", "column", "question", "question_type", "type", "list", "choice", "label", "description")
_VERSIONS = ("first_version", "last_version", "status")
Line = list[str | None]

_DESCRIPTIONS: Mapping[str, str] = {
    "key": "The key of the row, as one text: the submission's number, and the places of its repetitions",
    "parent_key": "The key of the row above, that this one belongs to",
    "kobo_id": "The submission's number in KoboToolbox",
    "pos": "The place of the row in its repeat, from 1",
    "id": "The row's id",
    "submission_time": "When the server got the submission, in UTC",
    "submitted_by": "The account that sent the submission",
    "form_version": "The version of the form by which the submission was made",
    "validation_status": "The validation status, such as validation_status_approved",
    "validation_by": "Who set the validation status",
    "validation_time": "When the validation status was set, in UTC",
    "root_uuid": "The submission's uuid, which no edit changes",
    "instance_name": "What the form calls the submission",
    "extra": "Answers that no column is for, as JSON: path and answer",
    "inserted_at": "When the row was first written to this database, in UTC",
    "updated_at": "When anything of the submission last changed in this database, in UTC",
    "rows": "How many rows the repeat has here",
    "offset": "By how many minutes the device's clock was ahead of UTC",
    LOCAL: "The same time as the device's clock showed it",
    "lat": "Latitude, in degrees (WGS 84)",
    "lon": "Longitude, in degrees (WGS 84)",
    "alt": "Altitude, in metres",
    "acc": "Accuracy, in metres",
    "table_name": "The table of the row that this belongs to",
    "column": "The column that could not hold the answer",
    "question": "The path of the question",
    "answer": "The answer as it was given",
    "reason": "Why the column could not hold it",
    "uid": "The file's id in KoboToolbox",
    "column_name": "The column with the file's name",
    "file_name": "The file's name",
    "mime_type": "The file's media type",
    "is_deleted": "True if the file was deleted in KoboToolbox",
    "matched": "How the file was told to belong to the question: exact, guess, several or none",
    "question_xpath": "The question, as the server says",
}
_TYPES: Mapping[Kind, str] = {Kind.KEY: "text", Kind.JSON: "text"}


@dataclass(frozen=True)
class Meaning:
    """What a column means.

    :param label: in the form's first language, or None.
    :param labels: by the codes of languages.
    :param description: the hint of a question, or what a column shows that is no answer.
    :param choices: of the question, those of former versions too.
    """

    label: str | None
    labels: Mapping[str, str]
    description: str | None
    choices: tuple[ChoiceRow, ...]


class Codebook:
    """What the columns of an export mean.

    :param exported: its tables.
    """

    def __init__(self, exported: Exported) -> None:
        self._exported = exported

    @property
    def fields(self) -> list[tuple[str, Kind]]:
        """The columns of the codebook itself."""
        languages = [f"label_{language.code}" for language in self._exported.languages]
        return [(name, Kind.TEXT) for name in (*_TELLS, *languages, *_VERSIONS)]

    def rows(self) -> Iterator[Line]:
        """Yield a row for each column of each table, and behind it one for each choice of its question."""
        for table in self._exported.tables:
            for field in table.fields:
                yield from self._rows_of(table, field)

    def _rows_of(self, table: ExportTable, field: Field) -> Iterator[Line]:
        meaning, column = self.meaning(field), field.column
        list_name = field.answers.newest.list_name if field.answers and meaning.choices else None
        question_type = column.question_type if column and field.facet == VALUE else None
        about = [table.name, field.name, field.path or None]
        told = [*about, question_type, type_of(field.kind), list_name, None, meaning.label]
        versions: Line = [None] * len(_VERSIONS)
        if column is not None and column.path:
            versions = [column.first_version, column.last_version, column.status.value]
        yield [*told, meaning.description, *self._in_languages(meaning.labels), *versions]
        for choice in meaning.choices:
            labels = self.labels(choice.labels)
            first = next(iter(choice.labels.values()), None)
            told = [*about, None, None, choice.list_name, choice.name, first, None]
            versions = [choice.first_version, choice.last_version, None]
            yield [*told, *self._in_languages(labels), *versions]

    def meaning(self, field: Field) -> Meaning:
        """Return what a column means.

        :param field: of one of the tables.
        """
        column = field.column
        if column is None or field.facet != VALUE:
            label = next(iter(column.labels.values()), None) if column and column.path else None
            return Meaning(
                label, self.labels(column.labels) if label and column else {}, described(field.facet), ()
            )
        description = next(iter(column.hints.values()), None)
        label = next(iter(column.labels.values()), None)
        return Meaning(label, self.labels(column.labels), description, tuple(self._choices_of(field)))

    def labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return labels by the codes of languages.

        :param labels: by what versions call them.
        """
        found = {language.code: _label(labels, language) for language in self._exported.languages}
        return {code: label for code, label in found.items() if label is not None}

    def _in_languages(self, labels: Mapping[str, str]) -> Line:
        return [labels.get(language.code) for language in self._exported.languages]

    def _choices_of(self, field: Field) -> Iterator[ChoiceRow]:
        answers = field.answers
        if answers is None or not (answers.takes_one or answers.takes_many):
            return
        seen = set[str]()
        for name in dict.fromkeys(column.list_name or "" for _, column in answers.cells):
            for choice in self._lists.get(name, ()):
                if choice.name not in seen:
                    seen.add(choice.name)
                    yield choice

    @cached_property
    def _lists(self) -> Mapping[str, list[ChoiceRow]]:
        found: dict[str, list[ChoiceRow]] = {}
        for choice in sorted(self._exported.schema.choices, key=lambda one: one.position):
            found.setdefault(choice.list_name, []).append(choice)
        return found


def _label(labels: Mapping[str, str], language: Language) -> str | None:
    return next((labels[name] for name in language.names if name in labels), None)


def type_of(kind: Kind) -> str:
    """Return what a codebook calls a kind.

    :param kind: of a column.
    """
    return _TYPES.get(kind, kind.value)


def described(facet: str) -> str | None:
    """Return what a column shows that is no answer.

    :param facet: of the column.
    """
    return _DESCRIPTIONS.get("pos" if facet.startswith("pos_") else facet)
