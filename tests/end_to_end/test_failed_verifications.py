"""A verification that cannot compare is noted, and the last proof stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from kobo_mirror.cli.status import status
from kobo_mirror.database.engine import reading
from kobo_mirror.errors import CredentialsError, KoboMirrorError, SchemaError, ServerError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.kobo.form import KoboClient, open_form
from kobo_mirror.store import runs
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import proofs, sync_runs
from kobo_mirror.sync.verify import verify
from tests.support.mirroring import Mirroring
from tests.support.tables import rows_of

Breaks = Callable[[Mirroring], KoboClient]


def refused_token(mirroring: Mirroring) -> KoboClient:
    return mirroring.client(token="wrong")


def no_such_form(mirroring: Mirroring) -> KoboClient:
    return mirroring.client(asset="aOther000000000000001")


def away(mirroring: Mirroring) -> KoboClient:
    return open_form("http://127.0.0.1:9", "token", mirroring.simulator.asset, attempts=1)


def broken_in_the_middle(mirroring: Mirroring) -> KoboClient:
    mirroring.simulator.control.faults.add("500", count=None, path=r"data\.json")
    return mirroring.client()


def dropped_table(mirroring: Mirroring) -> KoboClient:
    with mirroring.engine.begin() as connection:
        connection.execute(text("DROP TABLE kobo_records"))
    return mirroring.client()


def no_proofs(mirroring: Mirroring) -> KoboClient:
    with mirroring.engine.begin() as connection:
        connection.execute(text("DROP TABLE kobo_proofs"))
    return mirroring.client()


class FaultOfOurs(KoboClient):
    def page(self, *arguments: Any, **named: Any) -> Any:
        raise ZeroDivisionError


def unforeseen(mirroring: Mirroring) -> KoboClient:
    return FaultOfOurs(mirroring.client().server, mirroring.simulator.asset)


def fails(mirroring: Mirroring, client: KoboClient, name: str = "kobo_verify a") -> Exception:
    with client, pytest.raises(Exception) as caught:  # each of them raises another one
        verify(client, mirroring.engine, mirroring.mirror, lambda *_: None, full=True, name=name)
    return caught.value


@pytest.mark.parametrize(
    ("breaks", "failure"),
    [
        (refused_token, "CredentialsError"),
        (no_such_form, "FormGoneError"),
        (away, "UnreachableError"),
        (broken_in_the_middle, "ServerFailedError"),
        (dropped_table, "MissingTablesError"),
        (no_proofs, "MissingTablesError"),
        (unforeseen, "KoboMirrorError"),
    ],
)
def test_a_verification_that_cannot_compare_is_noted_beside_the_last_proof(
    mirroring: Mirroring, breaks: Breaks, failure: str
) -> None:
    mirroring.sync()
    mirroring.verify()
    problem = fails(mirroring, breaks(mirroring))
    (row,) = [row for row in rows_of(mirroring.engine, sync_runs) if row["mode"] == "verify"]
    assert (row["name"], row["failure"], row["finished_at"]) == ("kobo_verify a", failure, None)
    assert row["error"] == str(problem) or failure == "KoboMirrorError"
    if failure == "MissingTablesError":
        migrate(mirroring.engine, KOBO_RECORDS)
    known = status(mirroring.engine)
    assert "The last verification failed: it could not compare." in known["findings"]
    assert row["error"] in known["verify_error"]
    if breaks is not no_proofs:
        assert known["last_full_proof"].endswith("300 compared")
    mirroring.simulator.control.faults.clear()
    if failure == "MissingTablesError":
        mirroring.sync()
    assert mirroring.verify().equal
    known = status(mirroring.engine)
    assert (known["light"], known["verify_error"]) == ("green", None)


def test_attempts_of_one_run_are_one_row_and_another_run_has_its_own(mirroring: Mirroring) -> None:
    mirroring.sync()
    for name in ("kobo_verify a", "kobo_verify a", "kobo_verify b"):
        fails(mirroring, refused_token(mirroring), name)
    noted = [row["name"] for row in rows_of(mirroring.engine, sync_runs) if row["mode"] == "verify"]
    assert noted == ["kobo_verify a", "kobo_verify b"]


def test_it_is_no_sync_and_changes_nothing_that_the_next_one_goes_by(mirroring: Mirroring) -> None:
    mirroring.sync()

    def gone_by() -> list[Any]:
        with reading(mirroring.engine) as connection:
            asset = mirroring.simulator.asset
            return [
                runs.newest_sync(connection, asset),
                runs.newest_pull(connection, asset),
                runs.unfinished_run(connection, asset),
                runs.last_finished(connection, asset),
                runs.watermark(connection, asset),
                runs.history_until(connection, asset),
            ]

    before = gone_by()
    fails(mirroring, refused_token(mirroring))
    assert gone_by() == before
    assert mirroring.sync(mode="incremental", exact_up_to=0)["inserted"] == 0


def test_the_command_line_notes_it_too(embedded: Mirroring) -> None:
    embedded.sync()
    code, _, told = embedded.command("verify", KOBO_TOKEN="0" * 40)
    assert code == 2
    (row,) = [row for row in rows_of(embedded.engine, sync_runs) if row["mode"] == "verify"]
    assert (row["name"], f"error: {row['error']}") == ("verify", told.strip())


def test_a_form_that_was_never_synced_has_nothing_to_note_it_with(mirroring: Mirroring) -> None:
    assert isinstance(fails(mirroring, mirroring.client()), SchemaError)
    assert rows_of(mirroring.engine, sync_runs) == rows_of(mirroring.engine, proofs) == []


def test_a_failed_verification_raises_its_own_error(mirroring: Mirroring) -> None:
    mirroring.sync()
    for breaks, kind in ((refused_token, CredentialsError), (away, ServerError)):
        assert isinstance(fails(mirroring, breaks(mirroring)), kind)
    assert issubclass(CredentialsError, KoboMirrorError)
