from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from kobo_mirror.errors import UnreachableError
from kobo_mirror.kobo.accounts import Accounts
from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.kobo.server import KoboServer
from simulator.process import SimulatorProcess
from tests.support.faulty_server import FAKE_TOKEN, FaultyServer, Script, response

EMPTY = b'{"count": 0, "results": []}'


@pytest.mark.parametrize("most", [1, 3])
def test_all_forms_of_a_server_share_its_limit_of_requests(most: int) -> None:
    slow: Script = [0.1, response(EMPTY)]
    with (
        FaultyServer(*[slow] * 16) as faulty,
        KoboServer(faulty.url, FAKE_TOKEN, max_in_flight=most) as server,
    ):
        forms = [KoboClient(server, f"aForm{number}") for number in range(4)]
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(lambda number: forms[number % 4].page(after=0, limit=10), range(16)))
        assert faulty.most_at_once == most
    assert [(form.usage.requests, form.usage.bytes > 0) for form in forms] == [(4, True)] * 4


def test_all_accounts_of_a_server_share_its_limit_of_requests() -> None:
    slow: Script = [0.1, response(EMPTY)]
    with FaultyServer(*[slow] * 12) as faulty, Accounts(max_in_flight=2) as accounts:
        forms = [accounts.form(faulty.url, f"{FAKE_TOKEN}{number}", "aForm1") for number in range(4)]
        assert accounts.account(faulty.url, f"{FAKE_TOKEN}1") is forms[1].server
        with ThreadPoolExecutor(12) as threads:
            list(threads.map(lambda number: forms[number % 4].page(after=0, limit=10), range(12)))
        assert faulty.most_at_once == 2


def test_the_forms_of_an_account_are_listed_over_all_pages(simulator: SimulatorProcess) -> None:
    simulator.control.form(owner="field_team", tag_string=" mirror, health,,")
    with KoboServer(simulator.url, simulator.token) as server:
        (form,) = server.forms()
        assert (form.uid, form.submission_count, form.owner) == (simulator.asset, 30, "field_team")
        assert (form.tags, form.is_deployed) == ({"mirror", "health"}, True)
        assert form.last_submission is not None and form.last_submission.startswith("20")
        simulator.control.form(active=False)
        (form,) = server.forms()
        assert (form.has_deployment, form.is_deployed, form.status) == (True, False, "archived")
        assert KoboClient(server, simulator.asset).form().archived


def test_each_request_names_its_own_form(simulator: SimulatorProcess) -> None:
    with KoboServer(simulator.url, simulator.token) as server:
        ours, other = KoboClient(server, simulator.asset), KoboClient(server, "aNoSuchForm")
        assert ours.form().uid == simulator.asset
        with pytest.raises(Exception, match="aNoSuchForm"):
            other.form()
        assert ours.count() == 30


def test_that_a_server_has_answered_is_known_for_all_its_forms(waits: list[float]) -> None:
    with FaultyServer(response(EMPTY)) as faulty:
        server = KoboServer(faulty.url, FAKE_TOKEN, attempts=4, sleep=waits.append)
        assert KoboClient(server, "aForm1").page(after=0, limit=10).ids == []
    with pytest.raises(UnreachableError):
        KoboClient(server, "aForm2").page(after=0, limit=10)
    assert len(waits) == 3
