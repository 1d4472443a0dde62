"""Submissions that the server takes and can never send again: all others arrive, and nothing is deleted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from kobo_mirror.cli.status import status
from kobo_mirror.errors import ServerError
from kobo_mirror.kobo import apart
from kobo_mirror.store.refetch_queue import UNREADABLE
from kobo_mirror.store.tables import proofs, sync_runs, to_fetch
from tests.support.further import further
from tests.support.mirroring import Mirroring
from tests.support.tables import ages, answers, ledger, records, rows_of, truth

ROWS = 40
XML = r"/data/\d+\.xml"
NO_POINT = {"_geolocation": [None, None]}


def poisoned(mirroring: Mirroring, places: Iterable[int], rows: int = ROWS, *, for_good: bool) -> list[int]:
    """A form of which some submissions, by their place in it, cannot be sent.

    :param for_good: the server tells nothing of their keys either.
    """
    control = mirroring.simulator.control
    control.reset(rows=rows)
    ids = [control.ids()[place] for place in places]
    for kobo_id in ids:
        control.poison(kobo_id)
    if for_good:
        control.faults.add("500", count=None, path=XML)
    return ids


def marked(mirroring: Mirroring) -> list[int]:
    """The ids that the refetch queue has as unreadable."""
    return [int(row["ref"]) for row in rows_of(mirroring.engine, to_fetch) if row["reason"] == UNREADABLE]


def sync(mirroring: Mirroring, **options: Any) -> dict[str, Any]:
    return mirroring.sync(mirroring.client(attempts=2), **{"page_size": 15, **options})


def light(mirroring: Mirroring) -> tuple[str, list[str]]:
    known = status(mirroring.engine)
    return known["light"], known["findings"]


@pytest.mark.parametrize("places", [[700], *further([0], [1999], [998, 999, 1000, 1001])])
def test_one_of_2000_that_cannot_be_sent_with_its_point_is_a_row_like_any_other(
    embedded: Mirroring, places: list[int]
) -> None:
    ids = poisoned(embedded, places, 2000, for_good=False)
    result = embedded.sync(embedded.client(attempts=2))
    assert (result["inserted"], result["unreadable"]) == (2000, 0)
    assert embedded.verify().sentence == "mirror equals source: 2000 submissions, 0 differences"
    assert not rows_of(embedded.engine, to_fetch)
    before = truth(embedded.engine)
    for kobo_id in ids:
        embedded.simulator.control.raw(kobo_id, NO_POINT)
    assert sync(embedded, mode="exact", since=0, page_size=1000)["unchanged"] == 2000
    assert truth(embedded.engine) == before


@pytest.mark.parametrize("places", [[3, 4, 11], *further([20], [0], [ROWS - 1], range(15, 30), range(ROWS))])
def test_what_cannot_be_sent_at_all_is_remembered_and_all_others_arrive(
    embedded: Mirroring, places: Iterable[int]
) -> None:
    ids = poisoned(embedded, places, for_good=True)
    result = sync(embedded)
    assert (result["inserted"], result["unreadable"]) == (ROWS - len(ids), len(ids))
    assert f"success, with {len(ids)} that KoboToolbox cannot send: " in result["sentence"]
    assert rows_of(embedded.engine, sync_runs)[-1]["unreadable"] == len(ids)
    assert marked(embedded) == ids
    assert records(embedded.engine).keys() == set(embedded.simulator.control.ids()) - set(ids)
    report = embedded.verify()
    assert (report.equal, report.compared, report.unreadable) == (True, ROWS - len(ids), ids)
    assert f"{len(ids)} not compared, which KoboToolbox cannot send" in report.sentence
    assert rows_of(embedded.engine, proofs)[-1]["unreadable"] == len(ids)


def test_the_others_of_2000_arrive_and_the_light_says_what_to_do(mirroring: Mirroring) -> None:
    ids = poisoned(mirroring, [1234], 2000, for_good=True)
    assert sync(mirroring, page_size=1000)["inserted"] == 1999
    mirroring.verify()
    color, findings = light(mirroring)
    assert color == "amber"
    assert [said for said in findings if "cannot be sent by KoboToolbox" in said]
    again = sync(mirroring, page_size=1000, mode="exact")
    assert (again["inserted"], again["unreadable"], marked(mirroring)) == (0, 1, ids)
    mirroring.simulator.control.raw(ids[0], NO_POINT)
    mended = sync(mirroring, page_size=1000)
    assert (mended["inserted"], mended["unreadable"]) == (1, 0)
    assert mended["sentence"].startswith("success: ")
    assert not rows_of(mirroring.engine, to_fetch)
    assert mirroring.verify().equal
    assert light(mirroring)[0] == "green"


def test_one_whose_keys_are_told_later_is_mirrored_then(embedded: Mirroring) -> None:
    poisoned(embedded, [7], for_good=True)
    sync(embedded)
    embedded.simulator.control.faults.clear()
    assert (sync(embedded)["inserted"], marked(embedded)) == (1, [])
    assert embedded.verify().equal


@pytest.mark.parametrize("for_good", [True, False])
def test_one_that_is_poisoned_while_it_is_pulled(embedded: Mirroring, for_good: bool) -> None:
    [kobo_id] = poisoned(embedded, [35], for_good=for_good)
    control = embedded.simulator.control
    control.raw(kobo_id, NO_POINT)
    client = embedded.client(attempts=2)
    ask, asked = client.page, list[int]()

    def page(**window: Any) -> Any:
        asked.append(window["after"])
        if len(asked) == 2:
            control.poison(kobo_id)
        return ask(**window)

    client.page = page  # type: ignore[method-assign]
    assert embedded.sync(client, page_size=15, in_flight=1)["inserted"] == ROWS - for_good
    assert marked(embedded) == [kobo_id] * for_good


def edited_and_poisoned(mirroring: Mirroring) -> int:
    """A submission that was mirrored, was then edited, and can no longer be sent."""
    control = mirroring.simulator.control
    control.reset(rows=ROWS)
    sync(mirroring)
    mirroring.verify()
    kobo_id = control.ids()[12]
    control.edit([kobo_id], cd_age="77")
    control.poison(kobo_id)
    control.faults.add("500", count=None, path=XML)
    return kobo_id


def test_one_that_was_mirrored_before_keeps_its_row(embedded: Mirroring) -> None:
    kobo_id = edited_and_poisoned(embedded)
    before = answers(embedded.engine)
    for mode in ("exact", "exact", "incremental"):
        assert sync(embedded, mode=mode, **({"since": 0} if mode == "exact" else {}))["unreadable"] == 1
        assert answers(embedded.engine) == before
        assert ledger(embedded.engine)[kobo_id]["state"] == "applied"
        color, findings = light(embedded)
        assert (color, len(findings)) == ("amber", 1)
    report = embedded.verify()
    assert (report.equal, report.unreadable, report.compared) == (True, [kobo_id], ROWS - 1)
    embedded.simulator.control.raw(kobo_id, NO_POINT)
    assert (sync(embedded)["updated"], ages(embedded.engine)[kobo_id]) == (1, 77)
    assert embedded.verify().equal


def test_one_that_is_deleted_on_the_server_is_deleted_here(mirroring: Mirroring) -> None:
    kobo_id = edited_and_poisoned(mirroring)
    sync(mirroring, mode="exact")
    assert (kobo_id in records(mirroring.engine), marked(mirroring)) == (True, [kobo_id])
    mirroring.simulator.control.delete([kobo_id])
    result = sync(mirroring, mode="exact")
    assert (result["deleted"], result["unreadable"], marked(mirroring)) == (1, 0, [])
    assert kobo_id not in records(mirroring.engine)
    assert ledger(mirroring.engine)[kobo_id]["state"] == "deleted"
    assert mirroring.verify().equal


def test_one_that_was_never_read_and_is_deleted_is_asked_for_no_more(embedded: Mirroring) -> None:
    ids = poisoned(embedded, [5], for_good=True)
    sync(embedded)
    embedded.simulator.control.delete(ids)
    assert sync(embedded)["unreadable"] == 0
    assert not rows_of(embedded.engine, to_fetch)


def test_others_are_deleted_beside_a_newest_one_that_cannot_be_sent(embedded: Mirroring) -> None:
    """The witness of a delete is one that the server shows, be it that it cannot send it."""
    [newest] = poisoned(embedded, [ROWS - 1], for_good=True)
    sync(embedded)
    gone = embedded.simulator.control.ids()[:2]
    embedded.simulator.control.delete(gone)
    assert sync(embedded, mode="exact")["deleted"] == 2
    assert marked(embedded) == [newest]


@pytest.mark.long
def test_a_repair_leaves_what_cannot_be_sent_as_it_is(embedded: Mirroring) -> None:
    kobo_id = edited_and_poisoned(embedded)
    before = answers(embedded.engine)
    code, out, _ = embedded.command("verify", "--full", "--repair")
    assert (code, answers(embedded.engine)) == (0, before)
    assert "39 submissions, 0 differences, 1 not compared" in out
    assert embedded.command("verify", "--full", "--strict")[0] == 1
    assert not ledger(embedded.engine)[kobo_id]["deleted_at"]


@pytest.mark.long
@pytest.mark.parametrize("path", [r"data", r"data\.json", r"limit=15"])
def test_a_server_that_is_down_is_no_reason_to_go_on_without_rows(embedded: Mirroring, path: str) -> None:
    control = embedded.simulator.control
    control.reset(rows=ROWS)
    control.faults.add("500", count=None, after=6, path=path)
    control.faults.add("500", count=None, path=r"%22%24in%22|\.xml")  # nor can it send fewer
    if path == "limit=15":
        control.faults.add("500", count=None, path="limit=1(?!5)")
    with pytest.raises(ServerError, match="busy or down: it answered 500"):
        sync(embedded)
    assert not marked(embedded)
    control.faults.clear()
    sync(embedded)
    assert embedded.verify().sentence == f"mirror equals source: {ROWS} submissions, 0 differences"


@pytest.mark.parametrize("page_size", [11, *further(1000)])
def test_a_server_that_sends_no_submission_any_more_ends_the_run(
    embedded: Mirroring, monkeypatch: pytest.MonkeyPatch, page_size: int
) -> None:
    """It lists all and fails to send nearly any: each run marks some more, and the last one is done."""
    monkeypatch.setattr(apart, "MOST_UNSENT", 11)
    ids = poisoned(embedded, range(ROWS - 1), for_good=True)
    counts = [0]
    while len(counts) < ROWS and counts[-1] < len(ids) - 11:
        with pytest.raises(ServerError, match=r"\d\d single submissions could not be sent either"):
            sync(embedded, page_size=page_size, in_flight=1)
        counts.append(len(marked(embedded)))
        assert counts[-2] < counts[-1] <= counts[-2] + 11
    assert sync(embedded, page_size=page_size, in_flight=1)["unreadable"] == len(ids)
    assert (embedded.verify().unreadable, len(records(embedded.engine))) == (ids, 1)


def test_little_time_passes_for_a_page_that_is_an_error_while_others_come(embedded: Mirroring) -> None:
    poisoned(embedded, [3, 18, 33], for_good=True)
    embedded.sync(embedded.client(), page_size=10)
    embedded.verify()
    assert len(embedded.slept) <= 5  # once for each page that holds one of them
    failed = [one["query"] for one in embedded.requests() if one["status"] == 500]
    assert 0 < len(failed) < 3 * 20


@pytest.mark.parametrize("status", ["502", *further("503", "504")])
def test_a_busy_server_is_waited_for_before_it_is_asked_for_less(embedded: Mirroring, status: str) -> None:
    embedded.simulator.control.reset(rows=ROWS)
    embedded.simulator.control.faults.add(status, count=None, path=r"limit=15(?!.*fields)")
    assert embedded.sync(embedded.client(attempts=4), page_size=15, in_flight=1)["inserted"] == ROWS
    assert len(embedded.slept) % 3 == 0 < len(embedded.slept)
