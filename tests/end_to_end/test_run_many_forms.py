"""``run`` with ``kobo.yml`` for many forms: all are synced, one that fails stops none, the file changes."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from kobo_mirror.database.engine import reading
from kobo_mirror.store.listings import standings
from tests.support.forms.any_mirror import AnyMirror, any_mirror
from tests.support.forms.mirrored_form import body_of
from tests.support.forms.office import HOUSE, NOTES, VISIT, three_forms
from tests.support.running_command import SECRET, running


def counts(mirror: AnyMirror) -> dict[str, int]:
    with reading(mirror.engine) as connection:
        return {one.table: one.submissions for one in standings(connection)}


def test_run_does_all_forms(tmp_path: Path) -> None:
    file = tmp_path / "kobo.yml"
    file.write_text(f"forms: [{{uid: {VISIT}}}]\n")
    url = f"sqlite:///{tmp_path / 'mirror.sqlite'}"
    with three_forms(tmp_path) as process, any_mirror(process, HOUSE, url) as mirror:
        visits = process.control.of(VISIT)
        with running(mirror, tmp_path, "--every", "0.02", KOBO_FORMS_FILE=str(file)) as tree:
            tree.wait_for(lambda: counts(mirror) == {"household": 12, "visits": 30})
            tree.wait_for(lambda: "visits: success: 30 new" in tree.said())
            tree.wait_for(lambda: "2 of 2 forms were synced" in tree.said())
            tree.wait_for(lambda: process.control.of(HOUSE).stats()["hooks"] == 1)
            (new,) = mirror.control.create(1)
            mirror.control.wait_deliveries()
            tree.wait_for(lambda: new in {key[0] for _, key in mirror.found().rows})
            (document, *_) = visits.rows()
            answer = httpx.post(
                f"http://127.0.0.1:{tree.port}/api/real-time-updates",
                content=body_of(document),
                headers={"Content-Type": "application/json", "X-Webhook-Secret": SECRET},
            )
            assert answer.status_code == 404, answer.text
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
            tree.wait_for(lambda: counts(mirror)["visits"] == 31)
            code, _ = tree.end()
            assert (code, tree.processes()) == (0, [])
            assert "Traceback" not in tree.said()


@pytest.mark.parametrize("name", ["KOBO_ASSET_ID", "KOBO_TOKEN"])
def test_the_webhook_needs_a_form(tmp_path: Path, name: str) -> None:
    (tmp_path / "kobo.yml").write_text(f"forms: [{{uid: {VISIT}}}]\n")
    url = f"sqlite:///{tmp_path / 'mirror.sqlite'}"
    with three_forms(tmp_path) as process, any_mirror(process, HOUSE, url) as mirror:
        mirror.folder.name = str(tmp_path)
        code, _, err = mirror.command("run", **{name: ""})
        assert code == 2
        assert err.startswith(f"error: {name} is not set.")
