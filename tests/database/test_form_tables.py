"""Any database takes the tables of any form, under their very names, and their widest rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from sqlalchemy import Boolean, Date, DateTime, Double, Engine, Integer, MetaData, Table, Time, inspect
from sqlalchemy.dialects.postgresql import dialect as postgresql_dialect
from sqlalchemy.schema import CreateTable, DropTable

from kobo_mirror.database.engine import open_engine
from kobo_mirror.store.form_tables import physical_tables
from tests.support.forms import judging
from tests.support.forms.applied import Applying
from tests.support.forms.histories import Deployed, histories
from tests.support.forms.names import EVERY_LEAF, FORM_NAMES
from tests.support.forms.tree import REPEAT, Item, Node, Tree
from tests.support.postgresql_server import PostgresqlServer, postgresql_server

FEW = settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=300)
_POSTGRESQL = postgresql_dialect()
_COLUMNS = (
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
)
_WIDEST = "x" * 40  # what a row keeps of a text in its page at most
_MOMENT = datetime.fromisoformat("2026-01-02T13:45:00")
_VALUES: dict[type, object] = {
    Boolean: True,
    Integer: 1,
    Double: 1.5,
    DateTime: _MOMENT,
    Date: _MOMENT.date(),
    Time: _MOMENT.time(),
}


@pytest.fixture
def empty_engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


def wide(kind: str, count: int, list_name: str | None = None, name: str = "") -> Sequence[Deployed]:
    nodes = tuple(Node(kind, f"{name or kind}_{number}", list_name=list_name) for number in range(count))
    return [Deployed("v1", Tree(nodes, {"yn": (Item("yes"),)}))]


def create_and_fill(engine: Engine, versions: Sequence[Deployed], name: str) -> None:
    metadata = physical_tables(judging.grown(versions, name)[-1])
    metadata.create_all(engine)
    try:
        for table in metadata.sorted_tables:
            columns = [column["name"] for column in inspect(engine).get_columns(table.name)]
            assert columns == [column.name for column in table.columns]
        assert set(inspect(engine).get_table_names()) == set(metadata.tables)
        with engine.begin() as connection:
            for table in metadata.sorted_tables:
                connection.execute(
                    table.insert(), {column.name: cell(column.type) for column in table.columns}
                )
    finally:
        metadata.drop_all(engine)


def cell(kind: Any) -> object:
    """The widest value of a column that stays in a row's page."""
    return next((value for type_, value in _VALUES.items() if isinstance(kind, type_)), _WIDEST)


ALL_NAMES = [
    Deployed("v1", Tree(tuple(Node("datetime", name) for name in EVERY_LEAF))),
    Deployed(
        "v2", Tree(tuple(Node(REPEAT, name, children=(Node("geopoint", name),)) for name in EVERY_LEAF))
    ),
]
"""Every name that tests know, of a question and of a repeat."""


@given(versions=histories(versions=3), name=FORM_NAMES)
@example(versions=ALL_NAMES, name="Names")
@example(versions=wide("text", 400), name="Texts")
@example(versions=wide("select_one", 400, "yn"), name="Choices")
@example(versions=wide("date", 1200, name="d" * 60), name="Days")
@FEW
def test_any_database_takes_the_tables_of_any_form(
    empty_engine: Engine, versions: Sequence[Deployed], name: str
) -> None:
    create_and_fill(empty_engine, versions, name)


@pytest.mark.long
@given(versions=histories(versions=6), name=FORM_NAMES)
@example(versions=wide("geopoint", 1500), name="Points")
@example(versions=wide("date", 1500), name="Days")
@example(versions=wide("datetime", 1500), name="Moments")
@MANY
def test_any_database_takes_the_tables_of_many_forms(
    empty_engine: Engine, versions: Sequence[Deployed], name: str
) -> None:
    create_and_fill(empty_engine, versions, name)


def check_growth(engine: Engine, versions: Sequence[Deployed], name: str) -> None:
    """A form that grew version by version has the tables, and the catalog, of one that was made at once."""
    applying, schemas = Applying(engine), judging.grown(versions, name, through_json=True)
    try:
        for schema in schemas[1:]:
            applying.apply(schema)
        grown = applying.found(), applying.catalog(), applying.schema
        assert applying.apply(schemas[-1]).born == ()
        assert (applying.found(), applying.catalog(), applying.schema) == grown
        applying.forget()
        applying.apply(schemas[-1])
        assert (applying.found(), applying.catalog(), applying.schema) == grown
        assert applying.schema == schemas[-1]
    finally:
        applying.forget()


@given(versions=histories(versions=4), name=FORM_NAMES)
@example(versions=ALL_NAMES, name="Names")
@settings(FEW, max_examples=3)
def test_tables_that_grew_are_those_that_are_made_at_once(
    engine: Engine, versions: Sequence[Deployed], name: str
) -> None:
    check_growth(engine, versions, name)


@pytest.mark.long
@given(versions=histories(versions=6), name=FORM_NAMES)
@settings(FEW, max_examples=150)
def test_tables_of_many_forms_that_grew_are_those_that_are_made_at_once(
    engine: Engine, versions: Sequence[Deployed], name: str
) -> None:
    check_growth(engine, versions, name)


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgresqlServer | None]:
    with postgresql_server() as server:
        yield server


@given(versions=histories(versions=4), name=FORM_NAMES)
@example(versions=ALL_NAMES, name="Names")
@example(versions=wide("text", 400), name="Texts")
@FEW
def test_postgresql_takes_the_tables_of_any_form(
    postgresql: PostgresqlServer | None, versions: Sequence[Deployed], name: str
) -> None:
    """It cuts a name of over 63 bytes in silence; where it is not installed, its rules are judged alone."""
    metadata = physical_tables(judging.grown(versions, name)[-1])
    for table in metadata.sorted_tables:
        for column in table.columns:
            column.server_default = None  # the clock is a dialect's matter
    wanted = {(table.name, column.name) for table in metadata.sorted_tables for column in table.columns}
    assert max(len(name.encode()) for names in wanted for name in names) <= 63
    if postgresql is not None:
        creates = [str(CreateTable(table).compile(dialect=_POSTGRESQL)) for table in metadata.sorted_tables]
        fills = [_fill(table) for table in metadata.sorted_tables]
        found = postgresql.run([*creates, *fills, _COLUMNS, *_drops(metadata)])
        assert {tuple(row.split("|")) for row in found} == wanted


def _fill(table: Table) -> str:
    cells = {column.name: cell(column.type) for column in table.columns}
    text = table.insert().values(cells).compile(dialect=_POSTGRESQL, compile_kwargs={"literal_binds": True})
    return str(text)


def _drops(metadata: MetaData) -> Iterator[str]:
    for table in reversed(metadata.sorted_tables):
        yield str(DropTable(table).compile(dialect=_POSTGRESQL))
