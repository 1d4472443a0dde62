"""A form that is let go takes no rows; only a round that chose its forms later takes it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, select, update

from kobo_mirror.database.engine import moment_of, read, transact
from kobo_mirror.store.bindings import LetGoError
from kobo_mirror.store.form_notes import Told, note_refresh
from kobo_mirror.store.let_go import let_go, note_dropped, note_mirrored, require_kept_since
from kobo_mirror.store.tables import forms
from tests.support.forms.made import ALONE, make_tables
from tests.support.submissions import ASSET, SERVER, submission
from tests.support.writing import Writing

TOLD = Told("Survey", None)


def is_refused(engine: Engine, chosen_at: datetime | None) -> bool:
    try:
        read(engine, lambda connection: require_kept_since(connection, ASSET, chosen_at))
    except LetGoError:
        return True
    return False


def is_let_go(engine: Engine) -> bool:
    with engine.connect() as connection:
        return connection.scalar(select(forms.c.let_go_at)) is not None


def test_what_is_pulled_is_not_written(engine: Engine) -> None:
    writing = Writing(engine, mirror=make_tables(engine, ALONE))
    writing.pull(submission(1))
    transact(engine, lambda connection: let_go(connection, ASSET))
    for work in (lambda: writing.pull(submission(2)), lambda: writing.remove(1)):
        with pytest.raises(LetGoError):
            work()


@pytest.mark.parametrize("note", [let_go, note_dropped])
def test_the_later_one_of_choice_and_removal_counts(
    engine: Engine, note: Callable[[Connection, str], None]
) -> None:
    writing = Writing(engine, mirror=make_tables(engine, ALONE))
    before = read(engine, moment_of)
    transact(engine, lambda connection: note(connection, ASSET))
    after = read(engine, moment_of)
    assert is_refused(engine, before)
    assert not is_refused(engine, after)
    assert not is_refused(engine, None)
    note_mirrored(engine, {ASSET: False}, [SERVER], before)
    with pytest.raises(LetGoError):
        note_refresh(engine, writing.lease, TOLD, None, before)
    assert is_let_go(engine)
    note_mirrored(engine, {ASSET: False}, [SERVER], after)
    assert not is_let_go(engine)
    transact(engine, lambda connection: let_go(connection, ASSET))
    note_refresh(engine, writing.lease, TOLD, None, read(engine, moment_of))
    assert not is_let_go(engine)


def test_a_stamp_from_before_the_clock_was_set_back_says_nothing(engine: Engine) -> None:
    make_tables(engine, ALONE)
    with engine.begin() as connection:
        moment = moment_of(connection)
        connection.execute(update(forms).values(let_go_at=moment + timedelta(hours=1)))
    assert not is_refused(engine, moment)
