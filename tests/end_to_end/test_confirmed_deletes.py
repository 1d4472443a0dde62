"""Lists of deletes wait under codes: a code covers the list that was shown, and serves once."""

from __future__ import annotations

import pytest

from kobo_mirror.cli.status import status
from kobo_mirror.database.engine import reading
from kobo_mirror.errors import DeletesWaitError, ServerError, UnequalError
from kobo_mirror.store.codes import waiting_list
from kobo_mirror.store.tables import codes, sync_runs
from kobo_mirror.sync.mirror import MirrorSync
from tests.support.mirroring import Mirroring
from tests.support.tables import records, rows_of


def waiting(mirroring: Mirroring) -> tuple[str, list[int]]:
    """The code and the list that wait now."""
    with reading(mirroring.engine) as connection:
        found = waiting_list(connection, mirroring.simulator.asset)
    assert found is not None
    return found.code, found.ids


def stopped(mirroring: Mirroring, confirm: str | None = None) -> str:
    """Sync; deletes must wait. Returns the sentence."""
    with pytest.raises(DeletesWaitError) as raised:
        mirroring.sync(confirm=confirm)
    return str(raised.value)


def light(mirroring: Mirroring) -> tuple[str, list[str]]:
    told = status(mirroring.engine)
    return told["light"], told["findings"]


def restore(mirroring: Mirroring, ids: list[int]) -> None:
    """Show deleted submissions again, as a server does that was restored from a backup."""
    mirroring.simulator.control.reveal(ids, committed=False)


def delete(mirroring: Mirroring, ids: list[int]) -> list[int]:
    mirroring.simulator.control.delete(ids)
    return ids


def test_people_go_on_deleting_and_each_confirmation_does_what_was_shown(mirroring: Mirroring) -> None:
    mirroring.sync()
    ids = mirroring.simulator.control.ids()
    shown = delete(mirroring, ids[:30])
    assert "30 of 300 submissions have gone" in stopped(mirroring)
    for first in (30, 60, 90):
        code, listed = waiting(mirroring)
        assert listed == shown
        further = delete(mirroring, ids[first : first + 30])
        sentence = stopped(mirroring, code)
        assert f"The {len(shown)} that were confirmed are deleted." in sentence
        assert set(records(mirroring.engine)).isdisjoint(shown)
        assert set(records(mirroring.engine)) >= set(further)
        assert waiting(mirroring)[0] != code
        shown = further
    code, _ = waiting(mirroring)
    assert mirroring.sync(confirm=code)["deleted"] == 30
    assert set(records(mirroring.engine)) == set(ids[120:])
    assert mirroring.verify().equal


def test_a_few_later_deletes_need_no_confirmation(mirroring: Mirroring) -> None:
    mirroring.sync()
    ids = mirroring.simulator.control.ids()
    delete(mirroring, ids[:30])
    stopped(mirroring)
    code, _ = waiting(mirroring)
    delete(mirroring, ids[30:35])
    assert mirroring.sync(confirm=code)["deleted"] == 35
    assert mirroring.verify().equal


def test_an_older_code_still_covers_its_own_list(mirroring: Mirroring) -> None:
    mirroring.sync()
    ids = mirroring.simulator.control.ids()
    delete(mirroring, ids[:30])
    stopped(mirroring)
    first, _ = waiting(mirroring)
    delete(mirroring, ids[30:60])
    stopped(mirroring)
    second, listed = waiting(mirroring)
    assert (first != second, listed) == (True, ids[:60])
    stopped(mirroring, first)
    assert set(records(mirroring.engine)) == set(ids[30:])


def test_what_came_back_is_kept_though_it_was_confirmed(mirroring: Mirroring) -> None:
    mirroring.sync()
    ids = mirroring.simulator.control.ids()
    delete(mirroring, ids[:30])
    stopped(mirroring)
    code, _ = waiting(mirroring)
    restore(mirroring, ids[:5])
    assert mirroring.sync(confirm=code)["deleted"] == 25
    assert set(records(mirroring.engine)) == {*ids[:5], *ids[30:]}


def test_the_same_list_keeps_its_code(mirroring: Mirroring) -> None:
    mirroring.sync()
    delete(mirroring, mirroring.simulator.control.ids()[:30])
    stopped(mirroring)
    before = waiting(mirroring)
    stopped(mirroring)
    assert waiting(mirroring) == before
    assert rows_of(mirroring.engine, sync_runs)[-1]["waiting_code"] == before[0]


@pytest.mark.parametrize("wrong", ["0" * 12, "", "x", "'; DROP TABLE kobo_records; --"])
def test_a_code_that_was_never_issued_confirms_nothing(mirroring: Mirroring, wrong: str) -> None:
    mirroring.sync()
    delete(mirroring, mirroring.simulator.control.ids()[:30])
    sentence = stopped(mirroring, wrong)
    assert ("The code given does not confirm them." in sentence) == bool(wrong)
    assert len(records(mirroring.engine)) == 300


def test_a_code_serves_once_even_for_the_same_list(mirroring: Mirroring) -> None:
    mirroring.sync()
    ids = mirroring.simulator.control.ids()[:30]
    delete(mirroring, ids)
    stopped(mirroring)
    code, _ = waiting(mirroring)
    mirroring.sync(confirm=code)
    restore(mirroring, ids)
    mirroring.sync()
    assert len(records(mirroring.engine)) == 300
    delete(mirroring, ids)
    assert "The code given does not confirm them." in stopped(mirroring, code)
    assert len(records(mirroring.engine)) == 300
    assert waiting(mirroring)[0] != code


def test_a_code_ends_with_its_list(mirroring: Mirroring) -> None:
    mirroring.sync()
    ids = mirroring.simulator.control.ids()[:30]
    delete(mirroring, ids)
    stopped(mirroring)
    code, _ = waiting(mirroring)
    restore(mirroring, ids)
    mirroring.sync()
    assert rows_of(mirroring.engine, codes)[0]["settled_at"]
    delete(mirroring, ids)
    assert "The code given does not confirm them." in stopped(mirroring, code)
    assert len(records(mirroring.engine)) == 300


def test_a_repair_leaves_waiting_deletes_visible(mirroring: Mirroring) -> None:
    mirroring.sync()
    ids = mirroring.simulator.control.ids()
    delete(mirroring, ids[:30])
    stopped(mirroring)
    before = waiting(mirroring)
    report = mirroring.verify()
    with mirroring.client() as client:
        sync = MirrorSync(client, mirroring.engine, server=mirroring.mirror.server)
        with pytest.raises(DeletesWaitError):
            sync.repair(report)
    assert waiting(mirroring) == before
    colour, findings = light(mirroring)
    assert colour == "red"
    assert "30 submissions have gone from KoboToolbox: confirm that they may be deleted." in findings
    assert len(records(mirroring.engine)) == 300
    assert mirroring.sync(confirm=before[0])["deleted"] == 30
    assert mirroring.verify().equal
    assert light(mirroring) == ("green", [])


def test_a_failed_sync_shows_in_the_status_and_takes_no_time_of_the_good_one(mirroring: Mirroring) -> None:
    mirroring.sync()
    mirroring.verify()
    before = status(mirroring.engine)
    assert (before["light"], before["error"]) == ("green", None)
    code, _, err = mirroring.command("sync", KOBO_TOKEN="0" * 40)
    assert code == 2
    told = status(mirroring.engine)
    assert (told["light"], told["findings"]) == ("red", ["The last sync failed."])
    assert told["error"] == err.removeprefix("error: ").strip()
    assert told["last_run"] == before["last_run"]
    mirroring.command("sync", KOBO_TOKEN="0" * 40)
    mirroring.sync()
    assert status(mirroring.engine)["light"] == "green"


def test_a_failed_start_hides_no_unfinished_run(mirroring: Mirroring) -> None:
    mirroring.simulator.control.faults.add("503", count=None, after=5, path=r"limit=10(&|$)")
    with pytest.raises(ServerError):
        mirroring.sync(mirroring.client(attempts=1), page_size=10, in_flight=1)
    mirroring.simulator.control.faults.clear()
    loaded = len(records(mirroring.engine))
    mirroring.command("sync", KOBO_TOKEN="0" * 40)
    mirroring.sync(page_size=10)
    first, failed = rows_of(mirroring.engine, sync_runs)
    assert (first["inserted"], failed["mode"]) == (300, "none")
    assert 0 < loaded < 300


def test_the_sum_of_a_run_says_how_many_the_form_has(mirroring: Mirroring) -> None:
    mirroring.simulator.control.reset(rows=12)
    mirroring.sync()
    ids = mirroring.simulator.control.ids()
    mirroring.simulator.control.edit(ids[0], cd_age="77")
    mirroring.simulator.control.delete(ids[1:2])
    sentence = mirroring.sync()["sentence"]
    assert "1 changed, 1 deleted" in sentence
    assert sentence.endswith("; the form has 11 submissions")


def test_deletes_that_wait_are_said_first_where_nothing_fits_the_table(mirroring: Mirroring) -> None:
    """Otherwise the code that ends it would never be shown."""
    mirroring.sync()
    control = mirroring.simulator.control
    control.delete(control.ids()[3:])
    control.edit(control.ids(), cd_age="forty")
    assert "297 of 300 submissions have gone" in stopped(mirroring)
    code, _ = waiting(mirroring)
    with pytest.raises(UnequalError, match="None of the form's 3 submissions fits"):
        mirroring.sync(confirm=code)
    control.delete(control.ids())
    sentence = stopped(mirroring)
    assert "3 of 3 submissions have gone" in sentence
    assert mirroring.sync(confirm=waiting(mirroring)[0])["deleted"] == 3
