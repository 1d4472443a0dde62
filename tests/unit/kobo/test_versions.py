"""The deployed versions of a form, read from a simulated server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from kobo_mirror.errors import CredentialsError, DefinitionError, RequestError, ServerError
from kobo_mirror.kobo.form import KoboClient, open_form
from kobo_mirror.kobo.versions import Source, VersionList, list_versions, new_contents, parse_content
from simulator.contents import uid as simulated_uid
from simulator.options import Options
from simulator.process import SimulatorProcess

LIST, CONTENT = r"/versions/\?", r"/versions/v"
FIRST = simulated_uid("v", Options().asset, 1)
HIDDEN = ["403", "404", "404-html", "empty"]


def content(*names: Any, **more: Any) -> dict[str, Any]:
    rows = [{"type": "text", "name": f"q{n}", "label": [name]} for n, name in enumerate(names)]
    return {"schema": "1", "survey": rows, "translations": [None], **more}


def deploy(simulator: SimulatorProcess, *contents: dict[str, Any]) -> list[str]:
    """Deploy one after the other; the uids of all deployed versions."""
    return [FIRST, *(simulator.control.deploy() for one in contents if simulator.control.save_draft(one))]


def contents(client: KoboClient, listed: VersionList, *known: str) -> dict[str, dict[str, Any]]:
    return {new.version.uid: parse_content(new.content) for new in new_contents(client, listed, known)}


def paths(simulator: SimulatorProcess) -> list[str]:
    """What was asked for below the form's address."""
    return [request["path"].partition(simulator.asset)[2] for request in simulator.control.requests()]


def test_deployed_versions_are_listed_oldest_first_without_drafts(
    client: KoboClient, simulator: SimulatorProcess
) -> None:
    simulator.control.save_draft(content("passed over"))
    uids = deploy(simulator, content("a"), content("a", "b"))
    simulator.control.save_draft(content("draft"))
    listed = list_versions(client)
    assert listed.source is Source.VERSIONS
    assert [version.uid for version in listed.versions] == uids
    dates = [version.deployed_at for version in listed.versions]
    assert dates[0] == datetime(2024, 6, 1, 8)  # noqa: DTZ001  # UTC, as all moments here
    assert all(at and at.tzinfo is None for at in dates)
    hashes = {version.content_hash for version in listed.versions}
    assert len(hashes) == 3 and all(one and len(one) == 40 for one in hashes)


def test_a_list_is_one_request_that_asks_for_what_is_deployed(
    client: KoboClient, simulator: SimulatorProcess
) -> None:
    list_versions(client)
    [request] = simulator.control.requests()
    assert request["query"] == "format=json&deployed=True&limit=1000&start=0"
    assert client.usage.requests == 1


def test_each_content_is_asked_for_once_and_known_ones_never(
    client: KoboClient, simulator: SimulatorProcess
) -> None:
    old, *new = deploy(simulator, content("a"), content("a", "b"))
    listed = list_versions(client)
    simulator.control.clear_requests()
    assert contents(client, listed, old, "vOfLongAgo") == {new[0]: content("a"), new[1]: content("a", "b")}
    assert paths(simulator) == [f"/versions/{uid}/" for uid in new]
    simulator.control.clear_requests()
    assert contents(client, listed, old, *new) == {}
    assert paths(simulator) == []


def test_contents_come_one_by_one(client: KoboClient, simulator: SimulatorProcess) -> None:
    """So each can be stored before the next is asked for."""
    deploy(simulator, content("a"))
    reading = new_contents(client, list_versions(client), ())
    simulator.control.clear_requests()
    assert next(reading).version.content_hash
    assert len(paths(simulator)) == 1


@pytest.mark.parametrize(
    "odd",
    [7, 7.5, 10**25, "", "\ud83d", "ሰላም 🙂", 'a"\\[{', None, ["x", {"y": []}], "a\nb", {"x": {"y": [1]}}],
    ids=ascii,
)
def test_a_content_is_what_was_saved_whatever_is_in_it(
    client: KoboClient, simulator: SimulatorProcess, odd: Any
) -> None:
    saved = content(odd, choices=[{"name": odd, "list_name": "l"}], settings={"x": odd})
    uid = deploy(simulator, saved)[-1]
    assert contents(client, list_versions(client))[uid] == saved


def test_a_long_list_comes_in_pages(client: KoboClient, simulator: SimulatorProcess) -> None:
    uids = deploy(simulator, *(content(str(n)) for n in range(4)))
    simulator.control.clear_requests()
    assert [version.uid for version in list_versions(client, limit=2).versions] == uids
    assert [r["query"][-7:] for r in simulator.control.requests()] == ["start=0", "start=2", "start=4"]


def while_paging(simulator: SimulatorProcess, happens: Callable[[], object]) -> Callable[[], None]:
    """Let something happen while the second page of the list is waited for."""
    simulator.control.faults.add("slow", path="start=2", seconds=1.0)
    simulator.control.clear_requests()

    def act() -> None:
        while not any("start=2" in request["query"] for request in simulator.control.requests()):
            time.sleep(0.01)
        happens()

    return act


def test_a_version_that_is_deployed_between_two_pages_is_in_the_list(
    client: KoboClient, simulator: SimulatorProcess
) -> None:
    uids = deploy(simulator, *(content(str(n)) for n in range(4)))
    act = while_paging(simulator, lambda: uids.append(simulator.control.redeploy()))
    with_it = threading.Thread(target=act)
    with_it.start()
    listed = list_versions(client, limit=2)
    with_it.join()
    assert [version.uid for version in listed.versions] == uids
    assert len(uids) == 6
    assert sum("start=0" in request["query"] for request in simulator.control.requests()) == 2


def test_a_version_that_is_deployed_after_the_list_waits_for_the_next(
    client: KoboClient, simulator: SimulatorProcess
) -> None:
    before = list_versions(client)
    uid = deploy(simulator, content("a"))[-1]
    assert uid not in contents(client, before)
    assert contents(client, list_versions(client), *(v.uid for v in before.versions)) == {uid: content("a")}


def test_a_viewer_reads_the_versions(client: KoboClient, simulator: SimulatorProcess) -> None:
    deploy(simulator, content("a"))
    with open_form(simulator.url, Options().viewer_token, simulator.asset) as viewer:
        assert list_versions(viewer) == list_versions(client)
        assert contents(viewer, list_versions(viewer)) == contents(client, list_versions(client))


@pytest.mark.parametrize("kind", HIDDEN)
def test_without_a_list_the_form_itself_shows_what_is_deployed(
    client: KoboClient, simulator: SimulatorProcess, kind: str
) -> None:
    uid, expected = deploy(simulator, content("a", "b"))[-1], list_versions(client).versions[-1]
    simulator.control.faults.add(kind, count=None, path=LIST)
    listed = list_versions(client)
    assert listed.source is Source.ASSET
    [version] = listed.versions
    assert (version.uid, version.content_hash) == (uid, expected.content_hash)
    assert version.deployed_at and expected.deployed_at and version.deployed_at >= expected.deployed_at
    assert contents(client, listed) == {uid: content("a", "b")}
    simulator.control.clear_requests()
    assert contents(client, listed, uid) == {}
    assert paths(simulator) == []


@pytest.mark.parametrize("kind", HIDDEN)
def test_without_a_list_a_draft_is_not_taken_for_what_is_deployed(
    client: KoboClient, simulator: SimulatorProcess, kind: str
) -> None:
    simulator.control.save_draft(content("draft"))
    simulator.control.faults.add(kind, count=None, path=LIST)
    with pytest.raises(DefinitionError, match=r"may not read the versions .* deploy them, or use its owner"):
        list_versions(client)


@pytest.mark.parametrize(("happens", "error"), [("redeploy", ServerError), ("save_draft", DefinitionError)])
def test_a_form_that_changes_after_it_was_shown_is_no_definition(
    client: KoboClient, simulator: SimulatorProcess, happens: str, error: type[Exception]
) -> None:
    simulator.control.faults.add("404", count=None, path=LIST)
    listed = list_versions(client)
    simulator.control.deploy()
    assert contents(client, listed)
    getattr(simulator.control, happens)()
    with pytest.raises(error, match=r"was changed while|changes that are not deployed"):
        contents(client, listed)


@pytest.mark.parametrize("kind", [None, "404"])
def test_a_form_that_is_not_deployed(
    client: KoboClient, simulator: SimulatorProcess, kind: str | None
) -> None:
    simulator.control.form(deployed=False)
    if kind:
        simulator.control.faults.add(kind, count=None, path=LIST)
    with pytest.raises(RequestError, match="not deployed yet"):
        list_versions(client)


@pytest.mark.parametrize(
    ("token", "asset", "said"),
    [
        ("0" * 40, Options().asset, "KOBO_TOKEN was refused"),
        (Options().other_token, Options().asset, "shows no form"),
        (Options().token, "aNoSuchFormAnywhere001", "shows no form 'aNoSuchFormAnywhere001'"),
    ],
    ids=["a wrong token", "another's token", "an unknown form"],
)
def test_a_form_that_is_not_shown_at_all(
    simulator: SimulatorProcess, token: str, asset: str, said: str
) -> None:
    with open_form(simulator.url, token, asset) as client, pytest.raises(CredentialsError, match=said):
        list_versions(client)


@pytest.mark.parametrize("kind", ["403", "404", "404-html"])
def test_a_version_that_is_listed_and_not_shown(
    client: KoboClient, simulator: SimulatorProcess, kind: str
) -> None:
    listed = list_versions(client)
    simulator.control.faults.add(kind, count=None, path=CONTENT)
    with pytest.raises(DefinitionError, match=f"lists the version {listed.versions[0].uid} .* does not show"):
        contents(client, listed)


def test_a_form_that_is_gone_after_the_list(client: KoboClient, simulator: SimulatorProcess) -> None:
    listed = list_versions(client)
    simulator.control.form(trashed=True)
    with pytest.raises(CredentialsError, match="shows no form"):
        contents(client, listed)


@pytest.mark.parametrize("kind", ["400", "429", "500", "502", "html", "half", "drop"])
def test_a_busy_server_is_asked_again_and_never_about_the_form_itself(
    client: KoboClient, simulator: SimulatorProcess, kind: str
) -> None:
    simulator.control.faults.add(kind, count=2, path="versions")
    assert len(contents(client, list_versions(client))) == 1
    simulator.control.faults.add(kind, count=None, path="versions")
    simulator.control.clear_requests()
    with pytest.raises(ServerError):
        list_versions(client)
    assert ".json" not in paths(simulator)


def test_a_content_without_questions_is_refused_and_the_others_are_read(
    client: KoboClient, simulator: SimulatorProcess
) -> None:
    simulator.control.save_draft({"survey": [], "choices": []})
    simulator.control.deploy()
    [good, empty] = list_versions(client).versions
    reading = new_contents(client, list_versions(client), ())
    assert json.loads(next(reading).content)["survey"]
    with pytest.raises(DefinitionError, match=f"no questions for the version {empty.uid}"):
        next(reading)
    assert good.uid in contents(client, list_versions(client), empty.uid)
