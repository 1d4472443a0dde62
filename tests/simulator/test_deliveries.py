"""Deliveries: when REST Services and the registrar post, and what they make of each answer."""

from __future__ import annotations

import pytest

from simulator.control_client import SimulatorError
from tests.simulator.api import Api
from tests.simulator.receiver import Receiver


def test_only_creation_and_duplication_post(api: Api, receiver: Receiver) -> None:
    api.add_hook(receiver.url)
    ids = api.control.ids()
    api.control.edit(ids[0], cd_age=5)
    api.control.validate(ids[0], "approved")
    api.control.attach(ids[0])
    api.control.delete(ids[1])
    api.control.wait_deliveries()
    assert receiver.received == []
    copy = api.control.duplicate(ids[0])
    api.control.wait_deliveries()
    assert [post.json["_id"] for post in receiver.received] == [copy]


@pytest.mark.parametrize(
    ("answer", "posts", "status"),
    [(200, 1, "success"), (201, 1, "success"), (302, 2, "success")]
    + [(code, 1, "failed") for code in (400, 401, 404, 429, 500)]
    + [(code, 5, "failed") for code in (502, 503, 504)],
)
def test_what_a_hook_does_with_each_answer(
    api: Api, receiver: Receiver, answer: int, posts: int, status: str
) -> None:
    hook = api.add_hook(receiver.url)
    receiver.statuses = [302, 200] if answer == 302 else [answer]
    api.control.create(1)
    api.control.wait_deliveries()
    assert len(receiver.received) == posts
    (log,) = api.hook_logs(hook)
    assert (log["status_str"], log["tries"]) == (status, 1 if answer == 302 else posts)
    assert log["status_code"] == (200 if answer == 302 else answer)


def test_redirect_is_followed_as_a_get_and_counts_as_delivered(api: Api, receiver: Receiver) -> None:
    api.add_hook(receiver.url)
    receiver.statuses = [302, 200]
    api.control.create(1)
    api.control.wait_deliveries()
    assert [post.method for post in receiver.received] == ["POST", "GET"]


def test_delivery_is_retried_until_it_is_taken(api: Api, receiver: Receiver) -> None:
    hook = api.add_hook(receiver.url)
    receiver.statuses = [503, 200]
    api.control.create(1)
    api.control.wait_deliveries()
    assert [(log["tries"], log["status_str"], log["status_code"]) for log in api.hook_logs(hook)] == [
        (2, "success", 200)
    ]


def test_retry_sends_the_submission_as_it_is_then(api: Api, receiver: Receiver) -> None:
    hook = api.add_hook(receiver.url)
    receiver.statuses = [500, 200]
    kobo_id = api.control.create(1, cd_age=30)[0]
    api.control.wait_deliveries()
    api.control.edit(kobo_id, cd_age=31)
    api.call("PATCH", f"/hooks/{hook['uid']}/retry/")
    api.control.wait_deliveries()
    assert [post.json["sec_c/cd_age"] for post in receiver.received] == ["30", "31"]


def test_silent_receiver_counts_as_504_and_is_retried(api: Api, receiver: Receiver) -> None:
    hook = api.add_hook(receiver.url)
    receiver.delay = 0.7
    api.control.create(1)
    api.control.wait_deliveries()
    (log,) = api.hook_logs(hook)
    assert (log["tries"], log["status_str"], log["status_code"]) == (5, "failed", 504)
    assert "Read timed out" in log["message"]


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9/refused", "http://127.0.0.2:8802/blocked"])
def test_unreachable_receiver_fails_at_once(api: Api, endpoint: str) -> None:
    hook = api.add_hook(endpoint)
    api.control.create(1)
    api.control.wait_deliveries()
    (log,) = api.hook_logs(hook)
    assert (log["tries"], log["status_str"], log["status_code"]) == (1, "failed", None)
    assert ("Max retries exceeded" in log["message"]) or log["message"] == f"{endpoint} is not allowed"


def test_held_deliveries_can_be_dropped_repeated_and_reordered(api: Api, receiver: Receiver) -> None:
    api.add_hook(receiver.url)
    api.control.set_delivery("hold")
    ids = api.control.create(3, cd_age=30)
    api.control.edit(ids[2], cd_age=31)
    held = api.control.held()
    assert [one["submission_id"] for one in held] == ids and receiver.received == []
    api.control.drop(held[1]["id"])
    assert api.control.deliver(held[2]["id"]) == 200
    assert api.control.deliver(held[2]["id"], fresh=True) == 200
    assert api.control.deliver(held[0]["id"]) == 200
    assert api.control.deliver(held[0]["id"]) == 200
    posts = [(post.json["_id"], post.json["sec_c/cd_age"]) for post in receiver.received]
    assert posts == [(ids[2], "30"), (ids[2], "31"), (ids[0], "30"), (ids[0], "30")]
    with pytest.raises(SimulatorError):
        api.control.deliver(held[1]["id"])


def test_late_delivery_of_a_deleted_submission(api: Api, receiver: Receiver) -> None:
    api.add_hook(receiver.url)
    api.control.set_delivery("hold")
    kobo_id = api.control.create(1)[0]
    (held,) = api.control.held()
    api.control.delete(kobo_id)
    assert api.control.deliver(held["id"]) == 200
    assert receiver.received[0].json["_id"] == kobo_id
    assert api.control.deliver(held["id"], fresh=True) is None


def test_lost_deliveries_leave_no_log(api: Api, receiver: Receiver) -> None:
    hook = api.add_hook(receiver.url)
    api.control.set_delivery("lose")
    api.control.create(2)
    api.control.wait_deliveries()
    assert receiver.received == [] and api.hook_logs(hook) == []


def test_registrar_posts_new_and_edited_submissions(api: Api, receiver: Receiver) -> None:
    for _ in range(2):
        answer = api.call("POST", "=/register_webhook", "none", json={"url": f"{receiver.url}/in?token=t"})
        assert answer.status_code == 200
    kobo_id = api.control.create(1, cd_age=30)[0]
    api.control.wait_deliveries()
    api.control.edit([kobo_id], cd_age=31)
    api.control.wait_deliveries()
    api.control.validate(kobo_id, "approved")
    api.control.delete(kobo_id)
    api.control.wait_deliveries()
    assert [(post.path, post.json["_id"]) for post in receiver.received] == [("/in?token=t", kobo_id)] * 2
    assert [post.json["sec_c/cd_age"] for post in receiver.received] == ["30", "31"]
    assert api.get("/hooks/")["count"] == 0


@pytest.mark.parametrize("body", [{}, [], {"url": "ftp://x"}, {"url": 5}])
def test_registrar_refuses_what_is_no_address(api: Api, body: object) -> None:
    assert api.call("POST", "=/register_webhook", "none", json=body).status_code == 400
