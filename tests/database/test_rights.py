"""README's GRANT has exactly the rights that are needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, make_url, text

from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import open_engine, read
from kobo_mirror.database.errors import database_errors
from kobo_mirror.errors import DatabaseError, KoboMirrorError, TablesRefusedError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store import dead_letters
from kobo_mirror.store.applying import apply_schema
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.overview import read_state
from kobo_mirror.store.probe import try_writing
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.views import bring_up_views
from kobo_mirror.store.writer import Writer
from kobo_mirror.sync.replay import replay_dead_letters
from kobo_mirror.sync.source import no_progress
from kobo_mirror.sync.verify import verify
from simulator.process import SimulatorProcess
from tests.support.database_server import DatabaseServer, own_server
from tests.support.forms.applied import SURVEY, Applying
from tests.support.forms.surveys import V1, V2, survey
from tests.support.migrating import begin_first_migration
from tests.support.mirroring import Mirroring
from tests.support.submissions import MIRROR, body, submission
from tests.support.tables import created

README = Path(__file__).resolve().parents[2] / "README.md"
RIGHTS = re.findall(r"^GRANT (.*) ON kobo\.\* TO", README.read_text("utf-8"), re.MULTILINE)[0].split(", ")
OF_THE_WEBHOOK = RIGHTS[:4]


@pytest.fixture(scope="module")
def database() -> Iterator[DatabaseServer]:
    with own_server() as server:
        server.run("CREATE USER 'few'@'127.0.0.1' IDENTIFIED BY 'made-up'")
        yield server


class Few:
    """A database, and a user who has few rights on it."""

    def __init__(self, database: DatabaseServer) -> None:
        self._database = database
        self.url = make_url(database.fresh_database())
        self.engine: Engine = open_engine(self.url.set(username="few", password="made-up"), several=True)

    def may(self, rights: list[str]) -> None:
        """Give these rights, and take all others."""
        on = f"ON `{self.url.database}`.*"
        self._database.run(f"GRANT {', '.join(rights)} {on} TO 'few'@'127.0.0.1'")
        self.engine.dispose()

    def may_no_more(self, right: str) -> None:
        """Take one away."""
        self._database.run(f"REVOKE {right} ON `{self.url.database}`.* FROM 'few'@'127.0.0.1'")
        self.engine.dispose()


@pytest.fixture
def few(database: DatabaseServer) -> Iterator[Few]:
    made = Few(database)
    yield made
    made.engine.dispose()
    database.drop_database(database.url(made.url.database or ""))


def everything(engine: Engine, simulator: SimulatorProcess) -> None:
    """What a mirror does in its life, which began with the first version."""
    with database_errors():
        begin_first_migration(engine)
    migrate(engine, KOBO_RECORDS)
    migrate(engine, KOBO_RECORDS)
    mirroring = Mirroring(simulator, str(engine.url), engine, [])
    assert mirroring.sync()["inserted"] == 300
    simulator.control.delete(simulator.control.ids()[:1])
    assert mirroring.sync(mode="exact")["deleted"] == 1
    with mirroring.client() as client:
        assert verify(client, engine, mirroring.mirror, no_progress, full=True).equal
    applying = Applying(engine)
    applying.apply(survey(V1))
    applying.apply(survey(V1, V2))
    taken(engine, mirroring.mirror)
    dead_letters.keep(engine, body=b"{}", source="webhook", reason="no _id")
    assert len(replay_dead_letters(engine, mirroring.mirror, "rejected")) == 2


def taken(engine: Engine, mirror: Mirror = MIRROR) -> None:
    """What the webhook does."""
    try_writing(engine, mirror)
    assert Writer(engine, mirror).push(body(submission(9_000_001))).result in ("inserted", "unchanged")
    dead_letters.keep(engine, body=b"[]", source="webhook", reason="no object")


def test_the_rights_in_readme_are_enough(few: Few, simulator: SimulatorProcess) -> None:
    few.may(RIGHTS)
    everything(few.engine, simulator)


@pytest.mark.parametrize("lacking", RIGHTS)
def test_a_missing_right_is_named_in_a_sentence(few: Few, simulator: SimulatorProcess, lacking: str) -> None:
    few.may([right for right in RIGHTS if right != lacking])
    try:
        everything(few.engine, simulator)
    except KoboMirrorError as problem:
        assert 'its user lacks a right; README lists all that are needed under "Rights"' in str(problem)
    else:
        assert lacking == "REFERENCES"
        assert "MariaDB" in read(few.engine, dialect_of(few.engine).describe)  # which asks for SELECT instead


def test_the_rights_that_a_table_lacks_are_told_as_a_statement(few: Few) -> None:
    few.may(RIGHTS)
    migrate(few.engine, KOBO_RECORDS)
    applying = Applying(few.engine)
    for lacking in ("CREATE", "INDEX"):
        few.may_no_more(lacking)
        with pytest.raises(TablesRefusedError) as raised:
            applying.apply(survey(V1))
        told = f"(GRANT {lacking} ON `{few.url.database}`.* TO its user)."
        assert str(raised.value).startswith("The table survey could not be made or changed: its user lacks")
        assert str(raised.value).endswith(told)
        assert applying.schema is None
        few.may([lacking])
    applying.apply(survey(V1))
    found = applying.found()
    few.may_no_more("ALTER")
    with pytest.raises(TablesRefusedError, match=r"survey__members could not .* \(GRANT ALTER ON "):
        applying.apply(survey(V1, V2))
    assert {name: created(few.engine, name) for name in found} == found
    assert applying.schema == survey(V1)
    few.may(["ALTER"])
    applying.apply(survey(V1, V2))
    assert applying.schema == survey(V1, V2)


def test_views_that_are_forbidden_are_told_and_fail_nothing(few: Few) -> None:
    few.may(RIGHTS)
    migrate(few.engine, KOBO_RECORDS)
    applying = Applying(few.engine)
    few.may_no_more("CREATE VIEW")
    applying.apply(survey(V1))
    refused = bring_up_views(few.engine, survey(V1), applying.lease)
    assert str(refused).startswith("The view survey__full could not be made or changed: its user lacks")
    assert str(refused).endswith(f"(GRANT CREATE VIEW, DROP ON `{few.url.database}`.* TO its user).")
    with few.engine.connect() as connection:
        state = read_state(connection, KOBO_RECORDS, applying.asset_uid)
    assert (state.views_refused, state.views_due) == (refused, True)
    few.may(["CREATE VIEW"])
    assert bring_up_views(few.engine, survey(V1), applying.lease) is None
    assert {"survey__full", "survey__members__full"} <= {*inspect(few.engine).get_view_names()}


def test_a_read_only_server_is_told_and_leaves_nothing_half_made(few: Few, database: DatabaseServer) -> None:
    few.may(RIGHTS)
    migrate(few.engine, KOBO_RECORDS)
    applying = Applying(few.engine)
    impatient = few.engine.execution_options(patience=0.5)
    database.run("SET GLOBAL read_only = 1")
    try:
        with pytest.raises(DatabaseError, match="it is read-only, as a standby or after a failover"):
            apply_schema(impatient, survey(V1), SURVEY, applying.lease)
    finally:
        database.run("SET GLOBAL read_only = 0")
    assert applying.stored is None
    applying.apply(survey(V1))
    assert applying.schema == survey(V1)


def test_four_of_these_rights_are_enough_for_the_webhook(few: Few) -> None:
    few.may(RIGHTS)
    migrate(few.engine, KOBO_RECORDS)
    for right in RIGHTS[4:]:
        few.may_no_more(right)
    bind(few.engine, MIRROR)
    taken(few.engine)
    for right in OF_THE_WEBHOOK:
        few.may_no_more(right)
        with few.engine.connect() as connection:
            assert connection.execute(text("SELECT 1")).scalar_one() == 1
        with pytest.raises(KoboMirrorError, match=r"its user lacks a right|may not use this database"):
            taken(few.engine)
        few.may([right])


def test_a_user_without_rights_on_the_database_is_told_so(few: Few) -> None:
    with pytest.raises(KoboMirrorError, match="its user may not use this database; its user lacks a right"):
        migrate(few.engine, KOBO_RECORDS)
