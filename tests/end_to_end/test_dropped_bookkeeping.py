"""Tables that were dropped are made and filled again, and no light is green before that."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect

from kobo_mirror.cli.status import status
from kobo_mirror.database.engine import reading
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.ledger import rejections
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import metadata
from tests.support.mirroring import Mirroring
from tests.support.tables import run_sql

REBUILT = sorted(name for name in metadata.tables if name != "kobo_forms")


def reject_two(mirroring: Mirroring) -> list[int]:
    control = mirroring.simulator.control
    control.bulk_edit(control.ids()[:2], cd_client_name=None)
    mirroring.sync()
    mirroring.verify()
    return control.ids()[:2]


@pytest.mark.parametrize("table", REBUILT)
def test_a_table_that_was_dropped_is_full_again_after_a_sync(mirroring: Mirroring, table: str) -> None:
    rejected = reject_two(mirroring)
    assert status(mirroring.engine)["light"] == "green"
    run_sql(mirroring.engine, f"DROP TABLE {table}")
    code, out, _ = mirroring.command("migrate")
    assert (code, f"made again: {table}: the next sync reads the whole form" in out) == (0, True)
    assert status(mirroring.engine)["light"] != "green"
    mirroring.sync()
    mirroring.verify()
    told = status(mirroring.engine)
    assert (told["light"], told["submissions"], told["rejected"]) == ("green", 298, 2)
    with reading(mirroring.engine) as connection:
        assert [i for i, _ in rejections(connection, mirroring.simulator.asset, 9)] == rejected


@pytest.mark.parametrize(
    "damage", ["DELETE FROM kobo_rejections", "UPDATE kobo_rejections SET kobo_id = kobo_id - 9"]
)
def test_a_list_of_rejections_that_is_wrong_is_put_right(mirroring: Mirroring, damage: str) -> None:
    rejected = reject_two(mirroring)
    run_sql(mirroring.engine, damage)
    mirroring.sync(mode="exact")
    with reading(mirroring.engine) as connection:
        assert [i for i, _ in rejections(connection, mirroring.simulator.asset, 9)] == rejected


def test_the_view_of_rejections_is_made_again(mirroring: Mirroring) -> None:
    mirroring.sync()
    run_sql(mirroring.engine, "DROP VIEW kobo_rejected")
    assert migrate(mirroring.engine, KOBO_RECORDS) == []
    assert "kobo_rejected" in inspect(mirroring.engine).get_view_names()


def test_migrate_says_that_the_tables_are_another_forms(mirroring: Mirroring) -> None:
    """Docker compose runs it first, so that what was stored by the demo is said there."""
    mirroring.sync()
    code, _, err = mirroring.command("migrate", KOBO_ASSET_ID="aMyRealForm0000000001")
    assert code == 1
    assert f"mirrors form {mirroring.simulator.asset} of" in err
