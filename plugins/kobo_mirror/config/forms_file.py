"""Forms file: what ``kobo.yml`` asks for the tables of forms, with the line of each wish.

The file is read as a tree of nodes and not as values: so a question named ``yes`` stays a text, a key that
stands twice is seen, and each error names a line. What a table may be named, and which types there are, is
judged in ``forms``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import yaml

from kobo_mirror.config.policies import ADDITIVE, AUTO, POLICIES, REVIEW
from kobo_mirror.config.settings import ASSET_ID, DEFAULT_FORMS_FILE, Settings
from kobo_mirror.config.view_kinds import FURTHER_VIEWS
from kobo_mirror.config.yaml_tree import YamlTree, line_of
from kobo_mirror.errors import ConfigurationError

_OTHER_SPELLING = "kobo.yaml"
_KEYS_OF_FILE = ("forms",)
_KEYS_OF_FORM = ("uid", "table", "types", "schema", "join", "apart", "views")
_OF_PATHS = ("types", "join", "apart")
_PATH = re.compile(r"[^\s/]+(?:/[^\s/]+)*")
NO_UID = "uid must be a form's uid: the 8 to 40 letters and digits after /forms/ in its address."
_NO_TYPE = "a type must be a word such as integer."
_NO_PATH = "a question is named by its path: its groups and its own name, with / between them."


@dataclass(frozen=True)
class FormEntry:
    """What the file asks for one form.

    :param uid: of the form; empty: the file names none.
    :param table: the name of its main table; empty: none is asked for.
    :param types: path of a question → type, as it is written.
    :param schema: one of ``POLICIES``.
    :param join: former path of a question → another path of it.
    :param apart: paths that are a question of their own.
    :param views: kinds of further views, of ``FURTHER_VIEWS``.
    :param file: the file's path, as the setting names it.
    :param lines: keys from the form on, such as ``("types", "hh/age")`` → line, from 1; ``()`` is the form's.
    """

    uid: str = ""
    table: str = ""
    types: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    schema: str = ADDITIVE
    join: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    apart: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    file: str = DEFAULT_FORMS_FILE
    lines: Mapping[tuple[str, ...], int] = field(
        default_factory=lambda: MappingProxyType({}), compare=False, repr=False
    )

    def place(self, *keys: str) -> str:
        """Return where something is asked for, such as ``kobo.yml, line 4``.

        :param keys: as ``lines`` has them.
        """
        line = self.lines.get(keys)
        return self.file if line is None else f"{self.file}, line {line}"


def read_forms_file(settings: Settings) -> tuple[FormEntry, ...]:
    """Read the file that the settings name; the default one may be missing.

    :param settings: the settings of this process.
    :returns: the forms of the file, in its order; empty if there is none.
    :raises ConfigurationError: it cannot be read or is malformed. Its sentence names the line, and no value.
    """
    file = settings.kobo_forms_file
    try:
        raw = Path(file).read_bytes()
    except FileNotFoundError:
        if file == DEFAULT_FORMS_FILE and not Path(_OTHER_SPELLING).exists():
            return ()
        raise ConfigurationError(_missing(file)) from None
    except OSError as problem:
        raise ConfigurationError(
            f"The file {file}, which KOBO_FORMS_FILE names, cannot be read: {problem.strerror}."
        ) from None
    return _entries(YamlTree(file), raw)


def _missing(file: str) -> str:
    if file == DEFAULT_FORMS_FILE:
        return f"There is a file {_OTHER_SPELLING}: call it {file}, or name it in KOBO_FORMS_FILE."
    where = "here" if Path(file).is_absolute() else f"in {Path.cwd()}"
    return f"KOBO_FORMS_FILE names {file}, but there is no such file {where}."


def _entries(tree: YamlTree, raw: bytes) -> tuple[FormEntry, ...]:
    return tuple(_entry(tree, node) for node in tree.forms(raw, _KEYS_OF_FILE))


def _entry(tree: YamlTree, node: yaml.Node) -> FormEntry:
    fields = tree.fields(node, "a form must be lines such as table: households.", _KEYS_OF_FORM)
    lines: dict[tuple[str, ...], int] = {(name,): line_of(key) for name, (key, _) in fields.items()}
    texts = {
        name: tree.text(value, f"{name} must be a text.")
        for name, (_, value) in fields.items()
        if name not in (*_OF_PATHS, "views")
    }
    if "uid" in texts and not ASSET_ID.fullmatch(texts["uid"]):
        raise tree.refusal(fields["uid"][0], NO_UID)
    if texts.get("schema", ADDITIVE) not in POLICIES:
        raise tree.refusal(fields["schema"][0], f"schema must be {ADDITIVE}, {REVIEW} or {AUTO}.")
    of_paths = {name: fields[name][1] for name in _OF_PATHS if name in fields}
    types = _pairs(tree, of_paths.get("types"), "types must be lines such as hh/age: integer.", _NO_TYPE)
    join = _pairs(tree, of_paths.get("join"), "join must be lines such as old/age: hh/age.", _NO_PATH)
    for path, line in join.values():
        if not _PATH.fullmatch(path):
            raise tree.refusal(line, _NO_PATH)
    apart = _paths(tree, of_paths.get("apart"))
    views = _views(tree, fields["views"][1]) if "views" in fields else ()
    lines |= {("types", path): line for path, (_, line) in types.items()}
    lines |= {("join", path): line for path, (_, line) in join.items()}
    lines |= {("apart", path): line for path, line in apart.items()}
    lines[()] = line_of(node)
    return FormEntry(
        uid=texts.get("uid", ""),
        table=texts.get("table", ""),
        types=MappingProxyType({path: text for path, (text, _) in types.items()}),
        schema=texts.get("schema", ADDITIVE),
        join=MappingProxyType({path: other for path, (other, _) in join.items()}),
        apart=tuple(apart),
        views=views,
        file=tree.file,
        lines=MappingProxyType(lines),
    )


def _pairs(tree: YamlTree, node: yaml.Node | None, shape: str, no_text: str) -> dict[str, tuple[str, int]]:
    """Return question path → what is said of it, and its line."""
    found = {}
    for path, (key, value) in (tree.fields(node, shape) if node else {}).items():
        if not _PATH.fullmatch(path):
            raise tree.refusal(key, _NO_PATH)
        found[path] = tree.text(value, no_text), line_of(key)
    return found


def _views(tree: YamlTree, node: yaml.Node) -> tuple[str, ...]:
    """Return the kinds of views of a list, each once."""
    known = ", ".join(FURTHER_VIEWS)
    shape = f"views must be a list such as [{FURTHER_VIEWS[0]}]; known: {known}."
    found = {}
    for item in tree.items(node, shape):
        kind = tree.text(item, shape)
        if kind not in FURTHER_VIEWS:
            raise tree.refusal(item, shape)
        found[kind] = True
    return tuple(kind for kind in FURTHER_VIEWS if kind in found)


def _paths(tree: YamlTree, node: yaml.Node | None) -> dict[str, int]:
    """Return the paths of a list, each with its line."""
    shape = "apart must be a list of paths, such as [hh/age, hh/name]."
    found: dict[str, int] = {}
    for item in tree.items(node, shape) if node else ():
        path = tree.text(item, _NO_PATH)
        if not _PATH.fullmatch(path):
            raise tree.refusal(item, _NO_PATH)
        found.setdefault(path, line_of(item))
    return found
