"""A webhook that cannot work as it is set up says so in a sentence and ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.webhook.bodies import PATH, SECRET, body
from tests.webhook.service import COMMAND, ROOT, environment, running_service


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://made-up"}, "DATABASE_URL"),
        ({"KOBO_ASSET_ID": ""}, "KOBO_ASSET_ID"),
        ({"WEBHOOK_SECRET": ""}, "WEBHOOK_SECRET"),
        ({"WEBHOOK_AUTH": "perhaps"}, "WEBHOOK_AUTH"),
    ],
)
def test_it_does_not_start_without_what_it_needs(tmp_path: Path, changes: dict[str, str], named: str) -> None:
    started = subprocess.run(
        COMMAND,
        cwd=ROOT,
        env=environment(f"sqlite:///{tmp_path}/kobo.db", **changes),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert started.returncode != 0
    said = started.stdout + started.stderr
    assert len(said.strip().splitlines()) == 1
    assert named in said
    assert SECRET not in said
    assert "made-up" not in said


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_it_takes_submissions_from_everybody_only_when_told_so(tmp_path: Path, migrated: str) -> None:
    with running_service(migrated, tmp_path, WEBHOOK_SECRET="", WEBHOOK_AUTH="none") as service:
        json = {"Content-Type": "application/json"}
        assert service.request("POST", PATH, body=body(1), headers=json)[0] == 200
        assert "WEBHOOK_AUTH=none" in service.log()
