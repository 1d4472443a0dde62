from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kobo_mirror.errors import CredentialsError, KoboMirrorError, RequestError, ServerError
from kobo_mirror.kobo.form import KoboClient, Page
from simulator.process import SimulatorProcess


def rows_of(page: Page) -> list[dict[str, Any]]:
    return [json.loads(bytes(row)) for row in page.rows]


def walk(ask: Callable[..., Page], **bounds: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    after = 0
    while (page := ask(after=after, limit=7, **bounds)).ids:
        rows += rows_of(page)
        after = page.ids[-1]
    return rows


def test_a_walk_over_pages_meets_every_submission_once(
    client: KoboClient, simulator: SimulatorProcess
) -> None:
    truth = simulator.control.rows()
    assert len(truth) == 30
    assert walk(client.page) == truth


def test_a_page_keeps_within_its_range(client: KoboClient, simulator: SimulatorProcess) -> None:
    ids = simulator.control.ids()
    page = client.page(after=ids[4], upto=ids[9], limit=100)
    assert page.ids == ids[5:10]
    assert page.count == 5
    assert client.page(after=ids[4], upto=ids[9], limit=2).count == 5


def test_more_than_the_server_gives_at_once_may_be_asked_for(
    simulator: SimulatorProcess, client: KoboClient
) -> None:
    simulator.control.reset(rows=1200)
    page = client.page(after=0, limit=30_000)
    assert (len(page.ids), page.count) == (1000, 1200)
    assert len(client.page(after=page.ids[-1], limit=30_000).ids) == 200


def test_a_sweep_shows_edits_and_validation_and_no_answers(
    client: KoboClient, simulator: SimulatorProcess
) -> None:
    first, second, *_ = simulator.control.ids()
    [uuid] = simulator.control.edit(first, cd_age=40)
    simulator.control.validate(second, "approved")
    page = client.sweep_page(after=0)
    assert page.ids == [row.id for row in page.swept] == simulator.control.ids()
    assert page.swept[0].uuid == uuid
    assert page.swept[0].status is None or page.swept[0].status.uid is None
    assert page.swept[1].status
    assert page.swept[1].status.uid == "validation_status_approved"
    assert page.size < client.page(after=0, limit=1000).size / 5


def test_by_ids_gives_those_that_are_there(client: KoboClient, simulator: SimulatorProcess) -> None:
    ids = simulator.control.ids()
    simulator.control.delete(ids[3])
    page = client.by_ids([ids[5], ids[3], ids[1], 10**9])
    assert page.ids == [ids[1], ids[5]]
    assert rows_of(page) == simulator.control.rows([ids[1], ids[5]])
    assert client.by_ids([10**9]).ids == []


def test_250_at_once_are_asked_for_in_one_request(client: KoboClient, simulator: SimulatorProcess) -> None:
    simulator.control.reset(rows=250)
    ids = simulator.control.ids()
    roots = [row["meta/rootUuid"].removeprefix("uuid:") for row in simulator.control.rows()]
    assert client.by_ids(ids).ids == ids
    assert client.by_root_uuids(roots).ids == ids
    assert client.usage.requests == 2


def test_by_root_uuid_finds_an_edited_submission(client: KoboClient, simulator: SimulatorProcess) -> None:
    kobo_id = simulator.control.ids()[2]
    [before] = simulator.control.rows(kobo_id)
    simulator.control.edit(kobo_id, cd_age=41)
    page = client.by_root_uuids([before["_uuid"], "00000000-0000-4000-8000-000000000000"])
    assert page.ids == [kobo_id]
    assert rows_of(page) == simulator.control.rows(kobo_id)


def test_counts_and_quantiles(client: KoboClient, simulator: SimulatorProcess) -> None:
    ids = simulator.control.ids()
    assert client.count() == 30
    assert client.count(after=ids[9]) == 20
    assert client.count(after=0) == 30
    assert client.newest_id() == ids[-1]
    assert [client.id_at(start) for start in (0, 17, 29, 30)] == [ids[0], ids[17], ids[29], None]
    assert client.id_at(2, after=ids[9]) == ids[12]


DOWNWARDS = r"sort=%7B%22_id%22:-1%7D"


@pytest.mark.parametrize("rows", [0, 1, 30])
@pytest.mark.parametrize("kind", ["504", "400", "html", "drop"])
def test_the_newest_is_found_where_sorting_downwards_fails(
    kind: str, rows: int, client: KoboClient, simulator: SimulatorProcess
) -> None:
    simulator.control.reset(rows=rows)
    simulator.control.faults.add(kind, count=None, path=DOWNWARDS)
    for made in (0, 1, 2):
        simulator.control.create(made)
        assert client.newest_id() == (simulator.control.ids() or [None])[-1]
    downwards = [request for request in simulator.control.requests() if ":-1" in request["query"]]
    assert len(downwards) == 1


def test_a_busy_server_is_no_reason_to_give_up_sorting(
    client: KoboClient, simulator: SimulatorProcess
) -> None:
    simulator.control.faults.add("504", count=None, path="data.json")
    with pytest.raises(ServerError):
        client.newest_id()
    simulator.control.faults.clear()
    simulator.control.clear_requests()
    assert client.newest_id() == simulator.control.ids()[-1]
    assert len(simulator.control.requests()) == 1


def test_the_newest_is_one_that_the_server_shows_with_none_above(
    client: KoboClient, simulator: SimulatorProcess
) -> None:
    *_, before, newest = simulator.control.ids()
    assert client.is_newest(newest)
    for other in (before, newest - 1_000, newest + 1, newest + 1_000, 1):
        assert not client.is_newest(other)
    [later] = simulator.control.create(1)
    assert not client.is_newest(newest)
    simulator.control.delete([newest, later])
    assert not client.is_newest(newest)
    assert client.is_newest(before)


@pytest.mark.parametrize("kind", ["empty", "short"])
def test_a_server_that_hides_submissions_is_not_believed_about_the_newest(
    kind: str, client: KoboClient, simulator: SimulatorProcess
) -> None:
    *_, before, newest = simulator.control.ids()
    simulator.control.faults.add(kind, count=None)
    assert not client.is_newest(before if kind == "short" else newest)


def test_an_empty_form(client: KoboClient, simulator: SimulatorProcess) -> None:
    simulator.control.reset(rows=0)
    assert client.page(after=0, limit=1000).ids == []
    assert client.sweep_page(after=0).ids == []
    assert client.by_ids([1]).ids == []
    assert client.count() == 0
    assert client.newest_id() is None
    assert client.id_at(0) is None
    assert client.form().submission_count == 0


def test_a_form_with_one_submission(client: KoboClient, simulator: SimulatorProcess) -> None:
    simulator.control.reset(rows=1)
    [kobo_id] = simulator.control.ids()
    assert walk(client.page) == simulator.control.rows()
    assert client.newest_id() == client.id_at(0) == kobo_id
    assert client.count() == 1


@pytest.mark.parametrize("kind", ["400", "429", "500", "502", "503", "504", "html", "half", "drop"])
def test_a_walk_survives_faults(kind: str, client: KoboClient, simulator: SimulatorProcess) -> None:
    simulator.control.faults.add(kind, count=None, every=2)
    assert walk(client.page) == simulator.control.rows()
    assert client.usage.requests > 6


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("401", CredentialsError),
        ("403", CredentialsError),
        ("404", CredentialsError),
        ("404-html", CredentialsError),
    ],
)
def test_a_refusal_is_not_asked_for_again(
    kind: str, error: type[KoboMirrorError], client: KoboClient, simulator: SimulatorProcess
) -> None:
    simulator.control.faults.add(kind)
    with pytest.raises(error):
        client.page(after=0, limit=10)
    assert client.usage.requests == 1


def test_a_response_to_another_request_moves_no_cursor(
    client: KoboClient, simulator: SimulatorProcess
) -> None:
    page = client.page(after=0, limit=10)
    simulator.control.faults.add("repeat", count=None)
    with pytest.raises(ServerError, match="ignored the query"):
        client.page(after=page.ids[-1], limit=10)


def test_a_response_with_half_of_the_rows_proves_no_absence(
    client: KoboClient, simulator: SimulatorProcess
) -> None:
    simulator.control.reset(rows=200)
    ids = simulator.control.ids()
    simulator.control.faults.add("short", count=None)
    with pytest.raises(ServerError, match=r"counts 200 matching submissions but sent 125\."):
        client.by_ids(ids)
    simulator.control.faults.clear()
    assert client.by_ids(ids).ids == ids


@pytest.mark.parametrize("odd", ["\ud800", "a\x00b", "😀", "x" * 300, 17, None, ["a"], {"b": 1}])
def test_an_odd_answer_does_not_spoil_its_page_of_a_real_server(
    odd: object, client: KoboClient, simulator: SimulatorProcess
) -> None:
    kobo_id = simulator.control.ids()[3]
    simulator.control.raw(kobo_id, {"sec_c/cd_client_name": odd})
    assert walk(client.page) == simulator.control.rows()


def test_responses_are_compressed(client: KoboClient, simulator: SimulatorProcess) -> None:
    page = client.page(after=0, limit=30)
    assert page.wire < page.size / 3
    assert client.usage.bytes == page.wire
    assert [request["gzip"] for request in simulator.control.requests()] == [True]


def test_rest_services_are_made_changed_listed_and_removed(
    client: KoboClient, simulator: SimulatorProcess
) -> None:
    for number in range(103):
        client.create_hook(
            {"name": f"hook {number}", "endpoint": f"http://127.0.0.1:9/{number}", "active": False}
        )
    hooks = client.hooks()
    assert sorted(hook["name"] for hook in hooks) == sorted(f"hook {number}" for number in range(103))
    changed = client.patch_hook(hooks[0]["uid"], {"name": "renamed"})
    assert changed["name"] == "renamed"
    assert changed["endpoint"] == hooks[0]["endpoint"]
    client.delete_hook(hooks[1]["uid"])
    assert len(client.hooks()) == 102
    with pytest.raises(RequestError, match=r"400 \(endpoint\)"):
        client.create_hook({"name": "x", "endpoint": "ftp://127.0.0.1/"})


def test_failed_deliveries_are_listed_by_submission(client: KoboClient, simulator: SimulatorProcess) -> None:
    hook = client.create_hook({"name": "refused", "endpoint": "http://127.0.0.1:9/"})
    made = simulator.control.create(3)
    simulator.control.wait_deliveries()
    assert sorted(log["submission_id"] for log in client.hook_logs(hook["uid"])) == made
    assert list(client.hook_logs(hook["uid"], status=2)) == []
