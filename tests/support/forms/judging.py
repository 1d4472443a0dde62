"""Judging: what must hold of any form's tables, told from the trees of its versions and the contract."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import reduce

from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import grow, nothing_yet
from kobo_mirror.forms.form_schema import Column, FormSchema, Table
from tests.support.forms.asked import Asked
from tests.support.forms.histories import Deployed
from tests.support.forms.types import FILES

UID = "aBcDeFgHiJkLmNoPqRsTuV"
_TEXTS = frozenset({"text", "key", "json"})
_BYTES = {"integer": 8, "decimal": 8, "datetime": 7, "time": 5, "date": 3, "boolean": 1}
_OFFSETS = frozenset({"time", "datetime"})
_FACETS = ("lat", "lon", "alt", "acc")
_OF_THE_SYSTEM = re.compile(
    r"kobo_id|id|submission_time|submitted_by|form_version|validation_(status|by|time)|root_uuid|instance_name"
    r"|xmin|xmax|cmin|cmax|ctid|tableoid|db_(row_id|trx_id|roll_ptr)|fts_doc_id"
    r"|extra|inserted_at|updated_at|pos(_[0-9]+)?|.*__(offset|lat|lon|alt|acc|rows)"
)
_RESERVED_TABLE = re.compile(r"rest|files|full|choices|wide|geo|supplements|(.*__)?[0-9]+|[^\W\d_]{2,3}")
_FINAL = frozenset({"moved", "narrowed"})


def grown(
    versions: Sequence[Deployed], name: str = "Survey", *, through_json: bool = False
) -> list[FormSchema]:
    """The tables of a form before its first version and after each.

    :param through_json: each step starts from what was stored of the one before.
    """
    schemas = [nothing_yet(UID, name)]
    for version in versions:
        before = FormSchema.from_json(schemas[-1].to_json()) if through_json else schemas[-1]
        schemas.append(grow(before, read_version(version.uid, version.content)))
    return schemas


def repeats_of(versions: Sequence[Deployed]) -> set[str]:
    """The paths that are a repeat in any version."""
    return {path for version in versions for path in version.repeats}


def chain_of(path: str, repeats: set[str]) -> tuple[str, ...]:
    """The repeats around a path, the outermost first."""
    return tuple(sorted((other for other in repeats if path.startswith(f"{other}/")), key=len))


def table_of(schema: FormSchema, chain: tuple[str, ...]) -> Table:
    """The table whose rows stand in these repeats."""
    found = [t for t in schema.tables if t.chain == chain and t.kind.value in ("main", "rest", "repeat")]
    assert len(found) == 1, chain
    return found[0]


def columns_of(table: Table, path: str, facet: str = "value") -> list[Column]:
    """The columns of a question, those apart that a wider one has outgrown or that are emptied."""
    return [c for c in table.columns if c.path == path and c.facet == facet and c.status.value not in _FINAL]


def wanted_kind(path: str, versions: Sequence[Deployed]) -> str:
    """The kind that holds every answer to a question."""
    kinds = [version.asked[path].kind for version in versions if path in version.asked]
    return reduce(_join, kinds)


def _join(one: str, other: str) -> str:
    if one == other:
        return one
    return "decimal" if {one, other} == {"integer", "decimal"} else "text"


def check_questions(schema: FormSchema, versions: Sequence[Deployed]) -> None:
    """Each question has one column that holds every answer, in its table and with its facets."""
    repeats, newest = repeats_of(versions), versions[-1]
    for path in {path for version in versions for path in version.asked}:
        home = table_of(schema, chain_of(path, repeats))
        (column,) = columns_of(home, path)
        assert column.kind == wanted_kind(path, versions), path
        assert (column.status == "active") == (path in newest.asked), path
        asking = [version for version in versions if path in version.asked]
        assert column.last_version == asking[-1].uid
        _check_told(column, [version.asked[path] for version in asking])
        assert column.names_file == any(version.asked[path].type in FILES for version in asking), path
        is_point = any(version.asked[path].is_point for version in asking)
        assert [len(columns_of(home, path, facet)) for facet in _FACETS] == [int(is_point)] * 4, path
        assert len(columns_of(home, path, "offset")) == int(column.kind in _OFFSETS), path
        for table in schema.tables:
            if table is not home:
                others = [c for c in table.columns if c.path == path and c.facet != "rows"]
                assert all(c.status == "moved" for c in others), (table.name, path)


def _check_told(column: Column, asked: Sequence[Asked]) -> None:
    """Its type is the newest version's, its labels the whole set of the newest one that has any."""
    if asked[-1].type != "count of a repeat":
        assert column.question_type == asked[-1].type
        assert column.list_name == asked[-1].list_name
    labels = [question.labels for question in asked if question.labels]
    assert column.labels == (labels[-1] if labels else {})


def check_repeats(schema: FormSchema, versions: Sequence[Deployed]) -> None:
    """Each repeat has a table below that of the repeat around it, which counts its rows."""
    repeats = repeats_of(versions)
    assert set(schema.repeats) == repeats
    live = [table for table in schema.tables if table.path and table.status != "moved"]
    assert Counter(table.path for table in live) == Counter(repeats)
    for path in repeats:
        chain = chain_of(path, repeats)
        table, parent = table_of(schema, (*chain, path)), table_of(schema, chain)
        assert table.parent == parent.name
        depth = len(table.chain)
        assert table.keys == ("kobo_id", *(f"pos_{n}" for n in range(1, depth)), "pos")
        counts = [
            (t.name, c) for t in schema.tables for c in t.columns if (c.path, c.facet) == (path, "rows")
        ]
        assert [name for name, c in counts if c.status != "moved"] == [parent.name]
        assert all(c.name.endswith("__rows") and c.kind == "integer" for _, c in counts)
        asked = [*versions[-1].asked, *versions[-1].repeats]
        is_asked = path in versions[-1].repeats or any(other.startswith(f"{path}/") for other in asked)
        assert (table.status == "active") == is_asked, path


def check_names(schema: FormSchema) -> None:
    """Every name fits and is its own, on each kind of database."""
    form = schema.root.name
    tables = [(t.part_name(part), t) for t in schema.tables for part in range(1, t.parts + 1)]
    assert len({folded(name) for name, _ in tables}) == len(tables)
    assert len(form.encode()) <= 24
    for name, table in tables:
        assert len(table.name.encode()) <= 45
        assert len(name.encode()) <= 63
        _check_letters(name)
        assert table is schema.root or name.startswith(f"{form}__")
    for table in schema.tables:
        names = [*table.keys, *(column.name for column in table.columns)]
        assert len({folded(name) for name in names}) == len(names), table.name
        for column in table.columns:
            assert len(column.name.encode()) <= 63
            _check_letters(column.name)
        for column in _first_born(table):
            assert len(column.name.encode()) <= 55
            assert not _OF_THE_SYSTEM.fullmatch(folded(column.name)), column.name
        if table.path:
            below = table.name.removeprefix(f"{form}__")
            assert not any(_RESERVED_TABLE.fullmatch(spelt) for spelt in (below, folded(below))), below


def _first_born(table: Table) -> Iterator[Column]:
    """The column of each question whose name those of its facets start with."""
    seen = set[str]()
    for column in table.columns:
        if column.path and column.facet == "value" and column.path not in seen:
            seen.add(column.path)
            yield column


def _check_letters(name: str) -> None:
    assert name
    assert name == unicodedata.normalize("NFC", name)
    assert name == name.lower()
    for letter in name:
        assert letter == "_" or unicodedata.category(letter)[0] in "LMN", name
        assert ord(letter) <= 0xFFFF


def folded(name: str) -> str:
    """A name without case and accents."""
    apart = unicodedata.normalize("NFKD", name.upper()).casefold()
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", apart) if not unicodedata.combining(letter)
    )


def check_budget(schema: FormSchema) -> None:
    """No physical table is wider than a row of any database; a question's facets stay together."""
    for table in schema.tables:
        for part in range(1, table.parts + 1):
            columns = [c for c in table.columns if c.part == part]
            kinds = Counter("text" if c.kind in _TEXTS else c.kind.value for c in columns)
            assert 200 + sum(41 * n if k == "text" else _BYTES[k] * n for k, n in kinds.items()) <= 7_800
            declared = sum(64 * 4 + 2 for c in columns if c.kind == "key") + 9 * len(columns)
            assert declared <= 60_000
            assert 0 < len(columns) <= 900
            assert 800 + sum(18 + len(c.name.encode()) for c in columns) <= 65_535
        parts = [c.part for c in table.columns]
        assert parts == sorted(parts), "filled in order of birth"
        born = {(c.path, c.part) for c in table.columns if c.facet in _FACETS}
        assert len(born) == len({path for path, _ in born})


def check_positions(schema: FormSchema, newest: Deployed) -> None:
    """The reading order is the newest version's, between the system's columns."""
    for table in schema.tables:
        in_order = sorted(table.columns, key=lambda column: column.position)
        assert [c.position for c in in_order] == list(range(1, len(in_order) + 1))
        asked = [c.path for c in in_order if c.facet == "value" and c.status == "active"]
        counts = [path for path in newest.asked if newest.asked[path].type == "count of a repeat"]
        wanted = [path for path in newest.asked if path in asked and path not in counts]
        assert list(dict.fromkeys(path for path in asked if path not in counts)) == wanted
        groups = [0 if not c.path and c.facet not in _LAST else 2 if not c.path else 1 for c in in_order]
        assert groups == sorted(groups)


_LAST = ("extra", "inserted_at", "updated_at")


def check_growth(before: FormSchema, after: FormSchema) -> None:
    """What was born keeps its name, kind, part and table; what is final stays so."""
    assert [_identity(t) for t in after.tables[: len(before.tables)]] == [_identity(t) for t in before.tables]
    for old, new in zip(before.tables, after.tables, strict=False):
        assert old.status != "moved" or new.status == "moved"
        kept = new.columns[: len(old.columns)]
        assert [_born(c) for c in kept] == [_born(c) for c in old.columns]
        for was, column in zip(old.columns, kept, strict=True):
            assert was.status != "moved" or column.status == "moved"
            assert was.status != "narrowed" or column.status in _FINAL
            assert column.first_version == was.first_version or not was.first_version


def _identity(table: Table) -> tuple[object, ...]:
    return table.name, table.kind, table.path, table.chain, table.parent, table.keys


def _born(column: Column) -> tuple[object, ...]:
    return column.name, column.path, column.facet, column.kind, column.part


def shape_of(schema: FormSchema) -> object:
    """All of a schema that decides how a submission becomes rows."""
    tables = [(_identity(table), list(map(_shape, table.columns))) for table in schema.tables]
    return sorted(schema.repeats), sorted(schema.declared.items()), tables


def _shape(column: Column) -> tuple[object, ...]:
    final = column.status if column.status in _FINAL else ""
    return *_born(column), final, column.names_file


def check_choices(schema: FormSchema, versions: Sequence[Deployed]) -> None:
    """Each choice is there once, with the first and the last version that offers it."""
    offered: dict[tuple[str, str], list[str]] = {}
    for version in versions:
        for name, items in version.tree.lists.items():
            for item in items:
                offered.setdefault((name, item.value), []).append(version.uid)
    found = {(row.list_name, row.name): [row.first_version, row.last_version] for row in schema.choices}
    assert len(found) == len(schema.choices)
    assert found == {key: [uids[0], uids[-1]] for key, uids in offered.items()}
    for name, items in versions[-1].tree.lists.items():
        rows = sorted((row for row in schema.choices if row.list_name == name), key=lambda row: row.position)
        assert [row.position for row in rows] == list(range(1, len(rows) + 1))
        assert [row.name for row in rows][: len(items)] == [item.value for item in items]
