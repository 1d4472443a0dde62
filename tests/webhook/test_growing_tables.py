"""The running webhook while the tables of its form come and grow: no restart, no 503, no loss."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import Engine

from tests.support.forms.applied import SURVEY, Applying
from tests.support.forms.delivered import FIRST, SECOND, document, held, sent, should_hold
from tests.support.forms.judging import UID
from tests.support.tables import queued_refs
from tests.webhook.service import Service, running_service

FORM = {"KOBO_URL": SURVEY.server, "KOBO_ASSET_ID": UID}


def deliver(service: Service, ids: range) -> set[tuple[int, str]]:
    """Status and result of deliveries that come eight at once, to both workers."""
    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda kobo_id: service.post(sent(kobo_id)), ids))
    return {(status, answer.get("result")) for status, answer, _ in answers}


def test_its_workers_follow_the_tables(unbound: Engine, database_url: str, tmp_path: Path) -> None:
    applying = Applying(unbound)
    with running_service(database_url, tmp_path, **FORM) as service:
        assert deliver(service, range(1, 21)) == {(200, "deferred")}
        applying.apply(FIRST)
        assert service.get("/health/ready") == 200
        assert deliver(service, range(1, 41)) == {(200, "inserted")}
        assert held(unbound) == should_hold(FIRST, *map(document, range(1, 41)))
        applying.apply(SECOND)
        assert deliver(service, range(41, 81)) == {(200, "inserted")}
        assert service.get("/health/ready") == 200
        assert len(service.workers()) == 2
    later = [document(kobo_id) for kobo_id in range(41, 81)]
    rows = held(unbound).rows.items()
    assert {key: cells for key, cells in rows if key[1][0] > 40} == should_hold(SECOND, *later).rows


def test_tables_that_grow_under_load_refuse_nothing(
    unbound: Engine, database_url: str, tmp_path: Path
) -> None:
    applying = Applying(unbound)
    applying.apply(FIRST)
    grown = threading.Event()
    with running_service(database_url, tmp_path, **FORM) as service:
        assert deliver(service, range(1, 21)) == {(200, "inserted")}

        def load(sender: int) -> dict[int, tuple[int, str]]:
            answers: dict[int, tuple[int, str]] = {}
            is_last = False
            while not is_last:
                is_last = grown.is_set()
                kobo_id = sender * 10_000 + len(answers)
                status, answer, _ = service.post(sent(kobo_id))
                answers[kobo_id] = status, answer.get("result")
            return answers

        with ThreadPoolExecutor(8) as senders:
            loads = [senders.submit(load, sender) for sender in range(1, 9)]
            try:
                applying.apply(SECOND)
            finally:
                grown.set()
            answers = {kobo_id: told for one in loads for kobo_id, told in one.result(60).items()}
    assert set(answers.values()) <= {(200, "inserted"), (200, "deferred")}
    inserted = {kobo_id for kobo_id, (_, became) in answers.items() if became == "inserted"}
    roots = {key[0] for table, key in held(unbound).rows if table == "survey"}
    assert roots == inserted | {*range(1, 21)}
    assert {int(ref) for ref in queued_refs(unbound)} == answers.keys() - inserted
