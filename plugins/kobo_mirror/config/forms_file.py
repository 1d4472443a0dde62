"""Forms file: which forms ``kobo.yml`` names, and what it asks for each, with the line of each wish.

The file is read as a tree of nodes and not as values: so a question named ``yes`` stays a text, a key that
stands twice is seen, and each error names a line. What a table may be named, and which types there are, is
judged in ``forms``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from kobo_mirror.config.form_entry import (
    NO_UID,
    FormEntry,
    read_connection,
    read_defaults,
    read_entry,
    read_server,
    read_variable,
)
from kobo_mirror.config.schedules import Schedules
from kobo_mirror.config.settings import ASSET_ID, DEFAULT_FORMS_FILE, Settings
from kobo_mirror.config.yaml_tree import Fields, YamlTree
from kobo_mirror.errors import ConfigurationError

__all__ = ["Discover", "FormEntry", "FormsFile", "read_forms_file"]

_OTHER_SPELLING = "kobo.yaml"
_KEYS_OF_FILE = ("server", "token", "connection", "defaults", "forms", "discover")
_KEYS_OF_DISCOVER = ("tag", "owner", "exclude")
_ALL = "all"
_NO_SERVER = "connection needs its server beside it: add server."
_SHAPE_OF_DISCOVER = "discover must be all, or lines such as tag: mirror."


@dataclass(frozen=True)
class Discover:
    """Which deployed forms of the account are mirrored without being named.

    :param tag: only those that have this tag; empty: whatever tags they have.
    :param owner: only those of this account; empty: of any.
    :param exclude: the uids of forms that are left out.
    """

    tag: str = ""
    owner: str = ""
    exclude: frozenset[str] = frozenset()


@dataclass(frozen=True)
class FormsFile:
    """What the file says.

    :param file: its path, as the setting names it.
    :param entries: the forms that it names, in its order. One may have no uid: it is about the form of
        ``KOBO_ASSET_ID``.
    :param defaults: what holds for forms that it does not name.
    :param discover: which further forms are mirrored; None: none.
    :param server: address of the server of its forms; empty: ``KOBO_URL``.
    :param token: the environment variable that holds the token; empty: ``KOBO_TOKEN``.
    """

    file: str = DEFAULT_FORMS_FILE
    entries: tuple[FormEntry, ...] = ()
    defaults: FormEntry = field(default_factory=FormEntry)
    discover: Discover | None = None
    server: str = ""
    token: str = ""

    @property
    def names_forms(self) -> bool:
        """True if it says which forms are mirrored: then they may share a database."""
        return self.discover is not None or any(entry.uid for entry in self.entries)

    def schedules_of(self, entry: FormEntry) -> Schedules:
        """Return when Airflow reads a form that is not that of ``KOBO_ASSET_ID``.

        :param entry: what the file says of it.
        """
        if entry.own_dag:
            return Schedules(entry.schedule)
        usual = self.defaults.schedule
        return Schedules(usual, entry.schedule if entry.schedule != usual else "")


def read_forms_file(settings: Settings) -> FormsFile:
    """Read the file that the settings name; the default one may be missing.

    :param settings: the settings of this process.
    :returns: what it says; nothing, if there is none.
    :raises ConfigurationError: it cannot be read or is malformed. Its sentence names the line, and no value.
    """
    file = settings.kobo_forms_file
    try:
        raw = Path(file).read_bytes()
    except FileNotFoundError:
        if file == DEFAULT_FORMS_FILE and not Path(_OTHER_SPELLING).exists():
            return FormsFile()
        raise ConfigurationError(_missing(file)) from None
    except OSError as problem:
        raise ConfigurationError(
            f"The file {file}, which KOBO_FORMS_FILE names, cannot be read: {problem.strerror}."
        ) from None
    return parse_forms_file(file, raw)


def parse_forms_file(file: str, raw: bytes) -> FormsFile:
    """Return what a content of the file says.

    :param file: the file's path, for sentences.
    :param raw: the content.
    :raises ConfigurationError: as for :func:`read_forms_file`.
    """
    tree = YamlTree(file)
    fields = tree.file_fields(raw, _KEYS_OF_FILE)
    defaults = read_defaults(tree, fields)
    server, token = read_server(tree, fields), read_variable(tree, fields, "token")
    connection = read_connection(tree, fields)
    if connection and not server:
        raise tree.refusal(fields["connection"][0], _NO_SERVER)
    of_all = replace(defaults, server=server, token=token, connection=connection)
    entries = [_with_account(read_entry(tree, node, defaults), of_all) for node in tree.listed_forms(fields)]
    check_differing(entries)
    return FormsFile(file, tuple(entries), of_all, _discover(tree, fields), server, token)


def _with_account(entry: FormEntry, of_all: FormEntry) -> FormEntry:
    """Return an entry with the account of all forms, unless it names one of its own."""
    if entry.server not in ("", of_all.server) and not (entry.token or entry.connection):
        problem = "a form of another server needs the token of an account there: add token."
        raise _refusal(entry, problem, "server")
    if entry.connection and not (entry.server or of_all.server):
        raise _refusal(entry, _NO_SERVER, "connection")
    if not (entry.token or entry.connection):
        entry = replace(entry, token=of_all.token, connection=of_all.connection)
    return replace(entry, server=entry.server or of_all.server)


def _missing(file: str) -> str:
    if file == DEFAULT_FORMS_FILE:
        return f"There is a file {_OTHER_SPELLING}: call it {file}, or name it in KOBO_FORMS_FILE."
    where = "here" if Path(file).is_absolute() else f"in {Path.cwd()}"
    return f"KOBO_FORMS_FILE names {file}, but there is no such file {where}."


def check_differing(entries: Sequence[FormEntry], server: str = "") -> None:
    """Check that no form stands twice, and that tables and DAGs have names of their own.

    :param entries: the forms that a file names.
    :param server: address of the server of those that name none; empty: it is not known here.
    :raises ConfigurationError: they have not.
    """
    seen: dict[tuple[str, str], FormEntry] = {}
    tables: dict[str, FormEntry] = {}
    for entry in entries:
        twin = seen.setdefault((entry.server or server, entry.uid), entry)
        if twin is not entry:
            problem = (
                f"this form stands here twice: first in line {twin.lines[()]}."
                if entry.uid
                else "uid is missing: only one form may go without, that of KOBO_ASSET_ID."
            )
            raise _refusal(entry, problem, *(["uid"] if entry.uid else []))
        if entry.table and (twin := tables.setdefault(entry.table, entry)) is not entry:
            problem = (
                f"two forms ask for the table {entry.table}: this one and that of line {twin.lines[()]}; "
                "give each its own."
            )
            raise _refusal(entry, problem, "table")
    for entry in entries:
        if entry.own_dag and not entry.table and sum(other.uid == entry.uid for other in entries) > 1:
            problem = "several servers have a form of this uid: add table, to name its DAG."
            raise _refusal(entry, problem, "own_dag")


def _refusal(entry: FormEntry, problem: str, *keys: str) -> ConfigurationError:
    return ConfigurationError(f"{entry.place(*keys)}: {problem}")


def _discover(tree: YamlTree, fields: Fields) -> Discover | None:
    if "discover" not in fields:
        return None
    key, node = fields["discover"]
    if node.value == _ALL:
        return Discover()
    given = tree.fields(node, _SHAPE_OF_DISCOVER, _KEYS_OF_DISCOVER)
    if not given:
        raise tree.refusal(key, _SHAPE_OF_DISCOVER)
    texts = {
        name: tree.text(value, f"{name} must be a text.")
        for name, (_, value) in given.items()
        if name != "exclude"
    }
    excluded = _uids(tree, given["exclude"][1]) if "exclude" in given else ()
    return Discover(texts.get("tag", ""), texts.get("owner", ""), frozenset(excluded))


def _uids(tree: YamlTree, node: yaml.Node) -> Iterator[str]:
    for item in tree.items(node, "exclude must be a list of uids."):
        uid = tree.text(item, NO_UID)
        if not ASSET_ID.fullmatch(uid):
            raise tree.refusal(item, NO_UID)
        yield uid
