"""The tests that the project was asked for, under the names it was asked for.

``extract_data_from_kobo`` is the pull through the Airflow hook's client, ``process_kobo_data`` the shaping of
a submission into a row, ``save_records_to_db`` the one writer. ``mock_test_save_records_to_db`` and
``real_data_test_save_records_to_db`` are ``test_save_records_to_db[mock]`` (a submission made up here) and
``[real]`` (one as a KoboToolbox server sent it); both go to real databases.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import CredentialsError, KoboMirrorError, ServerError, SubmissionError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.writer import Writer
from kobo_mirror.submissions.rows import read_state
from simulator.process import SimulatorProcess
from tests.support.airflow_environment import connection_variables
from tests.support.database_server import DatabaseServer
from tests.support.submissions import MIRROR, submission

RECORDED: dict[str, Any] = json.loads(
    Path(__file__).with_name("support").joinpath("recorded_submission.json").read_text("utf-8")
)
COLUMNS = [column.name for column in KOBO_RECORDS.columns]


@pytest.fixture
def extract(simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch) -> Any:
    """All submissions of the form that Airflow's connection names."""

    def extract_data_from_kobo(token: str = simulator.token) -> list[dict[str, Any]]:
        from kobo_mirror.airflow.hooks import KoboHook

        variables = connection_variables(
            KOBO_URL=simulator.url,
            KOBO_TOKEN=token,
            KOBO_ASSET_ID=simulator.asset,
            DATABASE_URL="sqlite:////not/used.db",
        )
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        found: list[dict[str, Any]] = []
        with KoboHook().get_client(attempts=2, sleep=lambda seconds: None) as client:
            while rows := client.page(after=found[-1]["_id"] if found else 0, limit=100).rows:
                found += [json.loads(bytes(row)) for row in rows]
        return found

    return extract_data_from_kobo


def test_extract_data_from_kobo_success(extract: Any, simulator: SimulatorProcess) -> None:
    assert [row["_id"] for row in extract()] == simulator.control.ids()


@pytest.mark.parametrize(
    ("fault", "token", "error"),
    [
        (None, "1111222233334444555566667777888899990000", CredentialsError),
        ("401", "", CredentialsError),
        ("404", "", CredentialsError),
        ("500", "", ServerError),
        ("html", "", ServerError),
        ("drop", "", ServerError),
    ],
)
def test_extract_data_from_kobo_failure(
    extract: Any, simulator: SimulatorProcess, fault: str | None, token: str, error: type[KoboMirrorError]
) -> None:
    if fault:
        simulator.control.faults.add(fault, count=None)
    with pytest.raises(error) as problem:
        extract(token or simulator.token)
    assert simulator.token not in str(problem.value)


def test_extract_data_from_kobo(extract: Any, simulator: SimulatorProcess) -> None:
    shown = simulator.control.rows()
    assert extract() == shown
    edited = shown[0]["_id"]
    simulator.control.edit(edited, cd_age="81")
    simulator.control.delete(shown[1]["_id"])
    again = extract()
    assert len(again) == len(shown) - 1
    assert again[0]["sec_c/cd_age"] == "81"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null"])
def test_process_kobo_data_empty(body: bytes) -> None:
    with pytest.raises(SubmissionError):
        read_state(body, MIRROR)


def test_process_kobo_data_single_record() -> None:
    state = read_state(json.dumps(RECORDED).encode(), MIRROR)
    assert state.row is not None
    assert len(state.row) == 2 + len(COLUMNS)
    cells = dict(zip(COLUMNS, state.row[2:], strict=True))
    assert state.row[1] == RECORDED["_id"]
    assert cells == {
        column.name: typed(column.name, RECORDED.get(column.question)) for column in KOBO_RECORDS.columns
    }


@pytest.mark.parametrize("data", ["mock", "real"])
def test_save_records_to_db(data: str, tmp_path: Path, server: DatabaseServer) -> None:
    given = submission(7) if data == "mock" else RECORDED
    for database_url in (f"sqlite:///{tmp_path / 'mirror.db'}", server.fresh_database()):
        row, ledger = saved(given, database_url)
        assert ledger == [(given["_id"], "applied")]
        assert len(row) == 29
        assert row["kobo_id"] == given["_id"]
        for column in KOBO_RECORDS.columns:
            stored = str(row[column.name]).removesuffix(".000000")
            assert stored == str(typed(column.name, given.get(column.question))), column.name


def saved(given: dict[str, Any], database_url: str) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """Save a submission twice; the row of the form table and the ledger's."""
    engine = open_engine(database_url)
    migrate(engine, KOBO_RECORDS)
    bind(engine, MIRROR)
    writer = Writer(engine, MIRROR)
    body = json.dumps(given).encode()
    assert [writer.push(body).result, writer.push(body).result] == ["inserted", "unchanged"]
    with engine.begin() as connection:
        row = connection.execute(text("SELECT * FROM kobo_records")).mappings().one()
        ledger = connection.execute(text("SELECT kobo_id, state FROM kobo_submissions")).all()
    engine.dispose()
    return dict(row), [tuple(entry) for entry in ledger]


def typed(column: str, answer: str | None) -> Any:
    """What an answer of these two submissions is in its column."""
    if answer is None:
        return None
    if column in ("age", "responsible_people"):
        return int(answer)
    if column == "survey_date":
        return date.fromisoformat(answer)
    return datetime.fromisoformat(answer) if column == "submission_time" else answer
