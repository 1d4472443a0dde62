"""Row set reading: what the product finds in the tables of a form, and what it should find."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import text

from kobo_mirror.database.engine import snapshot
from kobo_mirror.store.row_set_reads import FoundRows, RowSetReads
from kobo_mirror.submissions.row_set import RowSet
from tests.support.forms.row_set_writing import RowSetWriting

BEFORE_ALL = -(2**63)


def read(writing: RowSetWriting) -> dict[int, FoundRows]:
    """All that the tables hold, read in windows and by ids."""
    reads = RowSetReads(writing.schema)
    with snapshot(writing.engine) as connection:
        found = reads.between(connection, BEFORE_ALL, None)
        middle = sorted(found)[len(found) // 2] if found else 0
        halves = reads.between(connection, BEFORE_ALL, middle) | reads.between(connection, middle, None)
        assert [*halves.items()] == [*found.items()]
        assert reads.of(connection, [*found, 2**40]) == found
    return found


def as_written(row_sets: Iterable[RowSet]) -> dict[int, FoundRows]:
    return {row_set.kobo_id: FoundRows(row_set.digest(), is_whole=True) for row_set in row_sets}


class Damaging:
    """Reads what the tables hold after a statement, which is rolled back."""

    def __init__(self, writing: RowSetWriting) -> None:
        self._writing, self._reads = writing, RowSetReads(writing.schema)
        with writing.engine.connect() as connection:
            self.before = self._reads.between(connection, BEFORE_ALL, None)

    def after(self, statement: str, kobo_id: int) -> dict[int, FoundRows]:
        """Of which submissions something else is found."""
        if not statement.startswith("INSERT"):
            statement += f" {'AND' if 'WHERE' in statement else 'WHERE'} kobo_id = {kobo_id}"
        with self._writing.engine.connect() as connection:
            is_file = connection.dialect.name == "sqlite"
            if not is_file:
                connection.execute(text("SET foreign_key_checks = 0"))
            changed = connection.exec_driver_sql(statement.replace("{id}", str(kobo_id))).rowcount
            found = self._reads.between(connection, BEFORE_ALL, None)
            assert self._reads.of(connection, [kobo_id]) == {i: f for i, f in found.items() if i == kobo_id}
            connection.rollback()
            if not is_file:
                connection.execute(text("SET foreign_key_checks = 1"))
        assert changed == 1 or "DELETE" in statement, statement
        ids = found.keys() | self.before.keys()
        return {i: found[i] for i in ids if found.get(i) != self.before.get(i)}
