"""The change history: what is reported, from which place on, and when a search is not believed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from kobo_mirror.kobo.form import KoboClient, open_form
from kobo_mirror.kobo.history import Changes, Place, Verdict, end_of_history, read_history
from simulator.control_client import SimulatorControl
from simulator.options import Options
from simulator.process import SimulatorProcess
from tests.support.faulty_server import FaultyServer, response

MINUTE = timedelta(minutes=1)
CHANGED: dict[str, Callable[[SimulatorControl, int], object]] = {
    "edited": lambda control, kobo_id: control.edit(kobo_id, cd_age="5"),
    "validated": lambda control, kobo_id: control.validate(kobo_id, "approved"),
    "cleared": lambda control, kobo_id: control.clear_validation(kobo_id),
    "deleted": lambda control, kobo_id: control.delete(kobo_id),
}


@pytest.fixture
def roots(simulator: SimulatorProcess) -> dict[int, str]:
    """The root uuid of each submission."""
    return {row["_id"]: row["_uuid"] for row in simulator.control.rows()}


@pytest.fixture
def viewer(simulator: SimulatorProcess) -> Iterator[KoboClient]:
    """A client whose token may not read the history."""
    with open_form(simulator.url, Options().viewer_token, simulator.asset) as made:
        yield made


def place_of(changes: Changes) -> Place:
    assert changes.until is not None
    return changes.until


def end(client: KoboClient) -> Place:
    """Where the history ends, once it has an entry."""
    client.count()
    return place_of(end_of_history(client))


@pytest.mark.parametrize("how", CHANGED)
def test_every_kind_of_change_is_told_by_root_uuid(
    client: KoboClient, simulator: SimulatorProcess, roots: dict[int, str], how: str
) -> None:
    place = end(client)
    kobo_id = simulator.control.ids()[3]
    CHANGED[how](simulator.control, kobo_id)
    told = read_history(client, None, place)
    assert (told.verdict, told.changed, told.added) == (Verdict.READ, {roots[kobo_id]}, frozenset())


def test_additions_are_kept_apart_unless_they_were_changed_since(
    client: KoboClient, simulator: SimulatorProcess
) -> None:
    place = end(client)
    alone, edited = simulator.control.create(2)
    simulator.control.edit(edited, cd_age="5")
    by_id = {row["_id"]: row["meta/rootUuid"].removeprefix("uuid:") for row in simulator.control.rows()}
    told = read_history(client, None, place)
    assert (told.added, told.changed) == ({by_id[alone]}, {by_id[edited]})


def test_entries_that_were_reported_are_not_reported_again(
    client: KoboClient, simulator: SimulatorProcess, roots: dict[int, str]
) -> None:
    first, second = simulator.control.ids()[:2]
    place = end(client)
    simulator.control.edit(first, cd_age="5")
    last = place_of(read_history(client, None, place))
    again = read_history(client, last, end(client))
    assert (again.verdict, again.changed, again.added) == (Verdict.READ, frozenset(), frozenset())
    simulator.control.edit(second, cd_age="5")
    assert roots[second] in read_history(client, place_of(again), end(client)).changed


@pytest.mark.parametrize("read_before", [True, False])
def test_an_entry_that_was_written_late_is_told_with_its_neighbours(
    client: KoboClient, simulator: SimulatorProcess, roots: dict[int, str], read_before: bool
) -> None:
    """The last reading is said to have ended behind both entries, and to have seen one of them or both."""
    first, second = simulator.control.ids()[:2]
    simulator.control.edit([first, second], cd_age="5")
    later = end(client).at + 3 * MINUTE
    told = read_history(client, Place(later, 2 if read_before else 1), Place(later))
    assert told.changed == (frozenset() if read_before else {roots[first], roots[second]})


@pytest.mark.parametrize(("minutes", "is_told"), [(4, True), (6, False)])
def test_entries_older_than_five_minutes_were_written_in_time(
    client: KoboClient, simulator: SimulatorProcess, minutes: int, is_told: bool
) -> None:
    simulator.control.edit(simulator.control.ids()[0], cd_age="5")
    last = Place(end(client).at + minutes * MINUTE, 0)
    assert bool(read_history(client, last, last).changed) is is_told


def test_a_first_reading_leaves_out_what_changed_before_anything_was_read(
    client: KoboClient, simulator: SimulatorProcess, roots: dict[int, str]
) -> None:
    first, second = simulator.control.ids()[:2]
    simulator.control.edit(first, cd_age="5")
    simulator.control.age_history(60)
    place = end(client)
    simulator.control.edit(second, cd_age="5")
    assert read_history(client, None, place).changed == {roots[second]}


def test_more_changes_than_fit_a_page_are_all_told(client: KoboClient, simulator: SimulatorProcess) -> None:
    place = end(client)
    for _ in range(40):
        simulator.control.edit(simulator.control.ids(), cd_age="5")
    new = simulator.control.create(1)
    simulator.control.delete(new)
    told = read_history(client, None, place)
    assert told.verdict is Verdict.READ
    assert len(told.changed) == 31


def test_an_empty_history_is_read_from_its_beginning(client: KoboClient, simulator: SimulatorProcess) -> None:
    empty = end_of_history(client)
    assert empty.verdict is Verdict.EMPTY
    simulator.control.edit(simulator.control.ids()[0], cd_age="5")
    told = read_history(client, place_of(empty), end(client))
    assert (told.verdict, len(told.changed)) == (Verdict.READ, 1)


def test_a_forbidden_history_leaves_the_place(viewer: KoboClient, client: KoboClient) -> None:
    assert end_of_history(viewer) == Changes(Verdict.FORBIDDEN)
    place = end(client)
    assert read_history(viewer, place, place) == Changes(Verdict.FORBIDDEN)


def test_a_search_that_was_not_understood_leaves_the_place(
    client: KoboClient, simulator: SimulatorProcess
) -> None:
    place = end(client)
    simulator.control.edit(simulator.control.ids()[0], cd_age="5")
    simulator.control.faults.add("empty", count=None, path="history.*q=")
    assert read_history(client, place, place) == Changes(Verdict.UNPARSED)


@pytest.mark.parametrize(("action", "minutes"), [("view-data", 1), ("modify-submission", -6)])
def test_a_search_that_was_ignored_leaves_the_place(
    client: KoboClient, connect: Callable[..., KoboClient], action: str, minutes: int
) -> None:
    place = end(client)
    moment = (place.at + minutes * MINUTE).isoformat() + "Z"
    body = {"count": 1, "results": [{"action": action, "date_created": moment}]}
    with FaultyServer(response(json.dumps(body).encode())) as faulty, connect(faulty.url) as asking:
        assert read_history(asking, place, place) == Changes(Verdict.UNPARSED)


@pytest.mark.parametrize(("days", "verdict"), [(1, Verdict.SHORTENED), (30, Verdict.READ)])
def test_a_look_back_that_ends_before_the_place_is_said(
    client: KoboClient, simulator: SimulatorProcess, days: int, verdict: Verdict
) -> None:
    simulator.control.redeploy()
    simulator.control.age_history(7 * 86_400)
    last = Place(end(client).at - timedelta(days=5), 0)
    simulator.control.form(lookback_days=days)
    simulator.control.edit(simulator.control.ids()[0], cd_age="5")
    told = read_history(client, last, end(client))
    assert (told.verdict, len(told.changed)) == (verdict, 1)
    assert told.until is not None and told.until.at > last.at


def test_a_quiet_history_costs_one_small_request(client: KoboClient, simulator: SimulatorProcess) -> None:
    place = end(client)
    simulator.control.clear_requests()
    assert read_history(client, place, place).verdict is Verdict.READ
    (request,) = simulator.control.requests()
    assert request["bytes"] < 2000
