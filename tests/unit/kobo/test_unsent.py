"""Submissions that the server cannot send whole: they are read without their point, or named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kobo_mirror.errors import ServerError
from kobo_mirror.kobo.form import KoboClient, Page
from kobo_mirror.kobo.xml_keys import keys_of
from simulator.process import SimulatorProcess

XML = r"/data/\d+\.xml"
LONG = {f"group_{n:03d}/{'a_long_name_of_a_question_' * 3}{n}": f"answer {n}" for n in range(150)}
REPEAT = {"people": [{"people/name": "A", "people/pets": [{"people/pets/name": "B"}]}, {"people/name": "C"}]}
ODD = {"dose.mg": "1.5", "blood-type": "O+", "Ville/Nom": "Kigali & co"}


def poisoned(simulator: SimulatorProcess, place: int, **keys: Any) -> dict[str, Any]:
    """Make a submission one that cannot be sent, and return what could be sent of it."""
    control = simulator.control
    kobo_id = control.ids()[place]
    control.raw(kobo_id, keys)
    control.poison(kobo_id)
    [row] = [row for row in control.rows() if row["_id"] == kobo_id]
    return {key: value for key, value in row.items() if key != "_geolocation"}


def rows_of(page: Page) -> list[dict[str, Any]]:
    return [json.loads(bytes(row)) for row in page.rows]


@pytest.mark.parametrize("keys", [{}, LONG, REPEAT, {**REPEAT, **LONG}])
def test_all_but_the_point_is_read(
    client: KoboClient, simulator: SimulatorProcess, keys: dict[str, Any]
) -> None:
    row = poisoned(simulator, 3, **keys)
    assert rows_of(client.alone(row["_id"])) == [row]


def test_keys_are_taken_as_they_are_spelt(client: KoboClient, simulator: SimulatorProcess) -> None:
    row = poisoned(simulator, 3, **ODD)
    assert rows_of(client.by_ids([row["_id"]])) == [row]


def test_an_edit_between_the_keys_and_the_answers_is_noticed(
    client: KoboClient, simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    kobo_id = poisoned(simulator, 3)["_id"]
    read, edits = client._keys, []

    def keys_and_edit(asked: int) -> Any:
        keys = read(asked)
        if not edits:
            edits.append(asked)
            simulator.control.edit([kobo_id], cd_new="a key that was not known")
            simulator.control.poison(kobo_id)
        return keys

    monkeypatch.setattr(client, "_keys", keys_and_edit)
    [row] = rows_of(client.alone(kobo_id))
    assert "a key that was not known" in row.values()


def test_what_cannot_be_sent_is_named_in_its_place(client: KoboClient, simulator: SimulatorProcess) -> None:
    ids = simulator.control.ids()
    for place in (0, 7, 8, 29):
        poisoned(simulator, place)
    simulator.control.faults.add("500", count=None, path=XML)
    page = client.page(after=0, limit=1000)
    assert (page.unsent, page.shown, page.count) == ([ids[n] for n in (0, 7, 8, 29)], ids, 30)
    assert sorted((*page.ids, *page.unsent)) == ids
    assert client.page(after=ids[6], limit=2).shown == ids[7:9]
    some = client.by_ids(ids[5:9])
    assert (some.ids, some.unsent) == (ids[5:7], ids[7:9])


def test_one_that_is_gone_is_not_named(client: KoboClient, simulator: SimulatorProcess) -> None:
    kobo_id = poisoned(simulator, 3)["_id"]
    simulator.control.delete([kobo_id])
    page = client.alone(kobo_id)
    assert (page.ids, page.shown) == ([], [])


def test_a_server_that_is_down_names_none(client: KoboClient, simulator: SimulatorProcess) -> None:
    simulator.control.faults.add("500", count=None)
    for ask in (lambda: client.page(after=0, limit=10), lambda: client.alone(simulator.control.ids()[0])):
        with pytest.raises(ServerError, match="it answered 500"):
            ask()


def test_paths_of_groups_and_repeats_are_keys() -> None:
    xml = (
        b"<?xml version='1.0'?><a xmlns:orx='urn:o' id='a'><g><q>1</q></g><r><q/></r><r><s><q/></s></r>"
        b"<orx:meta><orx:x/></orx:meta><meta><instanceID>uuid:1</instanceID></meta></a>"
    )
    keys = keys_of(xml)
    assert keys.instance_id == "uuid:1"
    assert keys.paths == {
        *("g", "g/q", "r", "r/q", "r/s", "r/s/q"),
        *("orx:meta", "orx:meta/orx:x", "meta", "meta/instanceID"),
    }


@pytest.mark.parametrize(
    "xml",
    [b"", b"{}", b"<a><b></a>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"<a>" * 150 + b"</a>" * 150],
)
def test_what_is_no_submission_tells_no_keys(xml: bytes) -> None:
    with pytest.raises(ValueError, match=r"XML|document type|nested too deeply"):
        keys_of(xml)
