"""The list of the account's forms is kept for the page, and forms are named in ``kobo.yml``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from kobo_mirror.database.engine import reading
from kobo_mirror.errors import ConfigurationError
from kobo_mirror.store.account_listing import AccountListing, kept_listing
from simulator.process import SimulatorProcess
from tests.support.task_runs import TaskRun

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Connect = Callable[..., None]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def listing(engine: Engine) -> AccountListing:
    with reading(engine) as connection:
        found = kept_listing(connection)
    assert found is not None
    return found


def test_the_list_is_kept_with_the_lines_that_would_name_each_form(
    run: TaskRun, engine: Engine, simulator: SimulatorProcess
) -> None:
    run.execute("KoboFormsOperator")
    found = listing(engine)
    assert (found.file, found.is_writable) == ("kobo.yml", True)
    (form,) = found.forms
    assert (form.uid, form.name, form.submissions) == (simulator.asset, "Client data (simulated)", 300)
    assert (form.is_mirrored, form.form_table, form.entry) == (True, None, None)  # the connection names it
    run.execute("KoboOperator")
    run.execute("KoboFormsOperator")
    assert listing(engine).forms[0].form_table == "kobo_records"


def test_a_form_is_named_in_the_file(
    run: TaskRun, engine: Engine, simulator: SimulatorProcess, kobo: Connect
) -> None:
    kobo(asset_uid="")
    run.execute("KoboFormsOperator")
    (form,) = listing(engine).forms
    assert not form.is_mirrored
    assert form.entry == (
        f"  - uid: {simulator.asset}  # Client data (simulated)\n    table: client_data_simulated"
    )
    run.execute("KoboFormsOperator", add=f'["{simulator.asset}"]')
    assert Path("kobo.yml").read_text() == f"forms:\n{form.entry}\n"
    assert listing(engine).forms[0].is_mirrored
    assert run.left["kobo_mirror_note"].startswith(
        f"{simulator.asset} is in kobo.yml now, with the table client_data_simulated. 1 forms at"
    )


def test_where_the_file_cannot_be_written_the_list_says_so(
    run: TaskRun,
    engine: Engine,
    simulator: SimulatorProcess,
    kobo: Connect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kobo(asset_uid="")
    monkeypatch.setenv("KOBO_FORMS_FILE", "nowhere/kobo.yml")
    run.execute("KoboFormsOperator")
    assert not listing(engine).is_writable
    with pytest.raises(ConfigurationError, match=r"(?s)cannot be written.*These are the lines to add"):
        run.execute("KoboFormsOperator", add=[simulator.asset])


@pytest.mark.parametrize("add", ["aForm", '["a b"]', "[1]", ["../etc"]])
def test_what_is_no_list_of_uids_is_refused(
    run: TaskRun, engine: Engine, simulator: SimulatorProcess, add: object
) -> None:
    with pytest.raises(ConfigurationError, match="add must be a list of uids"):
        run.execute("KoboFormsOperator", add=add)
    assert not Path("kobo.yml").exists()


def test_without_a_database_the_forms_are_listed_all_the_same(
    run: TaskRun, engine: Engine, simulator: SimulatorProcess
) -> None:
    run.execute("KoboFormsOperator", database_conn_id="none_such")
    assert "1 forms at" in run.left["kobo_mirror_note"]
