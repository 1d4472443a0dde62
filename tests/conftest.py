"""Fixtures of all tests: a real database of each kind, and a simulated server."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import migrate
from simulator.process import SimulatorProcess
from tests.support import closing_sentences
from tests.support.database_server import DatabaseServer, test_server

for name in [name for name in os.environ if name.startswith(("KOBO_", "WEBHOOK_", "INKOMOKO_"))]:
    del os.environ[name]  # tests must not use the settings of the person who runs them
for name in ("no_proxy", "NO_PROXY"):  # an outbound proxy is not asked for the servers that tests start
    os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1,localhost")))

SIMULATED_ROWS = 300
_SERVERS = ("server", "pymysql", "mysqldb")
_DATABASES = ("sqlite", *_SERVERS)
_STOPS = (signal.SIGINT, signal.SIGTERM)
_ABOVE_DRIVERS = {"store", "sync", "test_form_tables", "test_literals", "test_refusals"}
"""Folders and modules that try the second driver in the long tests; the rest of tests/database quickly."""
_ABOVE_DATABASES = {"end_to_end", "dags", "operators", "page", "proof", "webhook"}
"""Folders about what happens above the database: quickly on SQLite, on the server in the long tests."""
_ABOVE_DATABASES_TOO = {"test_forgetting", "test_form_contents", "test_promotion"}
_ON_THE_SERVER_TOO = {
    ("end_to_end", "test_sync"),
    *(("proof", name) for name in ("test_any_form", "test_races_on_row_sets")),
    ("webhook", "test_faults"),
}
_FOR_LONG = {
    "dags": {"test_dag_processor", "test_failures"},
    "end_to_end": {
        "test_altered_tables", "test_confirmed_deletes", "test_counts", "test_delivered_names",
        "test_hundreds_of_forms", "test_lying_server", "test_many_forms", "test_moved_answers",
        "test_names_lock", "test_nothing_lost", "test_plans", "test_removed_meanwhile", "test_retention",
        "test_row_sets_are_there", "test_rows_are_there", "test_run_failures", "test_run_many_forms",
        "test_sync_resume", "test_taken_names", "test_two_servers", "test_unknown_versions",
        "test_unreadable", "test_wanted_tables",
    },
    "live": {"test_set_up", "test_webhook_events"},
    "page": {"test_actions_of_forms", "test_looks", "test_looks_of_the_list"},
    "proof": {"test_broken_database", "test_kill", "test_late_ids", "test_orders", "test_rights_in_deletes"},
    "store": {
        "test_applying_faults", "test_back_fill", "test_declared_and_derived", "test_full_tables",
        "test_races", "test_retention_portions", "test_waiting_changes",
    },
    "webhook": {"test_failover", "test_growing_tables", "test_locked_form", "test_slow_senders"},
}  # fmt: skip
"""Modules about faults, killed processes and whole installations that take long; others try some quickly."""
_FIRST_CASES_QUICKLY = {
    "dags": {"test_cost", "test_notes"},
    "database": {"test_session", "test_time_zone"},
    "end_to_end": {
        "test_any_form", "test_approvals", "test_changed_by_hand", "test_cli_confirms",
        "test_cli_many_forms", "test_cli_replay", "test_declarations", "test_delete_guard", "test_demo",
        "test_discover", "test_dropped_bookkeeping", "test_dropped_column", "test_epochs_and_bounds",
        "test_failed_verifications", "test_forms_removed", "test_late_files", "test_leftovers",
        "test_lost_lease", "test_no_sorting_downwards", "test_nothing_is_green_by_mistake", "test_odd_rows",
        "test_readme_example", "test_restored_server", "test_run_is_ended", "test_sync", "test_sync_faults",
    },
    "kobo": {"test_broken_responses", "test_odd_versions"},
    "operators": {"test_plans", "test_replay", "test_sync_steps"},
    "page": {
        "test_access", "test_account", "test_actions", "test_connection_button", "test_forms_list",
        "test_french", "test_looks", "test_page",
    },
    "proof": {"test_planted_faults", "test_shape_drift"},
    "store": {
        "test_altered_tables", "test_catalog_of_views", "test_dropping", "test_leases", "test_migrations",
        "test_mirror_tables", "test_packets", "test_row_set_counts", "test_row_set_packets",
        "test_row_set_reads", "test_row_set_tables", "test_table_names",
    },
    "webhook": {
        "test_airflow_events", "test_faults", "test_form_paths", "test_service", "test_start",
        "test_unusable_databases",
    },
}  # fmt: skip
"""Modules whose cases take long: the first case of each test runs quickly, on each database in question."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    closing_sentences.write(terminalreporter)


def _is_above_databases(path: Path) -> bool:
    folder, name = path.parent.name, path.stem
    is_above = folder in _ABOVE_DATABASES or name in _ABOVE_DATABASES_TOO
    return is_above and (folder, name) not in _ON_THE_SERVER_TOO


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave further drivers, databases and cases to the long tests where these are not what is tested."""
    tried = set[tuple[str, ...]]()
    for item in items:
        chosen = item.callspec.params.values() if hasattr(item, "callspec") else ()
        above_drivers = not _ABOVE_DRIVERS.isdisjoint((item.path.parent.name, item.path.stem))
        if above_drivers and any("mysqldb" in str(one) for one in chosen):
            item.add_marker(pytest.mark.long)
        is_above = _is_above_databases(item.path) and any(str(one) in _SERVERS for one in chosen)
        if is_above or item.path.stem in _FOR_LONG.get(item.path.parent.name, ()):
            item.add_marker(pytest.mark.long)
        if item.path.stem in _FIRST_CASES_QUICKLY.get(item.path.parent.name, ()):
            on = (str(one) for one in chosen if str(one) in _DATABASES)
            test = (item.nodeid.partition("[")[0], *on)
            if test in tried:
                item.add_marker(pytest.mark.long)
            tried.add(test)


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_beside_the_code() -> Iterator[None]:
    """Fail the last test if tests left a file at the top of the project, where it would be committed."""
    before = {path.name for path in Path.cwd().iterdir()}
    yield
    left = {path.name for path in Path.cwd().iterdir()} - before
    assert {name for name in left if not name.startswith(".")} == set()


@pytest.fixture(scope="session")
def server() -> Iterator[DatabaseServer]:
    """Start a MariaDB or MySQL server of our own, or use the one that DATABASE_TEST_URL names."""
    with test_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "server"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the address of an empty database: SQLite and the real server in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'mirror.db'}"
        return
    running: DatabaseServer = request.getfixturevalue("server")
    url = running.fresh_database()
    yield url
    running.drop_database(url)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Return an engine of that database, with our tables in it."""
    engine = open_engine(database_url)
    migrate(engine, KOBO_RECORDS)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def simulator_process() -> Iterator[SimulatorProcess]:
    with SimulatorProcess(rows=SIMULATED_ROWS) as running:
        yield running


@pytest.fixture
def simulator(simulator_process: SimulatorProcess) -> SimulatorProcess:
    """Return a simulated server with 300 submissions, and without faults."""
    simulator_process.control.faults.clear()
    simulator_process.control.reset(rows=SIMULATED_ROWS)
    simulator_process.control.clear_requests()
    return simulator_process


def pytest_configure(config: pytest.Config) -> None:
    """Let what tests start hear SIGINT, even if a shell started these in the background, without it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def stops_are_heard() -> Iterator[None]:
    """Fail a test that leaves a stop ignored: the processes that later tests start would inherit that.

    A handler is not inherited by a new program (Airflow's runs leave one), so it is only put back.
    """
    before = {number: signal.getsignal(number) for number in _STOPS}
    yield
    left = {number: signal.signal(number, handler) for number, handler in before.items()}
    assert signal.SIG_IGN not in left.values()
