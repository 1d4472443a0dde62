"""Languages: the codes by which views are named, and the labels of lists in each of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.naming import name_all
from kobo_mirror.views.values import Pairs

_CODE = re.compile(r"\(\s*([a-z]{2,3}(?:[-_][a-z0-9]{2,8})*)\s*\)\s*$", re.IGNORECASE)
_LONGEST_CODE = 16  # bytes


@dataclass(frozen=True)
class Language:
    """A language of a form.

    :param code: such as ``fr``; where the language's name has none, what can be read of the name.
    :param names: what versions call it, the newest first.
    """

    code: str
    names: tuple[str, ...]


def languages_of(schema: FormSchema) -> tuple[Language, ...]:
    """Return the languages of all labels; the first one is that of the newest version.

    :param schema: of a form.
    """
    there = dict.fromkeys(name for labels in _newest_first(schema) for name in labels)
    ordered = dict.fromkeys([*(name for name in schema.languages if name in there), *there])
    coded = {name: found[1].lower().replace("-", "_") for name in ordered if (found := _coded(name))}
    plain = {name: name.replace("/", " ").strip() for name in ordered if name not in coded}
    slugs = name_all(
        dict.fromkeys(plain.values()), coded.values(), is_reserved=lambda _: False, longest=_LONGEST_CODE
    )
    by_code: dict[str, list[str]] = {}
    for name in ordered:
        by_code.setdefault(coded.get(name) or slugs[plain[name]], []).append(name)
    return tuple(Language(code, tuple(names)) for code, names in by_code.items())


def _coded(name: str) -> re.Match[str] | None:
    found = _CODE.search(name)
    return found if found and len(found[1]) <= _LONGEST_CODE else None


def _newest_first(schema: FormSchema) -> list[Mapping[str, str]]:
    """Return all labels: those of the newest version first, among them those in the most languages."""
    place = {uid: number for number, uid in enumerate(schema.versions)}
    columns = [column for table in schema.tables for column in table.columns if column.path]
    told: list[tuple[str | None, Mapping[str, str]]] = [(c.last_version, c.labels) for c in columns]
    told += [(choice.last_version, choice.labels) for choice in schema.choices]
    told.sort(key=lambda one: (-place.get(one[0] or "", -1), -len(one[1])))
    return [*(labels for _, labels in told), *(table.labels for table in schema.tables)]


def labels_of_lists(schema: FormSchema, languages: Sequence[Language], code: str) -> dict[str, Pairs]:
    """Return the labels of all choices in a language, else in the first one, else their names.

    Labels that two choices of a list share are told apart by the names.

    :param schema: of a form.
    :param languages: of the form, the first one first.
    :param code: of one of them.
    :returns: name of a list → its choices.
    """
    mine = [name for language in languages if language.code == code for name in language.names]
    preferred = [*mine, *(languages[0].names if languages else ())]
    found: dict[str, list[tuple[str, str]]] = {}
    for choice in schema.choices:
        label = next((choice.labels[name] for name in preferred if name in choice.labels), choice.name)
        found.setdefault(choice.list_name, []).append((choice.name, label))
    return {list_name: tuple(_told_apart(pairs)) for list_name, pairs in found.items()}


def _told_apart(pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    often = Counter(label for _, label in pairs)
    for name, label in pairs:
        yield name, f"{label} [{name}]" if often[label] > 1 and label != name else label
