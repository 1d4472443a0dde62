"""A sync deletes what was kept for the days of the settings, and a failure of that does not fail the sync."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kobo_mirror.database.engine import clock
from kobo_mirror.store.dead_letters import keep, note_replay
from kobo_mirror.store.tables import checkpoints, dead_letters, sync_runs
from tests.support.mirroring import Mirroring
from tests.support.passing_time import pass_time
from tests.support.tables import letters, rows_of

DAY = 24 * 60


def grown_old(mirroring: Mirroring) -> None:
    """Five syncs and two letters, one of which was taken, three days ago."""
    for _ in range(5):
        mirroring.sync()
    for taken in (True, False):
        letter = keep(mirroring.engine, body=b"{", source="webhook", reason="no")
        note_replay(mirroring.engine, letter, taken=taken)
    pass_time(mirroring.engine, 3 * DAY)
    then = clock(mirroring.engine) - timedelta(days=3)
    with mirroring.engine.begin() as connection:
        connection.execute(dead_letters.update().values(received_at=then))
        taken_then = dead_letters.update().where(dead_letters.c.replayed_at.is_not(None))
        connection.execute(taken_then.values(replayed_at=then))


def left(mirroring: Mirroring) -> dict[str, Any]:
    kept = [row["id"] for row in rows_of(mirroring.engine, sync_runs)]
    assert {row["run"] for row in rows_of(mirroring.engine, checkpoints)} <= set(kept)
    return {"runs": kept, "letters": [row["id"] for row in letters(mirroring.engine)]}


KEPT_BY = {
    ("0", "0"): {"runs": [1, 2, 3, 4, 5, 6], "letters": [1, 2]},
    ("1", "0"): {"runs": [1, 5, 6], "letters": [2]},
    ("0", "1"): {"runs": [1, 2, 3, 4, 5, 6], "letters": [1]},
    ("1", "1"): {"runs": [1, 5, 6], "letters": []},
    ("9", "9"): {"runs": [1, 2, 3, 4, 5, 6], "letters": [1, 2]},
}


@pytest.mark.parametrize("days", KEPT_BY)
def test_the_settings_say_how_long(mirroring: Mirroring, days: tuple[str, str]) -> None:
    grown_old(mirroring)
    history, waiting = days
    code, out, err = mirroring.command(
        "sync", KOBO_KEEP_HISTORY_DAYS=history, KOBO_KEEP_DEAD_LETTERS_DAYS=waiting
    )
    assert (code, err) == (0, "")
    assert out.startswith("success")
    assert left(mirroring) == KEPT_BY[days]
    mirroring.sync(mode="incremental", exact_up_to=0)
    assert mirroring.verify().equal


def test_what_cannot_be_forgotten_fails_no_sync(embedded: Mirroring) -> None:
    """A run that has ended well is noted as such; the next one tries again."""
    grown_old(embedded)
    with embedded.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER stays BEFORE DELETE ON kobo_sync_runs BEGIN SELECT RAISE(ABORT, 'locked'); END"
        )
    code, out, _ = embedded.command("sync", KOBO_KEEP_HISTORY_DAYS="1")
    assert (code, out[:7]) == (0, "success")
    assert left(embedded)["runs"] == [1, 2, 3, 4, 5, 6]
    with embedded.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER stays")
    assert embedded.command("sync", KOBO_KEEP_HISTORY_DAYS="1")[0] == 0
    assert left(embedded)["runs"] == [1, 5, 6, 7]
