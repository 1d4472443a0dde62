"""``run`` with ``kobo.yml`` for many forms: all are synced, one that fails stops none, the file changes."""

from __future__ import annotations

from pathlib import Path

import httpx
from sqlalchemy import select

from kobo_mirror.config.deliveries import form_secret
from kobo_mirror.database.engine import reading
from kobo_mirror.store.listings import standings
from kobo_mirror.store.tables import submissions
from tests.support.forms.any_mirror import AnyMirror, any_mirror
from tests.support.forms.office import HOUSE, NOTES, VISIT, serve_forms
from tests.support.running_command import SECRET, running


def counts(mirror: AnyMirror) -> dict[str, int]:
    with reading(mirror.engine) as connection:
        return {one.table: one.submissions for one in standings(connection)}


def test_run_does_all_forms(tmp_path: Path) -> None:
    file = tmp_path / "kobo.yml"
    file.write_text(f"forms: [{{uid: {VISIT}}}]\n")
    url = f"sqlite:///{tmp_path / 'mirror.sqlite'}"
    with serve_forms(tmp_path) as process, any_mirror(process, HOUSE, url) as mirror:
        visits = process.control.of(VISIT)
        with running(mirror, tmp_path, "--every", "0.02", KOBO_FORMS_FILE=str(file)) as tree:
            tree.wait_for(lambda: counts(mirror) == {"household": 12, "visits": 30})
            tree.wait_for(lambda: "visits: success: 30 new" in tree.said())
            tree.wait_for(lambda: "2 of 2 forms were synced" in tree.said())
            tree.wait_for(lambda: process.control.of(HOUSE).stats()["hooks"] == 1)
            (new,) = mirror.control.create(1)
            mirror.control.wait_deliveries()
            tree.wait_for(lambda: new in {key[0] for _, key in mirror.found().rows})
            tree.wait_for(lambda: visits.stats()["hooks"] == 1)
            visits.create(1)
            visits.wait_deliveries()
            assert visits.stats()["deliveries"]["success"] == 1
            visits.form(trashed=True)
            tree.wait_for(lambda: f"error: visits: {process.url} shows no form '{VISIT}'" in tree.said())
            mirror.control.create(2)
            tree.wait_for(lambda: counts(mirror)["household"] == 15)
            file.write_text(f"forms: [{{uid: {VISIT}}}, {{uid: {NOTES}, table: of_notes}}]\n")
            tree.wait_for(lambda: counts(mirror).get("of_notes") == 5)
            file.write_text("forms: [\n")
            tree.wait_for(lambda: "this is no YAML" in tree.said())
            file.write_text(f"forms: [{{uid: {VISIT}}}]\n")
            visits.form(trashed=False)
            visits.create(1)
            tree.wait_for(lambda: counts(mirror)["visits"] == 32)
            code, _ = tree.end()
            assert (code, tree.processes()) == (0, [])
            assert "Traceback" not in tree.said()


def test_run_serves_forms_of_the_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "kobo.yml"
    file.write_text(f"forms: [{{uid: {HOUSE}}}, {{uid: {VISIT}}}, {{uid: {NOTES}}}]\n")
    url = f"sqlite:///{tmp_path / 'mirror.sqlite'}"
    settings = {"KOBO_ASSET_ID": "", "KOBO_FORMS_FILE": str(file)}
    with serve_forms(tmp_path) as process, any_mirror(process, HOUSE, url) as mirror:
        forms = [process.control.of(uid) for uid in (HOUSE, VISIT, NOTES)]
        with running(mirror, tmp_path, "--every", "60", **settings) as tree:
            tree.wait_for(lambda: "3 of 3 forms were synced" in tree.said())
            assert "3 forms are mirrored" in tree.said()
            assert [form.stats()["hooks"] for form in forms] == [1, 1, 1]
            assert tree.said().count("added a REST Service that posts new submissions to") == 3
            new = {form.create(1)[0] for form in forms}
            process.control.wait_deliveries()
            assert [form.stats()["deliveries"]["success"] for form in forms] == [1, 1, 1]
            with reading(mirror.engine) as connection:
                assert new <= set(connection.scalars(select(submissions.c.kobo_id)))
            path = "/api/real-time-updates"
            for shown in (SECRET, form_secret(SECRET, VISIT)):
                headers = {"Content-Type": "application/json", "X-Webhook-Secret": shown}
                address = f"http://127.0.0.1:{tree.port}{path}/{HOUSE}"
                assert httpx.post(address, content=b"{}", headers=headers).status_code == 401
            code, _ = tree.end()
            assert (code, tree.processes()) == (0, [])
            assert "Traceback" not in tree.said()
            assert '"level":"warning"' not in tree.said()
            assert SECRET not in tree.said()


def test_run_needs_a_token(tmp_path: Path) -> None:
    (tmp_path / "kobo.yml").write_text(f"forms: [{{uid: {VISIT}}}]\n")
    url = f"sqlite:///{tmp_path / 'mirror.sqlite'}"
    with serve_forms(tmp_path) as process, any_mirror(process, HOUSE, url) as mirror:
        mirror.folder.name = str(tmp_path)
        code, _, err = mirror.command("run", KOBO_TOKEN="")
        assert code == 2
        assert err.startswith("error: KOBO_TOKEN is not set.")
