"""What Airflow refuses is told again: over a new token, of the asset as it is numbered by then."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.webhook.pretended_airflow import ASSET, LOGIN, Airflow, until
from webhook.airflow_events import AirflowEvents

OTHER = "kobo://mirror/households"


@pytest.mark.parametrize("change", [Airflow.forget_tokens, Airflow.number_anew, Airflow.set_up_anew])
def test_an_airflow_that_changed_gets_the_next_events(
    airflow: tuple[Airflow, str], change: Callable[[Airflow], None]
) -> None:
    known, url = airflow
    events = AirflowEvents(url=url, login=LOGIN, every=0.05)
    for _ in range(2):
        before = len(known.events)
        events.arrived(ASSET)
        until(lambda before=before: len(known.events) > before)  # type: ignore[misc]
    assert (known.signed_in, known.refused, {asset for asset, _ in known.events}) == (1, 0, {7})
    change(known)
    events.arrived(ASSET)
    until(lambda: known.refused >= 1)
    events.arrived(ASSET)
    until(lambda: len(known.events) > 2)
    assert known.events[2][0] == known.assets[ASSET]
    assert known.signed_in <= 2


def test_events_of_an_unknown_asset_are_sent_later(airflow: tuple[Airflow, str]) -> None:
    known, url = airflow
    del known.assets[ASSET]
    events = AirflowEvents(url=url, login=LOGIN, every=0.05)
    events.arrived(ASSET)
    until(lambda: known.signed_in == 1)
    time.sleep(0.1)
    assert known.events == []
    known.assets[ASSET] = 7
    events.arrived(ASSET)
    until(lambda: known.events == [(7, {"source": "webhook", "pushed": 1})])


def test_each_submission_is_counted_in_one_event(airflow: tuple[Airflow, str]) -> None:
    known, url = airflow
    events = AirflowEvents(url=url, login=LOGIN, every=0.2)
    for number in (1, 5, 3):
        before = len(known.events)
        for _ in range(number):
            events.arrived(ASSET)
        until(lambda before=before: len(known.events) > before)  # type: ignore[misc]
    until(lambda: sum(extra["pushed"] for _, extra in known.events) == 9)
    time.sleep(0.3)
    assert sum(extra["pushed"] for _, extra in known.events) == 9
    assert all(extra["pushed"] for _, extra in known.events)


def test_each_asset_has_an_event_of_its_own_in_a_round(airflow: tuple[Airflow, str]) -> None:
    known, url = airflow
    known.assets[OTHER] = 9
    events = AirflowEvents(url=url, login=LOGIN, every=0.3)
    events.arrived(ASSET)
    until(lambda: known.told() == {ASSET: [1]})
    for asset in (OTHER, ASSET, OTHER, OTHER):
        events.arrived(asset)
    until(lambda: known.told() == {ASSET: [1, 1], OTHER: [3]})
    assert known.signed_in == 1


def test_an_asset_that_is_not_known_keeps_no_other_one_from_being_told(
    airflow: tuple[Airflow, str], caplog: pytest.LogCaptureFixture
) -> None:
    known, url = airflow
    events = AirflowEvents(url=url, login=LOGIN, every=0.1)
    events.arrived(ASSET)
    until(lambda: known.told() == {ASSET: [1]})
    for asset in (OTHER, OTHER, ASSET):
        events.arrived(asset)
    until(lambda: known.told() == {ASSET: [1, 1]})
    assert f"Airflow was not told of 2 submissions: it knows no asset {OTHER} (yet)." in caplog.text


def test_where_airflow_refuses_the_login_it_is_asked_once_a_round(
    airflow: tuple[Airflow, str], caplog: pytest.LogCaptureFixture
) -> None:
    known, url = airflow
    events = AirflowEvents(url=url, login="webhook:wrong", every=0.2)
    events.arrived(ASSET)
    until(lambda: known.refused == 1)
    for asset in (OTHER, ASSET, ASSET):
        events.arrived(asset)
    until(lambda: "Airflow was not told of 3 submissions: it refused" in caplog.text)
    assert (known.refused, known.signed_in) == (2, 2)
