"""A run says success only where it holds as many submissions as the server counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kobo_mirror.database.engine import reading
from kobo_mirror.store.totals import totals
from simulator.users import OWNER_PERMISSIONS
from tests.support.mirroring import Mirroring
from tests.support.passing_time import pass_time
from tests.support.tables import records, run_sql

LARGE = {"exact_up_to": 0, "mode": "auto"}


def wait(mirroring: Mirroring, minutes: int) -> None:
    pass_time(mirroring.engine, minutes)
    mirroring.simulator.control.age_history(60 * minutes)


def settle_down(mirroring: Mirroring) -> None:
    """Two runs and a proof, half an hour ago: from now on a run reads above a watermark."""
    for _ in range(2):
        mirroring.sync(mode="exact")
        wait(mirroring, 30)
    mirroring.verify()


def appear_late(mirroring: Mirroring) -> None:
    control = mirroring.simulator.control
    hidden = control.create(3, hidden=True)
    control.create(2)
    mirroring.sync(**LARGE)
    wait(mirroring, 60)
    mirroring.sync(**LARGE)
    wait(mirroring, 60)
    control.reveal(hidden)


def lose_rows_and_totals(mirroring: Mirroring) -> None:
    run_sql(mirroring.engine, "DELETE FROM kobo_records", "DELETE FROM kobo_tallies")


def lose_two_and_their_count(mirroring: Mirroring) -> None:
    ids = ", ".join(map(str, mirroring.simulator.control.ids()[:2]))
    run_sql(
        mirroring.engine,
        f"DELETE FROM kobo_records WHERE kobo_id IN ({ids})",
        "UPDATE kobo_tallies SET applied = applied - 2 WHERE applied > 2",
    )


def lose_all_of_six(mirroring: Mirroring) -> None:
    ids = ", ".join(map(str, mirroring.simulator.control.ids()[3:9]))
    run_sql(
        mirroring.engine,
        f"DELETE FROM kobo_records WHERE kobo_id IN ({ids})",
        f"DELETE FROM kobo_submissions WHERE kobo_id IN ({ids})",
        "UPDATE kobo_tallies SET applied = applied - 6 WHERE applied > 6",
    )


DAMAGES: dict[str, Callable[[Mirroring], None]] = {
    "submissions that appear late": appear_late,
    "rows and totals": lose_rows_and_totals,
    "two rows and their count": lose_two_and_their_count,
    "six submissions": lose_all_of_six,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("sees_history", [True, False])
def test_an_incremental_run_that_holds_too_few_becomes_exact(
    mirroring: Mirroring, damage: Callable[[Mirroring], None], sees_history: bool
) -> None:
    rights = OWNER_PERMISSIONS if sees_history else ("view_asset", "view_submissions")
    simulator = mirroring.simulator
    simulator.control.user(simulator.token, "a_viewer", rights)
    settle_down(mirroring)
    damage(mirroring)
    sentence = mirroring.sync(**LARGE)["sentence"]
    shown = simulator.control.ids()
    assert sentence.endswith(f"the form has {len(shown)} submissions")
    assert sorted(records(mirroring.engine)) == sorted(shown)
    assert mirroring.verify().equal


def test_an_incremental_run_that_holds_all_asks_for_no_count_again(mirroring: Mirroring) -> None:
    settle_down(mirroring)
    mirroring.simulator.control.clear_requests()
    assert mirroring.sync(**LARGE)["mode"] == "incremental"
    queries = [request["query"] for request in mirroring.simulator.control.requests()]
    assert sum(query.startswith("limit=1&fields=") for query in queries) == 1


@pytest.mark.parametrize("lane", [0, 1, -1])
def test_a_lane_that_is_missing_leaves_nothing_out(mirroring: Mirroring, lane: int) -> None:
    mirroring.simulator.control.reset(rows=6000)
    mirroring.simulator.control.faults.add("500", count=None, after=20, path="/data")
    with pytest.raises(Exception, match="500"):
        mirroring.sync(page_size=100)
    mirroring.simulator.control.faults.clear()
    which = (
        f"= {lane}"
        if lane >= 0
        else "= (SELECT last FROM (SELECT MAX(lane) AS last FROM kobo_checkpoints) AS l)"
    )
    run_sql(mirroring.engine, f"DELETE FROM kobo_checkpoints WHERE lane {which}")
    assert mirroring.sync()["submissions"] == 6000
    assert len(records(mirroring.engine)) == 6000


@pytest.mark.parametrize("kobo_id", [0, -5])
def test_a_row_that_no_server_can_have_given_is_seen_and_goes(mirroring: Mirroring, kobo_id: int) -> None:
    mirroring.sync()
    columns = [
        name for name in next(iter(records(mirroring.engine).values())) if name not in ("id", "kobo_id")
    ]
    names = ", ".join(columns)
    run_sql(
        mirroring.engine,
        f"INSERT INTO kobo_records (id, kobo_id, {names}) "
        f"SELECT x'00112233445566778899aabbccddeeff', {kobo_id}, "
        f"{names} FROM kobo_records ORDER BY kobo_id LIMIT 1",
    )
    assert mirroring.verify().differences["extra"] == 1
    mirroring.sync(mode="exact")
    assert kobo_id not in records(mirroring.engine)
    assert mirroring.verify().equal


@pytest.mark.parametrize("wrong", ["rejected = 0", "rejected = 50", "deleted = 9"])
def test_an_exact_run_puts_wrong_totals_right(mirroring: Mirroring, wrong: str) -> None:
    control = mirroring.simulator.control
    control.bulk_edit(control.ids()[:2], cd_client_name=None)
    mirroring.sync()
    run_sql(mirroring.engine, f"UPDATE kobo_tallies SET {wrong}")
    sentence = mirroring.sync(mode="exact")["sentence"]
    assert sentence.startswith("success, with 2 rejected: ")
    with reading(mirroring.engine) as connection:
        assert totals(connection, mirroring.simulator.asset) == {"applied": 298, "rejected": 2, "deleted": 0}
