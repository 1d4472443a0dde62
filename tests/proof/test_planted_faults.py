"""What is changed by hand in any table is named; a changed catalog is refused until a sync mends it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Engine, Table, delete, func, insert, select, update

from kobo_mirror.errors import SchemaError
from kobo_mirror.store.catalog_tables import choices, columns, form_versions, tables
from kobo_mirror.store.tables import forms
from simulator.options import Options
from tests.support.forms.mirrored_form import FormDatabase, MirroredForm, body_of
from tests.support.forms.planting import ANSWERS, ASSET, Plant, Planting, alter, copy, remove, setup_of
from tests.support.interleaved_server import InterleavedServer
from tests.support.observed_mirror import DONE, FAILED
from tests.support.tables import rows_of

FOREIGN = 999_999_000
FEW = 2
ALSO_THE_SURVEY = pytest.mark.parametrize("form", ["derived", pytest.param("survey", marks=pytest.mark.long)])

DIFFERENT: tuple[Plant, ...] = (
    remove("root"),
    alter("root", {"nickname": "Bob"}),
    alter("root", {"nickname": "ann"}),
    alter("root", {"nickname": "Ann "}),
    alter("root", {"nickname": None}),
    alter("root", {"shoes": 5}),
    alter("root", {"place__lat": 1.25}),
    alter("root", {"fruit": "Kiwi"}),
    alter("root", {"root_uuid": "x"}),
    alter("root", {"validation_status": "validation_status_approved"}),
    alter("root", {"extra": None}),
    alter("root", {"extra": '{"unknown":"!"}'}),
    alter("root", {"members__rows": 3}),
    alter("root", {"members__rows": 0}),
    remove("part"),
    alter("part", {"q199": "another"}),
    alter("part", {"q199": None}),
    remove("repeat", pos=1),
    remove("repeat", pos=2),
    remove("repeat"),
    copy("repeat", {"pos": 3}, pos=2),
    alter("repeat", {"pos": 7}, pos=2),
    alter("repeat", {"who": "another"}, pos=1),
    alter("repeat", {"extra": None}, pos=1),
    alter("repeat", {"pets__rows": 1}, pos=1),
    remove("nested", pos_1=1, pos=2),
    remove("nested", pos_1=2),
    copy("nested", {"pos_1": 2, "pos": 3}, pos_1=1, pos=1),
    copy("nested", {"pos_1": 3, "pos": 1}, pos_1=1, pos=1),
    alter("nested", {"pet": "another"}, pos_1=2, pos=1),
    remove("files"),
    copy("files", {"uid": "attAnother"}),
    alter("files", {"file_name": "b.png"}),
    alter("files", {"is_deleted": True}),
    alter("files", {"matched": "none"}),
    alter("files", {"column_name": "nickname"}),
    alter("files", {"mime_type": None}),
    remove("rejected"),
    alter("rejected", {"value": "small"}),
    alter("rejected", {"reason": "another"}),
    alter("rejected", {"path": "another"}),
    copy("rejected", {"key_hash": bytes(16), "column_name": "nickname"}),
)
EXTRA: tuple[str, ...] = ("root", "part", "repeat", "nested", "files", "rejected")
COUNT = len(DIFFERENT) + len(EXTRA) + 2


class Faulty(NamedTuple):
    """A mirror that equals its server, and what changes it by hand."""

    mirrored: MirroredForm
    planting: Planting
    ids: list[int]


@pytest.fixture
def count() -> int:
    """How many submissions there are."""
    return FEW


@pytest.fixture
def faulty(form: str, count: int, database_url: str) -> Iterator[Faulty]:
    database = FormDatabase(database_url)
    with InterleavedServer(Options(rows=0), (setup_of(form),)) as server:
        ids = server.control.create(count, drawn=form == "survey", **ANSWERS)
        mirrored = MirroredForm(server, database)
        assert mirrored.sync("exact") == DONE, mirrored.error
        assert mirrored.verify().equal
        schema = mirrored.mirror.schema
        assert schema is not None
        yield Faulty(mirrored, Planting(database.looking, schema.root.name), ids)
        mirrored.client.close()
    database.close()


@pytest.mark.parametrize(("form", "count"), [("derived", COUNT), ("survey", COUNT)])
def test_every_fault_in_every_kind_of_table_is_named_and_repaired(faulty: Faulty) -> None:
    mirrored, planting, ids = faulty
    planted: dict[str, list[int]] = {"missing": [], "extra": [], "stale": [], "different": []}
    left = iter(ids)
    for plant in DIFFERENT:
        planted["different"].append(next(left))
        plant(planting, planted["different"][-1])
    for number, role in enumerate(EXTRA):
        planting.copy(role, next(left), {"kobo_id": FOREIGN + number})
        planted["extra"].append(FOREIGN + number)
    planted["missing"].append(next(left))
    planting.remove_all(planted["missing"][0])
    for full in (False, True):
        found = mirrored.verify(full=full).differing
        assert {kind: sorted(found[kind]) for kind in planted} == planted, full
    assert mirrored.repair(mirrored.verify()) == DONE, mirrored.error
    assert mirrored.verify().equal
    assert mirrored.verify(full=False).equal


@pytest.mark.parametrize(("form", "count"), [("derived", 10), ("survey", 10)])
def test_an_exact_sync_restores_the_rows_that_it_counts(faulty: Faulty) -> None:
    mirrored, planting, ids = faulty
    for number, (role, where) in enumerate(
        {"root": {}, "part": {}, "repeat": {"pos": 2}, "nested": {"pos_1": 1, "pos": 2}}.items()
    ):
        planting.remove(role, ids[number], **where)
        planting.copy(role, ids[9], {"kobo_id": FOREIGN + number})
    assert mirrored.sync_and_confirm("exact") == DONE, mirrored.error
    assert mirrored.verify().equal


CATALOG: Mapping[str, Any] = {
    "kobo_columns lacks": delete(columns).where(columns.c.column_name == "shoes"),
    "kobo_columns says something else of": update(columns)
    .where(columns.c.column_name == "nickname")
    .values(label="?"),
    "kobo_columns lacks [a-z_0-9]+.pet;": update(columns)
    .where(columns.c.column_name == "pet")
    .values(column_name="animal"),
    "kobo_tables lacks": delete(tables).where(tables.c.kind == "files"),
    "kobo_tables lacks [a-z_0-9]+;": delete(tables),
    "kobo_tables says something else of": update(tables)
    .where(tables.c.kind == "repeat")
    .values(rows_column="nickname"),
    "kobo_tables says": update(tables).where(tables.c.kind == "repeat").values(status="claimed"),
    "kobo_choices lacks fruits": delete(choices).where(choices.c.list_name == "fruits"),
    "kobo_choices says something else of fruits": update(choices)
    .where(choices.c.list_name == "fruits")
    .values(name="plum"),
    "kobo_form_versions lacks v": delete(form_versions),
}


def changed(engine: Engine, *statements: Any) -> None:
    with engine.begin() as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount


def all_of(engine: Engine) -> list[Any]:
    """All that the catalog says, its versions included."""
    return [
        [tuple(row.values()) for row in rows_of(engine, t)] for t in (tables, columns, choices, form_versions)
    ]


@ALSO_THE_SURVEY
def test_a_changed_catalog_is_refused_and_the_next_sync_restores_it(faulty: Faulty) -> None:
    mirrored, planting, _ = faulty
    before = all_of(planting.engine)
    row = dict(rows_of(planting.engine, columns)[0])
    invented = insert(columns).values(row | {"column_name": "ghost"})
    for sentence, statement in {**CATALOG, "kobo_columns has a row too many": invented}.items():
        changed(planting.engine, statement)
        with pytest.raises(SchemaError, match=f"{sentence}.*: run `python -m kobo_mirror sync`"):
            mirrored.verify(full=False)
        assert mirrored.sync("incremental") == DONE, mirrored.error
        assert all_of(planting.engine) == before, sentence
    assert mirrored.verify().equal


@ALSO_THE_SURVEY
def test_what_the_catalog_gives_to_another_form_is_not_taken(faulty: Faulty) -> None:
    mirrored, planting, _ = faulty
    before = all_of(planting.engine)
    name = planting.tables["nested"].name
    for table, outcome in ((columns, DONE), (tables, FAILED)):
        changed(
            planting.engine,
            update(table).where(table.c.table_name == name).values(asset_uid="aAnotherForm0000000001"),
        )
        with pytest.raises(SchemaError, match=f"The catalog does not describe .*{table.name} [a-z ]+ {name}"):
            mirrored.verify()
        assert mirrored.sync("exact") == outcome, mirrored.error
        assert outcome == DONE or f"cannot have the table {name}" in mirrored.error
    changed(planting.engine, update(tables).where(tables.c.table_name == name).values(asset_uid=ASSET))
    assert mirrored.sync("exact") == DONE
    assert all_of(planting.engine) == before


@ALSO_THE_SURVEY
def test_a_schema_that_was_changed_by_hand_shapes_no_row(faulty: Faulty) -> None:
    mirrored, planting, ids = faulty
    with planting.engine.connect() as connection:
        schema, fingerprint = connection.execute(select(forms.c.schema, forms.c.schema_fingerprint)).one()
    other = json.loads(schema)
    del other["tables"][0]["columns"][-1]
    body = body_of(mirrored.server.control.rows(ids[0])[0])
    for values in (
        {"schema": json.dumps(other)},
        {"schema": "{"},
        {"schema": None},
        {"schema_fingerprint": bytes(16)},
    ):
        changed(planting.engine, update(forms).values(values))
        for attempt in (mirrored.verify, lambda: mirrored.deliver_anew(body)):
            with pytest.raises(SchemaError, match=r"The schema of form .* in kobo_forms"):
                attempt()
        assert mirrored.sync("exact") == FAILED
        assert "The schema of form" in mirrored.error
        assert "restore" in mirrored.error
        changed(planting.engine, update(forms).values(schema=schema, schema_fingerprint=fingerprint))
    assert mirrored.sync("exact") == DONE
    assert mirrored.verify().equal
    assert _count(planting.engine, forms) == 1


def _count(engine: Engine, table: Table) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())
