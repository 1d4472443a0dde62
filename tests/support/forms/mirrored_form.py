"""A mirror of any form on a simulated server: what is run against it, and what must hold of its tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, delete, inspect, select, text

from kobo_mirror.config.policies import AUTO
from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import DeletesWaitError, KoboMirrorError, UnequalError
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.forms.wanted import WantedForm
from kobo_mirror.kobo.form import open_form
from kobo_mirror.store.catalog_tables import tables
from kobo_mirror.store.mirrors import load_mirror
from kobo_mirror.store.plans import StoredPlan, approve, open_plan
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import form_table, metadata, rejections, submissions
from kobo_mirror.store.tombstones import NEVER_STORED
from kobo_mirror.store.totals import totals
from kobo_mirror.submissions.row_set import RowSet
from kobo_mirror.sync.mirror import MirrorSync
from kobo_mirror.sync.receive import Accepted, Receiver
from kobo_mirror.sync.verify import Report, verify
from tests.support.crashes import Crash, CrashPoint
from tests.support.forms.from_catalog import check_tables_are_there, row_sets, schema_in_catalog
from tests.support.forms.histories import Deployed
from tests.support.forms.judging import check_choices, check_positions, check_questions, check_repeats
from tests.support.forms.read_back import read_back
from tests.support.interleaved_server import InterleavedServer
from tests.support.judge.verdict import faults
from tests.support.mirrored_server import code_of
from tests.support.observed_mirror import CUT, DONE, FAILED, UNEQUAL, WAITING, declared_cells

Document = Mapping[str, Any]


class FormDatabase:
    """A database with three processes at it: one syncs, one takes deliveries, one looks.

    :param url: its address.
    """

    def __init__(self, url: str) -> None:
        self.syncing, self.pushing, self.looking = (open_engine(url, pool_size=4) for _ in range(3))
        self.crash_point = CrashPoint(self.syncing)
        migrate(self.looking)

    def close(self) -> None:
        """Close every connection."""
        for engine in (self.syncing, self.pushing, self.looking):
            engine.dispose()

    def empty(self) -> None:
        """Drop the tables of forms, and delete every row of all others."""
        is_file = self.looking.dialect.name == "sqlite"
        with self.looking.begin() as connection:
            quote = connection.dialect.identifier_preparer.quote
            there = {*inspect(connection).get_table_names()}
            derived = select(tables.c.table_name).where(tables.c.kind != "declared")
            names = [name for name in connection.scalars(derived) if name in there]
            for name in {*inspect(connection).get_view_names()} - {"kobo_rejected"}:
                connection.execute(text(f"DROP VIEW {quote(name)}"))
            if not is_file:
                connection.execute(text("SET foreign_key_checks = 0"))
            for name in names:
                connection.execute(text(f"DROP TABLE {quote(name)}"))
            if not is_file:
                connection.execute(text("SET foreign_key_checks = 1"))
            declared = [form_table(FORM)] if FORM.table in there else []
            for table in (*declared, *metadata.tables.values()):
                connection.execute(delete(table))
        for engine in (self.syncing, self.pushing):
            engine.dispose()


class MirroredForm:
    """A mirror of one form.

    :param page_size: submissions a page at most.
    :param policy: which changes of tables wait for a person.
    """

    def __init__(
        self,
        server: InterleavedServer,
        database: FormDatabase,
        *,
        page_size: int = 1000,
        policy: str = AUTO,
    ) -> None:
        self.server, self._database, self._page_size = server, database, page_size
        self._wanted = WantedForm(schema=policy)
        self.engine: Engine = database.looking
        self.client = open_form(
            server.url, server.token, server.asset, attempts=2, sleep=lambda seconds: None
        )
        self._receivers = [self._new_receiver() for _ in range(2)]
        self.mark: str | None = None
        self.error = ""

    @property
    def mirror(self) -> Mirror:
        """The form and the tables that it has now."""
        return load_mirror(self.engine, self.server.url, self.server.asset)

    def sync(self, mode: str, *, cut: int | None = None, confirm: str | None = None) -> str:
        """Run a sync, or crash after ``cut`` statements of it."""
        return self._attempt(lambda: self._sync().run(mode=mode, confirm=confirm), cut)

    def waiting(self) -> StoredPlan | None:
        """The plan that waits, if there is one."""
        with self.engine.connect() as connection:
            return open_plan(connection, self.server.asset)

    def approve(self) -> None:
        """Approve the plan that waits, if there is one."""
        if (plan := self.waiting()) is not None:
            approve(self._database.pushing, self.server.asset, plan.code)

    def sync_and_confirm(self, mode: str) -> str:
        """Run a sync; deletes that the guard holds are confirmed by their code."""
        outcome = self.sync(mode)
        return self.sync(mode, confirm=self.mark) if outcome == WAITING else outcome

    def repair(self, report: Report) -> str:
        """Write anew what a proof found to differ."""
        return self._attempt(lambda: self._sync().repair(report), None)

    def _new_receiver(self) -> Receiver:
        unknown = Mirror(None, self.server.url, self.server.asset)
        return Receiver(self._database.pushing, [unknown], "rejected")

    def deliver(self, body: bytes, process: int = 0) -> str:
        """Take a delivery, in one of two processes that may know tables as they were at different times."""
        outcome = self._receivers[process].receive(body)
        assert isinstance(outcome, Accepted), outcome
        return outcome.result.result

    def deliver_anew(self, body: bytes) -> str:
        """Take a delivery in a process that knows no tables yet."""
        self._receivers[0] = self._new_receiver()
        return self.deliver(body)

    def verify(self, *, full: bool = True) -> Report:
        """Prove the mirror."""
        return verify(self.client, self.engine, self.mirror, lambda *_: None, full=full)

    def _sync(self) -> MirrorSync:
        return MirrorSync(
            self.client, self._database.syncing, server=self.server.url, wanted=self._wanted,
            page_size=self._page_size, in_flight=1,
        )  # fmt: skip

    def _attempt(self, work: Callable[[], Any], cut: int | None) -> str:
        try:
            with self._database.crash_point.crash_after(cut):
                work()
        except DeletesWaitError as waiting:
            self.mark = code_of(waiting)
            return WAITING
        except UnequalError as error:
            self.error = str(error)
            return UNEQUAL
        except KoboMirrorError as error:
            self.error = str(error)
            return FAILED
        except Crash:
            return CUT
        return DONE


class CatalogReader:
    """Reads the tables of a form by the catalog alone, and judges what is in them.

    :param versions: those that the mirror has seen, in the order of their numbers; empty: the form is not
        drawn, and what the catalog tells of its questions is not judged.
    :param file_questions: the paths that any version asks a file at.
    """

    def __init__(
        self, mirrored: MirroredForm, versions: Sequence[Deployed], file_questions: Collection[str]
    ) -> None:
        asset = mirrored.server.asset
        self._engine, self._asset = mirrored.engine, asset
        self.schema: FormSchema = schema_in_catalog(mirrored.engine, asset, file_questions)
        check_tables_are_there(mirrored.engine, self.schema)
        if versions:
            check_questions(self.schema, versions)
            check_repeats(self.schema, versions)
            check_choices(self.schema, versions)
            check_positions(self.schema, versions[-1])
        self.names = _names(self.schema)
        self._row_sets: dict[int, RowSet] = row_sets(self.schema, read_back(mirrored.engine, asset))
        self._declared = self._declared_rows() if self.schema.declared else {}
        self._check_bookkeeping()

    def wrong(self, shown: Mapping[int, Document]) -> dict[int, list[str]]:
        """What is wrong with the mirror of each submission that the server shows, or that the mirror has.

        :param shown: by ``_id``.
        """
        found = {kobo_id: self.faults(kobo_id, shown.get(kobo_id)) for kobo_id in {*shown, *self._row_sets}}
        return {kobo_id: told for kobo_id, told in found.items() if told}

    def faults(self, kobo_id: int, document: Document | None) -> list[str]:
        """What is wrong with one of them.

        :param document: as the server shows it; None: it does not.
        """
        row_set = self._row_sets.get(kobo_id)
        if document is None or row_set is None or not row_set.rows or row_set.rows[0].position:
            return ["it is gone from the server, and has rows" if document is None else "it has no rows"]
        document = _with_places_as_written(document, row_set)
        if not self.schema.declared:
            return faults(self.schema, document, row_set)
        wanted, row = declared_cells(document), self._declared.get(kobo_id)
        names = [column.name for column in FORM.columns]
        cells = None if row is None else [row[name] for name in names]
        if cells != wanted:
            return [f"{FORM.table} has {'no row' if cells is None else 'a row, or other cells'}"]
        by_question = {column.question: row[column.name] for column in FORM.columns} if row else None
        return faults(self.schema, document, row_set, by_question)

    def ids(self) -> set[int]:
        """The submissions that have rows in any table."""
        return {*self._row_sets, *self._declared}

    def _declared_rows(self) -> dict[int, Mapping[str, Any]]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(form_table(FORM))).mappings().all()
        return {row["kobo_id"]: dict(row) for row in rows}

    def _check_bookkeeping(self) -> None:
        """The ledger has just the submissions that have rows, and the totals are those of the ledger."""
        t = submissions.c
        with self._engine.connect() as connection:
            ledger = connection.execute(select(t.kobo_id, t.state, t.reason)).all()
            counted = {state: n for state, n in totals(connection, self._asset).items() if n}
            listed = {*connection.scalars(select(rejections.c.kobo_id))}
        states = Counter(row.state for row in ledger if (row.reason or "") != NEVER_STORED)
        assert counted == states, "the totals are not the ledger's"
        applied, rejected = (
            {row.kobo_id for row in ledger if row.state == state} for state in ("applied", "rejected")
        )
        assert listed == rejected
        with_rows = applied | rejected if self.schema.declared else applied
        assert self._row_sets.keys() == with_rows, "the tables and the ledger disagree"
        assert self._declared.keys() == (applied if self.schema.declared else set())


def _names(schema: FormSchema) -> dict[tuple[object, ...], tuple[str, str]]:
    """The name of each table and column, by what it is for."""
    return {
        (table.chain, table.kind, column.path, column.facet, column.kind, column.name): (
            table.part_name(column.part), column.name,
        )
        for table in schema.tables
        for column in table.columns
    }  # fmt: skip


def _with_places_as_written(document: Document, row_set: RowSet) -> Document:
    """The document with each ``question_xpath`` as it was written last: a version changes it in silence."""
    written = {file.uid: file.question_xpath for file in row_set.files}
    files = document.get("_attachments")
    if not isinstance(files, list):
        return document
    told = [
        {**file, "question_xpath": written[file["uid"]]}
        if isinstance(file, dict)
        and isinstance(file.get("question_xpath"), str)
        and written.get(str(file.get("uid"))) is not None
        else file
        for file in files
    ]
    return {**document, "_attachments": told}


def body_of(document: Document) -> bytes:
    """A submission as it is delivered."""
    return json.dumps(document).encode()
