"""Hundreds of small forms in one database: a round that is killed is followed by one that ends equal."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from kobo_mirror.database.engine import reading
from kobo_mirror.kobo.accounts import Accounts
from kobo_mirror.store.listings import bound_forms
from simulator.process import SimulatorProcess
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of
from tests.support.forms.many_mirrors import one_database
from tests.support.forms.office import VISITS
from tests.support.further import further


def bound(mirror: AnyMirror) -> list[str]:
    with reading(mirror.engine) as connection:
        return [form.asset_uid for form in bound_forms(connection)]


@pytest.mark.parametrize("many", [10, *further(200)])
def test_a_round_that_is_killed_goes_on(database_url: str, tmp_path: Path, many: int) -> None:
    names = [f"small{number:03d}" for number in range(many)]
    files = [form_file(tmp_path, name, VISITS, rows=5) for name in names]
    with (
        SimulatorProcess(form=files) as process,
        any_mirror(process, uid_of(names[0]), database_url) as mirror,
    ):
        mirror.folder.name = str(tmp_path)
        assert mirror.command("forms", "--write", KOBO_ASSET_ID="")[0] == 0
        killed = mirror.start("sync", KOBO_ASSET_ID="")
        deadline = time.monotonic() + 60
        while len(bound(mirror)) < many // 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        assert many // 2 <= len(bound(mirror)) < many
        for number, name in enumerate(names):
            if number % 3 == 0:
                process.control.of(uid_of(name)).create(1)
        for options in ((), ("--mode", "exact"), ("--mode", "exact")):
            syncing = mirror.start("sync", *options, KOBO_ASSET_ID="")
            out, err = syncing.communicate(timeout=600)
            assert (syncing.returncode, err) == (0, "")
            assert len(out.splitlines()) == many
        assert all(": success: 0 new" in line for line in out.splitlines())
        assert sorted(bound(mirror)) == sorted(map(uid_of, names))
        code, out, _ = mirror.command("status", "--json", KOBO_ASSET_ID="") if many < 50 else (0, "", "")
        assert (code, len(out.splitlines())) == (0, many if many < 50 else 0)
        assert {json.loads(line)["error"] for line in out.splitlines()} <= {None}
        with Accounts() as accounts:
            account = accounts.account(process.url, process.token)
            for one in one_database(process, account, mirror.engine, map(uid_of, names)):
                assert one.found() == one.wanted()
