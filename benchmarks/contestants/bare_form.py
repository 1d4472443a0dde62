"""The limit for any form: the same cells in the same tables as ours, page by page, with no library of ours.

Which column holds which answer stands in the catalog of the database (``kobo_tables``, ``kobo_columns``).
Cells are texts that the database converts; only times, points and truth values are made here. Nothing is
checked: an answer that does not fit its column ends the script.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import msgspec

from benchmarks.contestants.bare import LEDGER, NOTHING, SEPARATOR, Escape, Script, connect, field_of

ROW_END, BINARY = "\x1d", "\x1c"
CATALOG = (
    "SELECT IF(t.kind = 'part', t.parent_table, t.table_name), t.kind, t.path, t.table_name, "
    "c.column_name, c.path, c.facet, c.kind FROM kobo_tables t "
    "JOIN kobo_columns c ON c.table_name = t.table_name "
    "WHERE t.asset_uid = %s AND t.kind <> 'declared' ORDER BY t.table_name, c.position"
)
FILES = (
    "kobo_id, uid, table_name, pos, column_name, file_name, mime_type, is_deleted, matched, question_xpath"
)
POINT = ("lat", "lon", "alt", "acc")

Cells = list[str]
Convert = Callable[[Any], Iterable[str]]


class Attachment(msgspec.Struct):
    """A file that a submission lists."""

    uid: str
    mimetype: str
    media_file_basename: str
    question_xpath: str


def moment(answer: str) -> tuple[str, str]:
    """Return a time in UTC and its offset in minutes."""
    if answer == NOTHING:
        return NOTHING, NOTHING
    time = datetime.fromisoformat(answer)
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}", _minutes(answer[-6:])


def clock(answer: str) -> tuple[str, str]:
    """Return a time of day and its offset in minutes."""
    return (NOTHING, NOTHING) if answer == NOTHING else (answer[:-6], _minutes(answer[-6:]))


def _minutes(offset: str) -> str:
    return f"{offset[0]}{int(offset[1:3]) * 60 + int(offset[4:])}"


def point(answer: str) -> tuple[str, ...]:
    """Return the point as it was sent, and its four numbers."""
    return (answer, *answer.split()) if answer != NOTHING else (NOTHING,) * 5


SYSTEM: dict[str, tuple[str, Convert | None]] = {
    "submission_time": ("_submission_time", None),
    "form_version": ("__version__", None),
    "root_uuid": ("meta/rootUuid", lambda sent: (sent[5:],)),
    "submitted_by": ("_submitted_by", lambda sent: (NOTHING if sent is None else sent,)),
}


@dataclass
class Rows:
    """The rows of the root or of a repeat, with its parts.

    :param lead: the columns of a row's first cells.
    :param plain: path → the column that takes its answer as it is.
    :param converted: path → what makes its cells, and their columns.
    :param repeats: path of a repeat in it → the column that counts it, and its rows.
    :param parts: the database's tables, each with its columns.
    """

    lead: list[str] = field(default_factory=list)
    plain: dict[str, str] = field(default_factory=dict)
    converted: dict[str, tuple[Convert, list[str]]] = field(default_factory=dict)
    repeats: dict[str, tuple[str, Rows]] = field(default_factory=dict)
    parts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def take(self, path: str, facets: dict[str, tuple[str, str]]) -> None:
        """Add the columns of a question."""
        names = [name for name, _ in facets.values()]
        (column, kind) = facets["value"]
        makers: dict[str, Convert] = {"datetime": moment, "time": clock, "boolean": _truth}
        if "lat" in facets:
            self.converted[path] = point, [column, *(facets[facet][0] for facet in POINT)]
        elif kind in makers:
            self.converted[path] = makers[kind], names
        else:
            self.plain[path] = column

    def struct(self, *further: Any) -> Any:
        """Return what a row is decoded into."""
        fields: list[Any] = [(f"p{n}", str, field_of(path, NOTHING)) for n, path in enumerate(self.plain)]
        fields += [(f"c{n}", str | None, field_of(path, NOTHING)) for n, path in enumerate(self.converted)]
        for n, (path, (_, inside)) in enumerate(self.repeats.items()):
            rows: Any = list[inside.struct()]  # type: ignore[misc]
            fields.append((f"r{n}", rows, msgspec.field(name=path, default_factory=list)))
        return msgspec.defstruct("Row", [*fields, *further], kw_only=True)

    def add(self, row: Any, key: Cells, lead: Cells, found: dict[int, list[Cells]]) -> Cells:
        """Add the cells of a row and of the rows in it; return its own."""
        values = msgspec.structs.astuple(row)
        place = len(self.plain)
        cells = [*lead, *values[:place]]
        for convert, _ in self.converted.values():
            cells += convert(values[place])
            place += 1
        found[id(self)].append(cells)
        for _, inside in self.repeats.values():
            cells.append(str(len(values[place])))
            for number, one in enumerate(values[place], 1):
                below = [*key, str(number)]
                inside.add(one, below, below, found)
            place += 1
        return cells

    @property
    def columns(self) -> list[str]:
        """The columns of a row's cells."""
        of_answers = [name for _, names in self.converted.values() for name in names]
        return [*self.lead, *self.plain.values(), *of_answers, *(name for name, _ in self.repeats.values())]

    def statements(self, found: dict[int, list[Cells]], escape: Escape) -> Iterable[tuple[str, str]]:
        """Yield tables, and what follows INTO, parents before what refers to them."""
        order = self.columns
        rows = found[id(self)]
        for table, columns in self.parts.items():
            places = [place for place, name in enumerate(order) if name in columns]
            picked: Iterable[Sequence[str]] = map(itemgetter(*places), rows) if len(self.parts) > 1 else rows
            if rows:
                names = ", ".join(f"`{order[place]}`" for place in places)
                yield table, f"`{table}` ({names}) VALUES {rendered(picked, escape)}"
        for _, inside in self.repeats.values():
            yield from inside.statements(found, escape)


def _truth(answer: str) -> tuple[str]:
    return ("1" if answer == "OK" else NOTHING,)


def rendered(rows: Iterable[Sequence[str]], escape: Escape) -> str:
    """Return rows as VALUES has them."""
    text = escape(ROW_END.join(map(SEPARATOR.join, rows)))
    text = text.replace(ROW_END, "'),('").replace(SEPARATOR, "','")
    return f"('{text}')".replace(f"'{NOTHING}'", "NULL").replace(f"'{BINARY}", "x'")


def read_catalog(rows: Sequence[tuple[str, ...]]) -> tuple[Rows, str, dict[str, tuple[str, str]]]:
    """Return the root, the table of files, and the table and column of each question of the root."""
    tables: dict[str, Rows] = defaultdict(Rows)
    paths: dict[str, str] = {}
    asked: dict[tuple[str, str], dict[str, tuple[str, str]]] = defaultdict(dict)
    root = files = ""
    for owner, kind, repeat, table, column, path, facet, cell in rows:
        if kind == "files":
            files = table
            continue
        root = owner if kind in ("main", "rest") else root
        paths[owner] = repeat if kind != "part" else paths.get(owner, "")
        if path and facet != "rows":
            asked[owner, path][facet] = column, cell
        elif facet == "rows":
            tables[owner].repeats[path] = column, tables[""]
        elif facet in SYSTEM:
            sent, convert = SYSTEM[facet]
            if convert:
                tables[owner].converted[sent] = convert, [column]
            else:
                tables[owner].plain[sent] = column
        elif kind != "part" and (facet in ("kobo_id", "pos", "inserted_at") or facet.startswith("pos_")):
            tables[owner].lead.append(column)
        tables[owner].parts[table].append(column)
    for (owner, path), facets in asked.items():
        tables[owner].take(path, facets)
    owners = {path: tables[owner] for owner, path in paths.items()}
    for one in [*tables.values()]:
        one.repeats = {path: (column, owners[path]) for path, (column, _) in one.repeats.items()}
    places = {
        path: (table, column)
        for table, columns in tables[root].parts.items()
        for (_, path), facets in asked.items()
        for column, _ in facets.values()
        if column in columns
    }
    return tables[root], files, places


class FormScript(Script):
    """Writes to the ledger and all tables of a form."""

    def _row_type(self, env: dict[str, str]) -> Any:
        tables = FormTables(self._database, self._asset)
        order = tables.root.columns
        self._tables, self._root_uuid = tables, order.index("root_uuid")
        self._known = itemgetter(*map(order.index, ("form_version", "submission_time", "submitted_by")))
        return tables.struct(("uuid", str, msgspec.field(name="_uuid")))

    def _send(self, cursor: Any, rows: list[Any], escape: Escape, verb: str) -> None:
        filled = self._tables.filled()
        ledger = []
        for row, digest, _ in rows:
            cells = filled.add(row)
            own = hashlib.blake2b(SEPARATOR.join(cells).encode(), digest_size=16).hexdigest()
            ids = (self._asset, str(row.kobo_id), row.uuid, cells[self._root_uuid], NOTHING)
            known = self._known(cells)
            ledger.append((*ids, *known, f"{BINARY}{digest}", f"{BINARY}{own}", "applied", filled.now))
        cursor.execute(f"{verb} INTO kobo_submissions ({LEDGER}) VALUES {rendered(ledger, escape)}")
        filled.send(cursor, escape, verb)


class FormTables:
    """The derived tables of a form, as the catalog of the database has them."""

    def __init__(self, database: Any, asset: str) -> None:
        connection, _ = connect(database)
        cursor = connection.cursor()
        cursor.execute(CATALOG, (asset,))
        self.root, self.files, self.places = read_catalog(cursor.fetchall())
        connection.close()

    def struct(self, *further: Any) -> Any:
        """Return what a submission is decoded into."""
        return self.root.struct(
            ("kobo_id", int, msgspec.field(name="_id")),
            ("files", list[Attachment], msgspec.field(name="_attachments")),
            *further,
        )

    def filled(self) -> Filled:
        """Return what takes the rows of a page."""
        return Filled(self)


class Filled:
    """The rows of a page, table by table."""

    def __init__(self, tables: FormTables) -> None:
        self._of = tables
        self.now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"
        self._found: dict[int, list[Cells]] = defaultdict(list)
        self._files: list[tuple[str, ...]] = []

    def add(self, row: Any) -> Cells:
        """Add the rows of a submission; return the cells of the root."""
        kobo_id = str(row.kobo_id)
        self._files += [self._file(kobo_id, file) for file in row.files]
        return self._of.root.add(row, [kobo_id], [kobo_id, self.now], self._found)

    def send(self, cursor: Any, escape: Escape, verb: str) -> None:
        """Write all of them."""
        root = next(iter(self._of.root.parts))
        for table, values in self._of.root.statements(self._found, escape):
            cursor.execute(f"{verb if table == root else 'INSERT'} INTO {values}")
        if self._files:
            rows = rendered(self._files, escape)
            cursor.execute(f"INSERT INTO `{self._of.files}` ({FILES}) VALUES {rows}")

    def _file(self, kobo_id: str, file: Attachment) -> tuple[str, ...]:
        table, column = self._of.places[file.question_xpath]
        name, path = file.media_file_basename, file.question_xpath
        return kobo_id, file.uid, table, "", column, name, file.mimetype, "0", "exact", path


if __name__ == "__main__":
    FormScript(dict(os.environ), int(sys.argv[1])).run()
