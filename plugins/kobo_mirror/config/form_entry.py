"""Form entry: what ``kobo.yml`` says of one form, or of all forms by its ``defaults``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from urllib.parse import urlsplit

import yaml

from kobo_mirror.config.policies import ADDITIVE, AUTO, POLICIES, REVIEW
from kobo_mirror.config.schedules import is_schedule
from kobo_mirror.config.settings import ASSET_ID, DEFAULT_FORMS_FILE, NO_SERVER, server_url
from kobo_mirror.config.view_kinds import FURTHER_VIEWS
from kobo_mirror.config.yaml_tree import Fields, YamlTree, line_of

KEYS_OF_DEFAULTS = ("schema", "schedule")
_KEYS_OF_FORM = (
    "uid", "table", "types", "schema", "join", "apart", "views",
    "server", "token", "connection", "schedule", "own_dag",
)  # fmt: skip
_WORDS = ("uid", "table", "schema", "schedule", "own_dag")
_OF_PATHS = ("types", "join", "apart")
_PATH = re.compile(r"[^\s/]+(?:/[^\s/]+)*")
_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]{0,99})\}|([A-Z][A-Z0-9_]{0,99})")
_CONNECTION = re.compile(r"[\w.-]{1,200}", re.ASCII)
_SCHEDULE = re.compile(  # croniter takes H and R, too, but these are another moment each time
    r"(?!.*\b[HRhr]\b)(?:@(?:hourly|daily|weekly|monthly|yearly)|[0-9A-Za-z*/,#-]+(?: [0-9A-Za-z*/,#-]+){4})"
)
NO_UID = "uid must be a form's uid: the 8 to 40 letters and digits after /forms/ in its address."
_NO_TYPE = "a type must be a word such as integer."
_NO_PATH = "a question is named by its path: its groups and its own name, with / between them."
_NO_SCHEDULE = (
    'schedule must be @hourly, @daily, @weekly, @monthly or @yearly, or such as "*/15 * * * *": minute '
    "(0-59), hour (0-23), day (1-31), month (1-12) and weekday (0-7), of a day that there is."
)
_NO_OWN_DAG = (
    "own_dag needs uid beside it: add uid, or leave own_dag out. The form of KOBO_ASSET_ID has kobo_sync."
)


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
    :param server: address of its server as ``server_url`` spells it; empty: that of all forms.
    :param token: the environment variable that holds the token of its account; empty: that of all forms.
    :param connection: the connection of Airflow that holds server and token of its account; empty: none.
    :param schedule: when Airflow syncs it, a schedule that there is; empty: as all forms.
    :param own_dag: it has a DAG of its own, and a uid.
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
    server: str = ""
    token: str = ""
    connection: str = ""
    schedule: str = ""
    own_dag: bool = False
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


def read_defaults(tree: YamlTree, fields: Fields) -> FormEntry:
    """Return what holds for each form that does not say otherwise.

    :param tree: the file.
    :param fields: the keys at its top, of which ``defaults`` is read.
    :raises ConfigurationError: it is malformed.
    """
    if "defaults" not in fields:
        return FormEntry(file=tree.file)
    shape = "defaults must be lines such as schema: review."
    return _with_texts(
        tree, tree.fields(fields["defaults"][1], shape, KEYS_OF_DEFAULTS), FormEntry(file=tree.file)
    )


def read_entry(tree: YamlTree, node: yaml.Node, defaults: FormEntry) -> FormEntry:
    """Return what the file says of a form.

    :param tree: the file.
    :param node: an item of ``forms``.
    :param defaults: what holds where it says nothing.
    :raises ConfigurationError: it is malformed.
    """
    fields = tree.fields(node, "a form must be lines such as table: households.", _KEYS_OF_FORM)
    entry = _with_texts(tree, fields, defaults)
    of_paths = {name: fields[name][1] for name in _OF_PATHS if name in fields}
    types = _pairs(tree, of_paths.get("types"), "types must be lines such as hh/age: integer.", _NO_TYPE)
    join = _pairs(tree, of_paths.get("join"), "join must be lines such as old/age: hh/age.", _NO_PATH)
    for path, line in join.values():
        if not _PATH.fullmatch(path):
            raise tree.refusal(line, _NO_PATH)
    apart = _paths(tree, of_paths.get("apart"))
    lines: dict[tuple[str, ...], int] = {(name,): line_of(key) for name, (key, _) in fields.items()}
    lines |= {("types", path): line for path, (_, line) in types.items()}
    lines |= {("join", path): line for path, (_, line) in join.items()}
    lines |= {("apart", path): line for path, line in apart.items()}
    lines[()] = line_of(node)
    return replace(
        entry,
        types=MappingProxyType({path: text for path, (text, _) in types.items()}),
        join=MappingProxyType({path: other for path, (other, _) in join.items()}),
        apart=tuple(apart),
        views=_views(tree, fields["views"][1]) if "views" in fields else entry.views,
        lines=MappingProxyType(lines),
    )


def read_server(tree: YamlTree, fields: Fields) -> str:
    """Return the address of a server, empty where none is named.

    :param tree: the file.
    :param fields: the keys beside ``server``.
    :raises ConfigurationError: it is none, or goes on behind the host.
    """
    if "server" not in fields:
        return ""
    key, value = fields["server"]
    try:
        address = server_url(tree.text(value, "server must be an address."))
    except ValueError as problem:
        raise tree.refusal(key, f"server {problem}.") from None
    if urlsplit(address).path:
        raise tree.refusal(key, f"server {NO_SERVER}.")
    return address


def read_variable(tree: YamlTree, fields: Fields, name: str) -> str:
    """Return the environment variable that holds a secret, empty where none is named.

    :param tree: the file.
    :param fields: the keys beside it.
    :param name: of the key, such as ``token``.
    :raises ConfigurationError: it is no name of a variable: most likely the secret itself, which is not told.
    """
    if name not in fields:
        return ""
    key, value = fields[name]
    problem = (
        f"secrets do not belong into this file: {name} must be the name of an environment variable, such as "
        f"KOBO_{name.upper()}_2."
    )
    found = _VARIABLE.fullmatch(tree.text(value, problem))
    if not found:
        raise tree.refusal(key, problem)
    return str(found[1] or found[2])


def read_connection(tree: YamlTree, fields: Fields) -> str:
    """Return the connection of Airflow that holds an account, empty where none is named.

    :param tree: the file.
    :param fields: the keys beside it.
    :raises ConfigurationError: it is no id of a connection.
    """
    if "connection" not in fields:
        return ""
    key, value = fields["connection"]
    problem = "connection must be the id of a connection of Airflow, such as kobo_eu."
    name = tree.text(value, problem)
    if not _CONNECTION.fullmatch(name):
        raise tree.refusal(key, problem)
    return name


def _with_texts(tree: YamlTree, fields: Fields, entry: FormEntry) -> FormEntry:
    """Return an entry with what single words say."""
    given = {
        name: tree.text(value, _NO_SCHEDULE if name == "schedule" else f"{name} must be a text.")
        for name, (_, value) in fields.items()
        if name in _WORDS
    }
    if "uid" in given and not ASSET_ID.fullmatch(given["uid"]):
        raise tree.refusal(fields["uid"][0], NO_UID)
    if given.get("schema", ADDITIVE) not in POLICIES:
        raise tree.refusal(fields["schema"][0], f"schema must be {ADDITIVE}, {REVIEW} or {AUTO}.")
    if "schedule" in given and not (
        _SCHEDULE.fullmatch(given["schedule"]) and is_schedule(given["schedule"])
    ):
        raise tree.refusal(fields["schedule"][0], _NO_SCHEDULE)
    if given.get("own_dag", "true") not in ("true", "false"):
        raise tree.refusal(fields["own_dag"][0], "own_dag must be true or false.")
    if given.get("own_dag") == "true" and "uid" not in given:
        raise tree.refusal(fields["own_dag"][0], _NO_OWN_DAG)
    return replace(
        entry,
        uid=given.get("uid", entry.uid),
        table=given.get("table", entry.table),
        schema=given.get("schema", entry.schema),
        schedule=given.get("schedule", entry.schedule),
        own_dag=given.get("own_dag") == "true",
        server=read_server(tree, fields),
        token=read_variable(tree, fields, "token"),
        connection=read_connection(tree, fields),
    )


def _pairs(tree: YamlTree, node: yaml.Node | None, shape: str, no_text: str) -> dict[str, tuple[str, int]]:
    """Return question path → what is said of it, and its line."""
    found = {}
    for path, (key, value) in (tree.fields(node, shape) if node else {}).items():
        if not _PATH.fullmatch(path):
            raise tree.refusal(key, _NO_PATH)
        found[path] = tree.text(value, no_text), line_of(key)
    return found


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
