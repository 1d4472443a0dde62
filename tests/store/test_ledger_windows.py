from __future__ import annotations

from sqlalchemy import Engine, text

from kobo_mirror.database.engine import reading
from kobo_mirror.store.ledger_windows import (
    stored_window_text,
    swept_rows_between,
    window_equals,
    window_text,
)
from tests.support.submissions import APPROVED, ASSET, ON_HOLD, state, submission
from tests.support.writing import Writing


def _both(engine: Engine, after: int, upto: int | None) -> tuple[str, str]:
    with reading(engine) as connection:
        seen = swept_rows_between(connection, ASSET, after, upto)
        return window_text(seen.values()), stored_window_text(connection, ASSET, after, upto)


def test_the_database_puts_together_what_the_sweep_compares(engine: Engine) -> None:
    assert _both(engine, 0, None) == ("", "")
    odd = [submission(1), submission(2, _validation_status=APPROVED), submission(3, _uuid="ø"), submission(4)]
    odd += [submission(5, _uuid=None), submission(6, _uuid="with, comma"), submission(2**62)]
    odd += [submission(7, _validation_status=ON_HOLD | {"timestamp": -(2**63) + 1})]
    Writing(engine).pull(*odd)
    ours, theirs = _both(engine, 0, None)
    assert ours == theirs
    assert ours.count("\n") == len(odd)
    ours, theirs = _both(engine, 1, 4)
    assert ours == theirs
    assert ours.count("\n") == 3


def test_one_comparison_tells_what_the_ledger_holds(engine: Engine) -> None:
    odd = [submission(1), submission(2, age="abc"), submission(3, _uuid="ø"), submission(4, _uuid=None)]
    odd += [submission(5, _uuid="with, comma"), submission(2**62)]
    writing = Writing(engine)
    writing.pull(*odd)
    rows = [(one.kobo_id, one.uuid, one.digest) for one in map(state, odd)]
    with reading(engine) as connection:
        assert window_equals(connection, ASSET, rows, (0, None), 1)
        assert window_equals(connection, ASSET, rows[1:3], (1, 3), 1)
        assert window_equals(connection, ASSET, [], (10, 20), 1)
        assert not window_equals(connection, ASSET, rows, (1, None), 1)
        assert not window_equals(connection, ASSET, rows[:-1], (0, None), 1)
        assert not window_equals(connection, ASSET, rows, (0, None), 2)
        assert not window_equals(connection, ASSET, [(1, "another", rows[0][2]), *rows[1:]], (0, None), 1)
        assert not window_equals(connection, ASSET, [(1, rows[0][1], bytes(16)), *rows[1:]], (0, None), 1)
    writing.remove(1)
    with reading(engine) as connection:
        assert not window_equals(connection, ASSET, rows, (0, None), 1)
        assert window_equals(connection, ASSET, rows[1:], (0, None), 1)


def test_an_invalidated_row_equals_no_swept_one(engine: Engine) -> None:
    writing = Writing(engine)
    writing.pull(submission(1), submission(2))
    before, _ = _both(engine, 0, None)
    writing.writer.invalidate([2], writing.lease)
    _, doubted = _both(engine, 0, None)
    assert doubted != before
    with engine.begin() as connection:
        connection.execute(text("UPDATE kobo_submissions SET state = 'deleted' WHERE kobo_id = 2"))
    assert _both(engine, 0, None)[1] == before.partition(",")[0]


def test_more_rows_than_fit_a_text_are_never_equal(engine: Engine) -> None:
    """MySQL cuts a text of over a million bytes short; SQLite does not."""
    page = [submission(key, _uuid=f"{key:080d}", _validation_status=APPROVED) for key in range(1, 9_001)]
    Writing(engine).pull(*page)
    ours, theirs = _both(engine, 0, None)
    assert (ours == theirs) == (engine.dialect.name == "sqlite")
    assert ours.startswith(theirs)
