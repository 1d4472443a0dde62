"""Several forms on one server: each has its own versions, submissions, history and REST Services."""

from __future__ import annotations

import pytest

from simulator.control_client import SimulatorError
from tests.simulator.any_forms import EVERYTHING, FIRST, PEOPLE, SECOND
from tests.simulator.api import AnyForms, Api
from tests.simulator.receiver import Receiver
from tests.simulator.recordings import ASSET

LIST = "=/api/v2/assets.json"
LEFT_OUT_OF_THE_LIST = {
    "content", "deployed_versions", "version_count", "version__content_hash", "effective_permissions",
    "hooks_link",
}  # fmt: skip


def test_the_account_lists_all_its_forms_in_pages(forms: AnyForms) -> None:
    page = forms.people.get(LIST, limit="2", q="asset_type:survey")
    assert (page["count"], len(page["results"]), page["previous"]) == (3, 2, None)
    rest = forms.people.get(LIST, limit="2", start="2", q="asset_type:survey")
    listed = page["results"] + rest["results"]
    assert {form["uid"]: form["name"] for form in listed} == {
        "aEverything": "Everything",
        "aPeople": "People",
        "aDrift": "Drift",
    }
    for form in listed:
        assert set(ASSET) - LEFT_OUT_OF_THE_LIST <= form.keys()
        assert not LEFT_OUT_OF_THE_LIST & form.keys()
    assert len({form["deployment__uuid"] for form in listed}) == 3
    assert {form["uid"]: form["deployment__submission_count"] for form in listed} == {
        "aEverything": 60,
        "aPeople": 0,
        "aDrift": 2,
    }


def test_the_list_tells_what_a_person_chooses_forms_by(forms: AnyForms) -> None:
    forms.people.control.form(owner="field_team", tag_string="mirror,health")
    forms.drift.control.form(active=False)
    forms.everything.control.form(deployed=False)
    listed = {form["uid"]: form for form in forms.people.get(LIST, q="asset_type:survey")["results"]}
    assert {uid: form["deployment_status"] for uid, form in listed.items()} == {
        "aEverything": "draft",
        "aPeople": "deployed",
        "aDrift": "archived",
    }
    people, drift = listed["aPeople"], listed["aDrift"]
    assert (people["owner__username"], people["tag_string"]) == ("field_team", "mirror,health")
    assert (drift["has_deployment"], drift["deployment__active"]) == (True, False)
    newest = forms.drift.control.rows()[-1]["_submission_time"]
    assert drift["deployment__last_submission_time"] == f"{newest}.000000Z"
    assert people["deployment__last_submission_time"] is None
    assert all(form.keys() >= {"name", "has_deployment", "date_modified"} for form in listed.values())


def test_the_form_that_changed_last_is_listed_first(forms: AnyForms) -> None:
    for api in (forms.people, forms.drift):
        api.control.redeploy()
        assert api.get(LIST)["results"][0]["uid"] == api.asset
    assert [form["uid"] for form in api.get(LIST, q="uid:aPeople")["results"]] == ["aPeople"]
    assert [form["uid"] for form in api.get(LIST, q="drif")["results"]] == ["aDrift"]


def test_each_describes_itself(forms: AnyForms) -> None:
    for api, content in ((forms.everything, EVERYTHING), (forms.people, PEOPLE), (forms.drift, FIRST)):
        asset = api.get(".json")
        assert (asset["uid"], asset["content"], asset["version_count"]) == (api.asset, content, 1)
        assert asset["data"] == f"{api.form}/data.json"
        [version] = api.get("/versions.json", deployed="True")["results"]
        assert version["uid"] == asset["deployed_version_id"]
        assert api.get(f"/versions/{version['uid']}/")["content"] == content
    summary = forms.everything.get(".json")["summary"]
    assert summary["geo"] is True and forms.drift.get(".json")["summary"]["geo"] is False
    assert summary["labels"] == ["q_text", "q_integer", "q_decimal", "q_date", "q_time"]


def test_a_version_of_another_form_is_not_found(forms: AnyForms) -> None:
    version = forms.people.get(".json")["version_id"]
    assert forms.drift.call("GET", f"/versions/{version}/").status_code == 404


def test_ids_and_uuids_are_unique_over_all_forms(forms: AnyForms) -> None:
    made = [*forms.drift.control.create(3), *forms.people.control.create(3), *forms.drift.control.create(1)]
    assert made == sorted(made)
    rows = [row for api in (forms.everything, forms.people, forms.drift) for row in api.control.rows()]
    assert len(rows) == 69 == len({row["_id"] for row in rows}) == len({row["_uuid"] for row in rows})
    assert forms.people.call("GET", f"/data/{made[0]}.json").status_code == 404
    assert all(row["_xform_id_string"] == "aDrift" for row in forms.drift.rows())


def test_what_happens_to_one_form_is_in_its_history_alone(forms: AnyForms) -> None:
    forms.drift.control.redeploy()
    [kobo_id] = forms.people.control.create(1)
    forms.people.control.delete(kobo_id)

    def actions(api: Api) -> list[str]:
        return [entry["action"] for entry in api.get("/history/", q="NOT action:view-data")["results"]]

    assert sorted(actions(forms.drift)) == ["redeploy", "update-content"]
    assert sorted(actions(forms.people)) == ["add-submission", "delete-submission"]
    assert actions(forms.everything) == []


def test_a_rest_service_posts_the_submissions_of_its_form(forms: AnyForms, receiver: Receiver) -> None:
    for api in (forms.people, forms.drift):
        api.add_hook(f"{receiver.url}/{api.asset}")
    made = {api.asset: api.control.create(2) for api in (forms.people, forms.drift, forms.everything)}
    forms.people.control.wait_deliveries()
    posted = {(one.path, one.json["_id"]) for one in receiver.received}
    assert posted == {(f"/{asset}", one) for asset in ("aPeople", "aDrift") for one in made[asset]}
    assert len(forms.everything.get("/hooks.json")["results"]) == 0
    assert [forms.people.control.stats()[key] for key in ("rows", "hooks")] == [2, 1]


def test_the_registrar_is_told_of_all_forms(forms: AnyForms, receiver: Receiver) -> None:
    forms.people.call("POST", "=/register_webhook", json={"url": receiver.url}).raise_for_status()
    [new] = forms.people.control.create(1)
    edited = forms.drift.control.ids()[0]
    forms.drift.control.edit(edited, a="9")
    forms.drift.control.wait_deliveries()
    assert sorted(one.json["_id"] for one in receiver.received) == sorted([new, edited])


def test_a_form_in_the_trash_leaves_the_others(forms: AnyForms) -> None:
    forms.people.control.form(trashed=True)
    assert forms.people.call("GET", ".json").status_code == 404
    assert forms.people.get(LIST)["count"] == 2
    assert forms.drift.get(".json")["uid"] == "aDrift"


def test_commands_are_about_the_first_form_or_the_one_that_is_named(forms: AnyForms) -> None:
    control = forms.people.server.control
    assert control.forms() == [
        {"uid": "aEverything", "name": "Everything"},
        {"uid": "aPeople", "name": "People"},
        {"uid": "aDrift", "name": "Drift"},
    ]
    assert control.ids() == forms.everything.control.ids()
    assert len(control.ids()) == 60 and len(forms.drift.control.ids()) == 2
    unknown = control.of("aNone")
    with pytest.raises(SimulatorError, match="There is no form aNone"):
        unknown.ids()
    unknown.close()


def test_a_given_definition_is_deployed(forms: AnyForms) -> None:
    old = forms.drift.get(".json")["version_id"]
    new = forms.drift.control.deploy(SECOND)
    again = forms.drift.control.deploy(SECOND)
    listed = forms.drift.get("/versions.json", deployed="True")["results"]
    assert [version["uid"] for version in listed] == [again, new, old]
    assert listed[0]["content_hash"] == listed[1]["content_hash"] != listed[2]["content_hash"]
    assert forms.drift.get(f"/versions/{new}/")["content"] == SECOND
    draft = forms.drift.control.save_draft(FIRST)
    assert forms.drift.get(".json")["version_id"] == draft
    assert forms.drift.control.deploy() == draft


def test_what_is_no_definition_is_refused_and_changes_nothing(forms: AnyForms) -> None:
    with pytest.raises(SimulatorError, match="deploy: 400"):
        forms.drift.control.deploy({"choices": []})
    assert len(forms.drift.get("/versions.json")["results"]) == 1


def test_a_version_that_is_not_there_is_refused(forms: AnyForms) -> None:
    with pytest.raises(SimulatorError, match="no such version: vNone"):
        forms.drift.control.create(1, version="vNone")


def test_a_section_is_named_by_its_path_to_become_a_repeat(forms: AnyForms) -> None:
    forms.everything.control.redeploy(repeat="hh/loc")
    survey = forms.everything.get(".json")["content"]["survey"]
    [loc] = [row for row in survey if row.get("name") == "loc"]
    assert loc["type"] == "begin_repeat"
    assert sum(row["type"] == "end_repeat" for row in survey) == 4
    [kobo_id] = forms.everything.control.create(1, drawn=False, **{"hh/loc/far": "yes", "hh/village": "Goma"})
    row = forms.everything.row(kobo_id)
    assert (row["hh/loc"], row["hh/village"]) == ([{"hh/loc/far": "yes"}], "Goma")


def test_new_answers_are_drawn_by_the_version_in_use(forms: AnyForms) -> None:
    forms.drift.control.deploy(SECOND)
    version = forms.drift.get(".json")["deployed_version_id"]
    rows = [forms.drift.row(kobo_id) for kobo_id in forms.drift.control.create(30)]
    assert all(row["__version__"] == version for row in rows)
    assert {len(row.get("g", [])) for row in rows} >= {0, 1, 2}
    assert any(row.get("r/x") for row in rows) and not any("r" in row for row in rows)


def test_an_edit_may_draw_all_answers_anew(forms: AnyForms) -> None:
    kobo_id = forms.drift.control.ids()[0]
    before = forms.drift.row(kobo_id)
    forms.drift.control.deploy(SECOND)
    [token] = forms.drift.control.edit(kobo_id, drawn=True, s="x y")
    after = forms.drift.row(kobo_id)
    assert (after["_uuid"], after["s"]) == (token, "x y")
    assert after["meta/deprecatedID"] == before["meta/instanceID"]
    assert after["__version__"] == forms.drift.get(".json")["deployed_version_id"] != before["__version__"]
    for key in ("_id", "meta/rootUuid", "_submission_time", "_validation_status"):
        assert after[key] == before[key]
    assert "r" not in after


def test_an_edit_clears_with_none_and_with_a_blank(forms: AnyForms) -> None:
    kobo_id = forms.drift.control.ids()[0]
    forms.drift.control.edit(kobo_id, a=" ", s=None, r=None)
    assert {"a", "s", "r"}.isdisjoint(forms.drift.row(kobo_id))
    payload = {"submission_ids": [kobo_id], "data": {"g/q": "", "r/x": "7", "no/such": "key"}}
    forms.drift.call("PATCH", "/data/bulk/", json={"payload": payload}).raise_for_status()
    row = forms.drift.row(kobo_id)
    assert "g/q" not in row and row["r"] == [{"r/x": "7"}] and row["no/such"] == "key"
