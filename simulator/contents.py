"""Definitions that follow others: one more question, a group that becomes a repeat; and their summary."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from simulator.questions import GEO, Row, ends_section, kind_of, name_of, section_of

Content = dict[str, Any]
_ADDED = "extra_note_"  # questions that later versions add
_UNASKED = frozenset(
    {
        "start", "end", "today", "username", "deviceid", "phonenumber", "email", "simserial", "subscriberid",
        "audit", "start-geopoint", "note",
    }
)  # fmt: skip


def uid(letter: str, *parts: object) -> str:
    """Return a uid like the real server's: a letter and 21 letters or digits.

    :param letter: the kind of thing, such as ``v`` for a version.
    :param parts: what it is made from; equal parts give equal uids.
    """
    return letter + blake2b("/".join(map(str, parts)).encode(), digest_size=16).hexdigest()[:21]


def question_row(name: str, type_: str, group: str = "", *, languages: int = 1) -> Row:
    """Return the row of a question, labelled with its name.

    :param name: the question's name.
    :param type_: its type, and its list of choices after a blank.
    :param group: the path of what it stands in.
    :param languages: in how many languages it has a label.
    """
    kind, _, list_name = type_.partition(" ")
    path = f"{group}/{name}" if group else name
    row: Row = {"name": name, "type": kind, "$kuid": uid("", path)[:9], "$xpath": path, "$autoname": name}
    if kind not in ("start", "end"):
        row["label"] = [name] * languages
    if list_name:
        row["select_from_list_name"] = list_name
    return row


def with_one_more_question(content: Content) -> Content:
    """Return a definition with a text question more, before its first section.

    :param content: the definition before.
    """
    rows = list(content["survey"])
    added = [place for place, row in enumerate(rows) if str(row.get("name")).startswith(_ADDED)]
    begun = (place for place, row in enumerate(rows) if section_of(kind_of(row)[0]))
    place = added[-1] + 1 if added else next(begun, len(rows))
    languages = len(content.get("translations") or [None])
    rows.insert(place, question_row(f"{_ADDED}{len(added) + 1}", "text", languages=languages))
    return content | {"survey": rows}


def with_sections(content: Content, kinds: Mapping[str, str]) -> Content:
    """Return a definition in which some sections are of another kind.

    :param content: the definition before.
    :param kinds: ``group`` or ``repeat`` by a section's path, or by its last part.
    :raises ValueError: the form has no such section.
    """
    rows, stack, missing = [], [("", "")], set(kinds)
    for row in content["survey"]:
        type_, kind = kind_of(row)[0], ""
        if section_of(type_):
            name = name_of(row)
            path = f"{stack[-1][0]}/{name}".lstrip("/")
            kind = kinds.get(path) or kinds.get(name) or ""
            missing -= {path, name}
            stack.append((path, kind))
        elif ends_section(type_) and len(stack) > 1:
            _, kind = stack.pop()
        edge = "begin" if section_of(type_) else "end"
        rows.append(row | {"type": f"{edge}_{kind}"} if kind else row)
    if missing:
        raise ValueError(f"no such group: {', '.join(sorted(missing))}")
    return content | {"survey": rows}


def summary(content: Content) -> dict[str, Any]:
    """Return the server's summary of a definition.

    :param content: the definition.
    """
    types = [(kind_of(row)[0], row) for row in content["survey"]]
    asked = [
        row for type_, row in types if not (section_of(type_) or ends_section(type_) or type_ in _UNASKED)
    ]
    languages = [language for language in content.get("translations") or [] if language]
    return {
        "geo": any(type_ in GEO for type_, _ in types),
        "labels": [label for label in map(_label, asked) if label][:5],
        "columns": ["name", "type", "label", "required", "select_from_list_name"],
        "lock_all": False,
        "lock_any": False,
        "languages": languages,
        "row_count": len(asked),
        "name_quality": {"ok": 0, "bad": 0, "good": len(asked), "total": len(asked), "firsts": {}},
        "default_translation": languages[0] if languages else None,
    }


def _label(row: Mapping[str, Any]) -> str:
    """Return a row's label in its first language, however the definition spells labels."""
    given = next((row[key] for key in row if key == "label" or str(key).startswith("label::")), "")
    return str((given[0] if given else "") or "") if isinstance(given, list) else str(given or "")
