"""What is delivered to the webhook in its benchmark: the survey alone, or a form with rows of repeats."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Table, func, select

from benchmarks.common import BenchError
from benchmarks.forms import MEMBERS, VISITS, Answers, household, rows_in
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.applying import NamedForm, apply_schema
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.form_tables import physical_tables
from kobo_mirror.store.leases import release_lease, take_lease
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import form_table, submissions
from tests.webhook import bodies

SERVER = "https://kobo.example"
AFTER_THE_EDIT = "after the edit"
_NAME, _EDITED, _CHILDREN = "household", "q9", 4
_MAKER = "benchmark"


@dataclass(frozen=True)
class Subject:
    """A form whose submissions are delivered.

    :param title: of its line, such as ``webhook``.
    :param mirror: the form with its tables.
    :param prepare: makes the tables in an empty database.
    :param body: returns the body of a submission, from its ``_id`` and what is changed in it.
    :param edit: what an edit changes, by key.
    :param naive: which of the servers in ``webhook_servers`` is the naive one.
    :param tables: of these one row for each submission, or as many as the number says.
    :param edited: the table and the column that an edit changes.
    """

    title: str
    mirror: Mirror
    prepare: Callable[[Engine], None]
    body: Callable[..., bytes]
    edit: Mapping[str, str]
    naive: str
    tables: Mapping[Table, int]
    edited: tuple[Table, str]

    def new(self, ids: range) -> list[bytes]:
        """Return the bodies of submissions that were never sent before."""
        return [self.body(kobo_id) for kobo_id in ids]

    def edits(self, ids: range) -> list[bytes]:
        """Return the bodies of their first edits: another answer, another edit token."""
        return [
            self.body(
                kobo_id,
                uuid=f"00000000-0000-4000-9000-{kobo_id:012d}",
                **{"meta/deprecatedID": f"uuid:00000000-0000-4000-8000-{kobo_id:012d}"},
                **self.edit,
            )
            for kobo_id in ids
        ]

    def check(self, connection: Connection, count: int, ids: range) -> None:
        """Check that the tables have every submission, some of them with the edited answer.

        :param count: of all submissions.
        :param ids: those that were edited.
        :raises BenchError: they do not.
        """
        found = {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() / rows
            for table, rows in self.tables.items()
        }
        table, column = self.edited
        mine = table.c.kobo_id.between(ids[0], ids[-1]) & (table.c[column] == AFTER_THE_EDIT)
        changed = connection.execute(select(func.count()).where(mine)).scalar_one()
        if {*found.values()} != {count} or changed != len(ids):
            raise BenchError(f"of {count} submissions {found} are there, {changed} edited.")


@cache
def survey() -> Subject:
    """Return the survey, with its declared table alone."""
    mirror, records = Mirror(KOBO_RECORDS, SERVER, bodies.ASSET), form_table(KOBO_RECORDS)

    def prepare(engine: Engine) -> None:
        migrate(engine, KOBO_RECORDS)
        bind(engine, mirror)

    return Subject(
        "webhook",
        mirror,
        prepare,
        bodies.body,
        {"sec_c/cd_client_name": AFTER_THE_EDIT},
        "flask",
        {submissions: 1, records: 1},
        (records, "client_name"),
    )


@cache
def nested() -> Subject:
    """Return the household survey: each submission has two members and two visits, one way or another."""
    schema = nested_schema()
    answers = _with_four_rows()
    tables = physical_tables(schema).tables
    members, visits = (len(rows_in(answers, path)) for path in (MEMBERS, VISITS))
    by_path = {table.path: tables[table.name] for table in schema.tables if table.chain}
    root = tables[schema.root.name]
    return Subject(
        "nested webhook",
        Mirror(None, SERVER, bodies.ASSET, schema),
        partial(_apply, schema),
        partial(_body, answers),
        {_EDITED: AFTER_THE_EDIT},
        "nested",
        {submissions: 1, root: 1, by_path[MEMBERS]: members, by_path[VISITS]: visits},
        (root, _EDITED),
    )


def nested_schema() -> FormSchema:
    """Return the schema of the household survey."""
    return derive(bodies.ASSET, _NAME, [read_version("v1", household().content)])


def nested_metadata() -> MetaData:
    """Return its tables."""
    return physical_tables(nested_schema())


def _with_four_rows() -> Answers:
    for answers in household().answers:
        members, visits = (len(rows_in(answers, path)) for path in (MEMBERS, VISITS))
        if members == visits and members + visits == _CHILDREN:
            return answers
    raise BenchError("no submission of the household survey has two members and two visits.")


def _apply(schema: FormSchema, engine: Engine) -> None:
    migrate(engine)
    lease = take_lease(engine, schema.asset_uid, _MAKER)
    apply_schema(engine, schema, NamedForm(SERVER, _NAME), lease)
    release_lease(engine, schema.asset_uid, _MAKER)


def _body(answers: Answers, kobo_id: int, *, uuid: str = "", **changes: Any) -> bytes:
    of_the_survey = bodies.submission(kobo_id, uuid=uuid)
    usual = {key: value for key, value in of_the_survey.items() if key.startswith(("_", "meta/"))}
    return json.dumps({**usual, **answers, **changes}).encode()
