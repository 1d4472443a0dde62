"""REST Services: what they are made of, what they post, and the logs of it."""

from __future__ import annotations

import json
import time

from tests.simulator.api import Api
from tests.simulator.receiver import Receiver
from tests.simulator.recordings import HOOK, LOG


def test_created_hook_shows_every_field(api: Api, receiver: Receiver) -> None:
    settings = {"custom_headers": {"X-Hook-Secret": "s3cret"}}
    hook = api.add_hook(f"{receiver.url}/hook?src=kobo", settings=settings)
    assert set(hook) == set(HOOK)
    assert (hook["active"], hook["export_type"], hook["settings"]) == (True, "json", settings)
    assert hook["url"] == f"{api.form}/hooks/{hook['uid']}/?format=json"
    assert api.get(f"/hooks/{hook['uid']}/", format="json") == hook
    assert api.get("/hooks/", format="json")["results"] == [hook]


def test_same_endpoint_twice_posts_twice(api: Api, receiver: Receiver) -> None:
    api.add_hook(receiver.url)
    api.add_hook(receiver.url)
    api.control.create(1)
    api.control.wait_deliveries()
    assert len(receiver.received) == 2


def test_new_submission_is_posted_as_the_api_shows_it(api: Api, receiver: Receiver) -> None:
    hook = api.add_hook(
        f"{receiver.url}/hook?src=kobo", settings={"custom_headers": {"X-Hook-Secret": "s3cret"}}
    )
    kobo_id = api.control.create(1, cd_client_name="Łukasz")[0]
    api.control.wait_deliveries()
    (post,) = receiver.received
    assert (post.method, post.path) == ("POST", "/hook?src=kobo")
    assert post.json == api.row(kobo_id)
    assert post.body == json.dumps(post.json).encode()
    assert post.header("Content-Type") == "application/json"
    assert post.header("X-Hook-Secret") == "s3cret"
    assert (post.header("User-Agent") or "").startswith("KoboToolbox external service - ")
    assert (post.header("User-Agent") or "").endswith(f" #{hook['uid']}")
    (log,) = api.hook_logs(hook)
    assert set(log) == set(LOG)
    expected = {
        "submission_id": kobo_id,
        "tries": 1,
        "status": 2,
        "status_str": "success",
        "status_code": 200,
    }
    assert expected.items() <= log.items() and log["message"] == '{"ok":true}'


def test_subset_template_and_basic_auth(api: Api, receiver: Receiver) -> None:
    api.add_hook(
        receiver.url,
        subset_fields=["_id", "_uuid", "sec_c/cd_client_name", "sec_a", "members"],
        payload_template='{"form": "clients", "data": %SUBMISSION%}',
        auth_level="basic_auth",
        settings={"username": "u", "password": "p"},
    )
    kobo_id = api.control.create(1, members=[{"members/name": "m", "members/age": "3"}])[0]
    api.control.wait_deliveries()
    (post,) = receiver.received
    assert post.header("Authorization") == "Basic dTpw"
    wanted = {
        "_id",
        "_uuid",
        "sec_c/cd_client_name",
        "members",
        "sec_a/unique_id",
        "sec_a/cd_biz_country_name",
    }
    row = api.row(kobo_id)
    assert post.json == {
        "form": "clients",
        "data": {k: row[k] for k in row if k in wanted | {"sec_a/cd_biz_region_name"}},
    }


def test_xml_hook(api: Api, receiver: Receiver) -> None:
    hook = api.add_hook(receiver.url, export_type="xml")
    assert hook["payload_template"] is None
    kobo_id = api.control.create(1, cd_location='Ward <3> "A"', members=[{"members/name": "m 1"}])[0]
    api.control.wait_deliveries()
    (post,) = receiver.received
    text = post.body.decode()
    assert post.header("Content-Type") == "application/xml"
    assert '<cd_location>Ward &lt;3&gt; "A"</cd_location>' in text and "<name>m 1</name>" in text
    assert f"<instanceID>uuid:{api.row(kobo_id)['_uuid']}</instanceID>" in text


def test_inactive_hook_neither_posts_nor_logs(api: Api, receiver: Receiver) -> None:
    hook = api.add_hook(receiver.url)
    shown = api.call("PATCH", f"/hooks/{hook['uid']}/", json={"active": False}).json()
    assert shown["active"] is False and shown["endpoint"] == receiver.url
    api.control.create(1)
    api.call("PATCH", f"/hooks/{hook['uid']}/", json={"active": True})
    api.control.wait_deliveries()
    assert receiver.received == [] and api.hook_logs(hook) == []


def test_deleted_hook_is_gone(api: Api, receiver: Receiver) -> None:
    hook = api.add_hook(receiver.url)
    assert api.call("DELETE", f"/hooks/{hook['uid']}/").status_code == 204
    assert api.call("GET", f"/hooks/{hook['uid']}/").status_code == 404
    api.control.create(1)
    api.control.wait_deliveries()
    assert receiver.received == []


def test_failed_deliveries_can_be_listed_and_sent_again(api: Api, receiver: Receiver) -> None:
    hook = api.add_hook(receiver.url)
    receiver.statuses = [500, 200, 500, 200]
    ids = [api.control.create(1)[0] for _ in range(3) if api.control.wait_deliveries() is None]
    api.control.wait_deliveries()
    failed = api.hook_logs(hook, status="0")
    assert [log["submission_id"] for log in failed] == [ids[2], ids[0]]
    tallies = api.get(f"/hooks/{hook['uid']}/")
    assert (tallies["failed_count"], tallies["success_count"], tallies["pending_count"]) == (2, 1, 0)
    again = api.call("PATCH", f"/hooks/{hook['uid']}/retry/", params={"format": "json"}).json()
    assert again["detail"] == "Task successfully scheduled"
    assert set(again["pending_uids"]) == {log["uid"] for log in failed}
    api.control.wait_deliveries()
    assert api.hook_logs(hook, status="0") == []
    assert api.call("PATCH", f"/hooks/{hook['uid']}/retry/").status_code == 304


def test_one_delivery_is_sent_again_only_once_it_is_old_enough(api: Api, receiver: Receiver) -> None:
    hook = api.add_hook(receiver.url)
    receiver.statuses = [500, 200]
    api.control.create(1)
    api.control.wait_deliveries()
    (log,) = api.hook_logs(hook)
    address = f"/hooks/{hook['uid']}/logs/{log['uid']}/retry/"
    early = api.call("PATCH", address)
    refusal = {"detail": "Data is being or has already been processed", "status_code": None}
    answers = [(early.status_code, early.json())]
    for _ in range(100):  # 120 s are 0.06 s at the scale of this server
        time.sleep(0.02)
        late = api.call("PATCH", address)
        answers.append((late.status_code, late.json()))
        if late.status_code == 200:
            break
    assert answers[0] == (400, refusal)
    assert answers[-1] == (200, {"detail": '{"ok":true}', "status_code": 200})
    (after,) = api.hook_logs(hook)
    assert (after["tries"], after["status_str"]) == (2, "success")
