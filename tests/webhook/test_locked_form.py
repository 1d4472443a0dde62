"""While one form's tables are locked, only that form's deliveries wait; the others are taken at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from kobo_mirror.config.deliveries import form_secret
from kobo_mirror.database.engine import open_engine
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import submissions
from tests.support.database_server import DatabaseServer
from tests.support.forms.applied import Applying
from tests.support.forms.surveys import V1, survey
from tests.webhook.application import client_of
from tests.webhook.bodies import PATH, SECRET
from tests.webhook.service import running_service
from tests.webhook.test_form_paths import deliver, of

Post = Callable[[str, bytes], int]
"""Delivers a body to the path of a form; returns the status."""


def keys(number: int) -> list[str]:
    return [f"aManyForms{place:012d}" for place in range(number)]


@pytest.fixture
def database(server: DatabaseServer) -> Iterator[str]:
    url = server.fresh_database()
    yield url
    server.drop_database(url)


def applied(url: str, number: int) -> Engine:
    """A database that mirrors so many forms."""
    engine = open_engine(url, patience=1, pool_size=16)
    migrate(engine)
    for place, key in enumerate(keys(number)):
        Applying(engine, key).apply(survey(V1, uid=key, name=f"form {place}"))
    return engine


@contextmanager
def locked(engine: Engine, table: str) -> Iterator[None]:
    with engine.connect() as connection:
        connection.execute(text(f"LOCK TABLES {table} WRITE"))
        try:
            yield
        finally:
            connection.execute(text("UNLOCK TABLES"))


@dataclass
class Load:
    """Senders of all forms at once.

    :param answers: of each form: the ``_id``, the status and the seconds of each delivery.
    """

    post: Post
    answers: dict[str, list[tuple[int, int, float]]] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)

    def send(self, key: str, first: int, number: int | None = None) -> None:
        """Deliver submissions one after the other: so many, or until all others have ended."""
        answers, kobo_id = self.answers.setdefault(key, []), first
        while kobo_id < first + number if number else not self.ended.is_set():
            started = time.monotonic()
            answers.append((kobo_id, self.post(key, of(key, kobo_id)), time.monotonic() - started))
            kobo_id += 1

    def run(self, held: str, others: list[str], *, each: int, pressing: int) -> None:
        """Deliver to each of the others, while many senders press on the form that is held."""
        with ThreadPoolExecutor(len(others) + pressing) as senders:
            for number in range(pressing):
                senders.submit(self.send, held, 100_000 * (number + 1))
            time.sleep(0.5)
            try:
                for one in [senders.submit(self.send, key, 1, each) for key in others]:
                    one.result(120)
            finally:
                self.ended.set()


def check(engine: Engine, load: Load, held: str, *, slowest: float) -> None:
    for key, answers in load.answers.items():
        statuses = {status for _, status, _ in answers}
        if key == held:
            assert statuses == {503}
            assert max(seconds for *_, seconds in answers) < 6
        else:
            assert statuses == {200}, (key, answers)
            assert sorted(seconds for *_, seconds in answers)[len(answers) // 2] < slowest
    with engine.connect() as connection:
        rows = connection.execute(select(submissions.c.asset_uid, submissions.c.kobo_id)).all()
    sent = {(key, one[0]) for key, answers in load.answers.items() if key != held for one in answers}
    assert {(asset, kobo_id) for asset, kobo_id in rows} == sent


def test_others_are_taken_at_once(database: str) -> None:
    engine = applied(database, 3)
    client = client_of(engine, secrets=(SECRET,))
    held, *others = keys(3)
    load = Load(lambda key, body: deliver(client, key, body).status_code)
    with locked(engine, "form_0__members"):
        load.run(held, others, each=4, pressing=3)
    check(engine, load, held, slowest=0.5)
    assert deliver(client, held, of(held, 1)).status_code == 200
    engine.dispose()


@pytest.mark.long
def test_twenty_forms_under_load_and_one_is_locked(database: str, tmp_path: Path) -> None:
    engine = applied(database, 20)
    held, *others = keys(20)
    with running_service(database, tmp_path, KOBO_ASSET_ID="") as service:

        def post(key: str, body: bytes) -> int:
            headers = {"Content-Type": "application/json", "X-Webhook-Secret": form_secret(SECRET, key)}
            return service.request("POST", f"{PATH}/{key}", body=body, headers=headers)[0]

        load = Load(post)
        with locked(engine, "form_0"):
            load.run(held, others, each=30, pressing=150)
            assert service.get("/health/ready") == 200
        check(engine, load, held, slowest=1.0)
        assert post(held, of(held, 1)) == 200
        assert "500" not in {str(one[1]) for answers in load.answers.values() for one in answers}
    engine.dispose()
