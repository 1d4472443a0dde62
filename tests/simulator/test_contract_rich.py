"""The simulator shows any form as a real server showed one of every type."""

from __future__ import annotations

import pytest

from tests.simulator.any_forms import FIRST, SECOND
from tests.simulator.api import AnyForms, Row, changed
from tests.simulator.receiver import Receiver
from tests.simulator.recordings import ASSET, SLIM
from tests.simulator.recordings_rich import LIST_ITEM, READS, SHOWN, SUMMARY, SYSTEM, Read, Shown


def answers(row: Row) -> Row:
    return {path: value for path, value in row.items() if path not in {"_id", "formhub/uuid", *SYSTEM}}


@pytest.mark.parametrize("case", SHOWN, ids=lambda case: case.recording)
def test_a_recorded_submission(forms: AnyForms, case: Shown) -> None:
    [kobo_id] = forms.everything.control.create(1, drawn=False, **case.sent)
    assert answers(forms.everything.row(kobo_id)) == case.shown


@pytest.mark.parametrize("case", READS, ids=lambda case: case.recording)
def test_a_recorded_read(forms: AnyForms, case: Read) -> None:
    api = forms.everything
    row = next(row for row in api.rows() if row["_attachments"])
    version = api.get(".json")["version_id"]
    path = case.path.format(version=version, id=row["_id"], file=row["_attachments"][0]["uid"])
    answer = api.call("GET", path, case.user)
    assert answer.status_code == case.status
    owners = api.get(path) if case.body is None else case.body
    assert changed(owners, answer.json()) <= {"effective_permissions"}


def test_the_keys_of_forms_are_the_recorded_ones(forms: AnyForms) -> None:
    for form in forms.people.get("=/api/v2/assets.json")["results"]:
        assert form.keys() == LIST_ITEM
        assert form["summary"].keys() == SUMMARY
        detail = forms.people.get(f"=/api/v2/assets/{form['uid']}.json")
        assert detail.keys() > LIST_ITEM | ASSET


def test_the_keys_of_submissions_come_in_the_recorded_order(forms: AnyForms) -> None:
    for row in forms.everything.rows():
        assert tuple(row)[:2] == ("_id", "formhub/uuid")
        assert tuple(row)[-len(SYSTEM) :] == SYSTEM


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        (["members", "hh/village"], {"members", "hh/village"}),
        (["hh", "service"], set()),
        (["members/m_name"], set()),
    ],
    ids=["42_data_fields", "42_data_fields_group", "42_data_fields_inside_repeat"],
)
def test_fields_take_whole_keys_alone(forms: AnyForms, fields: list[str], shown: set[str]) -> None:
    rows = forms.everything.rows(fields=["_id", *fields])
    assert {key for row in rows for key in row} == SLIM | shown
    assert all(row["_validation_status"] == {} for row in rows)


def test_submissions_are_found_by_their_version(forms: AnyForms) -> None:
    old = forms.drift.get(".json")["version_id"]
    new = forms.drift.control.deploy(SECOND)
    made = forms.drift.control.create(3)
    late = forms.drift.control.create(2, version=old)
    for version, ids in ((new, made), (old, [*forms.drift.control.ids()[:2], *late])):
        found = forms.drift.get("/data.json", query={"__version__": version}, fields=["_id", "__version__"])
        assert found["count"] == len(ids)
        assert [row["_id"] for row in found["results"]] == ids
        assert all(row.keys() == SLIM | {"__version__"} for row in found["results"])


def test_a_device_with_an_old_version_answers_its_questions(forms: AnyForms) -> None:
    old = forms.drift.get(".json")["version_id"]
    forms.drift.control.deploy(SECOND)
    rows = [forms.drift.row(one) for one in forms.drift.control.create(20, version=old)]
    assert any("r" in row for row in rows)
    assert all(len(row["g"]) == 1 for row in rows if "g" in row) and not any("g/q" in row for row in rows)
    assert forms.drift.get(f"/versions/{old}/")["content"] == FIRST


def test_what_a_rest_service_posts_equals_the_row(forms: AnyForms, receiver: Receiver) -> None:
    forms.everything.add_hook(receiver.url)
    ids = forms.everything.control.create(4)
    forms.everything.control.wait_deliveries()
    assert {one.json["_id"]: one.json for one in receiver.received} == {
        kobo_id: forms.everything.row(kobo_id) for kobo_id in ids
    }
