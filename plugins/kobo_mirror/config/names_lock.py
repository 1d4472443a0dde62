"""Names lock: ``names.lock.yml``, which says how the tables and columns of a mirror are named.

It is written by us and read by us, so that a database that is made again has the same names. What a name may
be, and which table or column it is for, is judged in ``forms``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kobo_mirror.config.form_entry import NO_UID
from kobo_mirror.config.settings import ASSET_ID, Settings
from kobo_mirror.config.yaml_tree import YamlTree, line_of
from kobo_mirror.errors import ConfigurationError

NAMES_LOCK = "names.lock.yml"
VALUE = "value"
_HEADER = """\
# The names of the tables and columns of this mirror, by what they hold. Written by Kobo Mirror: keep it with
# kobo.yml under version control, and do not edit it. A database that is made again takes its names from here.
"""
_KEYS_OF_FORM = ("uid", "name", "tables")
_KEYS_OF_TABLE = ("name", "repeats", "columns")
_KEYS_OF_COLUMN = ("path", "kind", "facet")
_FORM_KEY = re.compile(rf"(?:{ASSET_ID.pattern})(?:~[0-9]{{1,3}})?")
_WIDE = 1_000_000  # characters of a line: none is broken, so that a changed column is a changed line


@dataclass(frozen=True)
class LockedColumn:
    """A column of the file.

    :param path: of its question or repeat.
    :param facet: as ``Column.facet``.
    :param kind: of a question's own column; empty for a facet.
    :param line: of the file, from 1; 0: it was not read from one.
    """

    name: str
    path: str
    facet: str = VALUE
    kind: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class LockedTable:
    """A table of the file.

    :param repeats: the paths of the repeats that its rows stand in, the outermost first.
    :param line: as that of a column.
    """

    name: str
    repeats: tuple[str, ...]
    columns: tuple[LockedColumn, ...]
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class LockedForm:
    """A form of the file.

    :param uid: its uid.
    :param name: what the names of all of its tables start with.
    :param file: the file's path.
    """

    uid: str
    name: str
    tables: tuple[LockedTable, ...]
    file: str = field(default=NAMES_LOCK, compare=False)
    line: int = field(default=0, compare=False)

    def refusal(self, line: int, problem: str) -> ConfigurationError:
        """Return the error for a name that cannot be.

        :param line: of the file.
        :param problem: a sentence without its first words, which name the place.
        """
        return YamlTree(self.file).refusal(line or self.line, problem)


def names_lock_path(settings: Settings) -> Path:
    """Return where the file is: beside ``kobo.yml``.

    :param settings: the settings of this process.
    """
    return Path(settings.kobo_forms_file).with_name(NAMES_LOCK)


def read_names_lock(settings: Settings) -> tuple[LockedForm, ...]:
    """Read the file, if there is one.

    :param settings: the settings of this process.
    :returns: the forms of the file; empty if there is none.
    :raises ConfigurationError: it cannot be read or is malformed. Its sentence names file and line.
    """
    path = names_lock_path(settings)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as problem:
        raise ConfigurationError(f"The file {path} cannot be read: {problem.strerror}.") from None
    tree = YamlTree(str(path))
    return tuple(_form(tree, node) for node in tree.forms(raw, ("forms",)))


def names_lock_text(forms: Iterable[LockedForm]) -> str:
    """Return the file's content.

    :param forms: in the order in which they are to stand; their tables and columns likewise.
    """
    content = {"forms": [_told_form(form) for form in forms]}
    told = yaml.safe_dump(
        content, sort_keys=False, allow_unicode=True, width=_WIDE, default_flow_style=None, indent=2
    )
    return _HEADER + told


def _told_form(form: LockedForm) -> dict[str, Any]:
    tables = [
        {
            "name": table.name,
            "repeats": list(table.repeats),
            "columns": {column.name: _told_column(column) for column in table.columns},
        }
        for table in form.tables
    ]
    return {"uid": form.uid, "name": form.name, "tables": tables}


def _told_column(column: LockedColumn) -> dict[str, str]:
    what = {"kind": column.kind} if column.facet == VALUE else {"facet": column.facet}
    return {"path": column.path, **what}


def _form(tree: YamlTree, node: yaml.Node) -> LockedForm:
    fields = tree.fields(node, "a form must have the keys uid, name and tables.", _KEYS_OF_FORM)
    texts = {key: _needed_text(tree, node, fields, key) for key in ("uid", "name")}
    if not _FORM_KEY.fullmatch(texts["uid"]):
        raise tree.refusal(fields["uid"][0], NO_UID)
    tables = tree.items(_needed(tree, node, fields, "tables"), "tables must be a list.")
    return LockedForm(
        texts["uid"], texts["name"], tuple(_table(tree, one) for one in tables), tree.file, line_of(node)
    )


def _table(tree: YamlTree, node: yaml.Node) -> LockedTable:
    fields = tree.fields(node, "a table must have the keys name, repeats and columns.", _KEYS_OF_TABLE)
    name = _needed_text(tree, node, fields, "name")
    repeats = tree.items(_needed(tree, node, fields, "repeats"), "repeats must be a list of paths.")
    columns = tree.fields(
        _needed(tree, node, fields, "columns"),
        "columns must be lines such as age: {path: hh/age, kind: integer}.",
        what="this column",
    )
    return LockedTable(
        name,
        tuple(tree.text(one, "a repeat must be a path.") for one in repeats),
        tuple(_column(tree, column, line_of(key), value) for column, (key, value) in columns.items()),
        line_of(node),
    )


def _column(tree: YamlTree, name: str, line: int, node: yaml.Node) -> LockedColumn:
    shape = "a column must be told such as {path: hh/age, kind: integer}."
    fields = tree.fields(node, shape, _KEYS_OF_COLUMN)
    texts = {key: tree.text(value, shape) for key, (_, value) in fields.items()}
    if "path" not in texts or ("kind" in texts) == ("facet" in texts):
        raise tree.refusal(line, shape)
    return LockedColumn(name, texts["path"], texts.get("facet", VALUE), texts.get("kind", ""), line)


def _needed_text(tree: YamlTree, node: yaml.Node, fields: Any, key: str) -> str:
    value = _needed(tree, node, fields, key)
    return tree.text(value, f"{key} must be a text.")


def _needed(tree: YamlTree, node: yaml.Node, fields: Any, key: str) -> yaml.Node:
    if key not in fields:
        raise tree.refusal(node, f"{key} is missing here.")
    value: yaml.Node = fields[key][1]
    return value
