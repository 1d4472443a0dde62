from __future__ import annotations

import hashlib
from typing import Any

import pytest

from kobo_mirror.errors import (
    ConfigurationError,
    CredentialsError,
    KoboMirrorError,
    NotPermittedError,
    RequestError,
    ServerError,
)
from kobo_mirror.kobo.form import KoboClient, open_form
from kobo_mirror.kobo.rest_services import Channel, Registration, ensure_registered
from simulator.process import SimulatorProcess
from tests.support.faulty_server import FaultyServer, response

ENDPOINT = "http://127.0.0.1:9/api/real-time-updates"
SECRET = "a secret & <more>?"


def register(client: KoboClient, **options: Any) -> Registration:
    return ensure_registered(
        client, **{"endpoint": ENDPOINT, "secret": SECRET, "registrar_url": None, "known": []} | options
    )


def test_a_rest_service_is_added_once(client: KoboClient) -> None:
    first = register(client)
    [service] = client.hooks()
    assert first == Registration(
        channel=Channel.REST_SERVICE,
        endpoint=ENDPOINT,
        hook_uid=service["uid"],
        secret_fingerprint=hashlib.sha256(SECRET.encode()).hexdigest()[:16],
        changed=True,
        sentence=f"added a REST Service that posts new submissions to {ENDPOINT}",
    )
    assert service["endpoint"] == ENDPOINT
    assert service["active"]
    assert service["export_type"] == "json"
    assert service["settings"] == {"custom_headers": {"X-Webhook-Secret": SECRET}}

    again = register(client, known=[first])
    assert not again.changed
    assert again.sentence.startswith("nothing to do")
    assert client.hooks() == [service]


def secret_header(**headers: str) -> dict[str, Any]:
    return {"settings": {"custom_headers": headers}}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"active": False}, "it was switched off"),
        ({"export_type": "xml"}, "it sent XML"),
        ({"subset_fields": ["_id"]}, "it sent some fields only"),
        ({"payload_template": '{"it": %SUBMISSION%}'}, "it wrapped the submission in a template"),
        ({"settings": {}}, "it showed no secret"),
        (secret_header(**{"X-Webhook-Secret": "an old secret"}), "it showed another secret"),
        (
            secret_header(**{"X-Webhook-Secret": SECRET, "x-webhook-secret": "an old secret"}),
            "it showed another secret",
        ),
        ({"active": False, "settings": {}}, "it was switched off, it showed no secret"),
    ],
    ids=lambda wrong: next(iter(wrong)) if isinstance(wrong, dict) else "",
)
def test_our_rest_service_is_mended_and_those_of_others_are_left_alone(
    wrong: dict[str, Any], said: str, client: KoboClient
) -> None:
    register(client)
    [ours] = client.hooks()
    client.patch_hook(ours["uid"], wrong)
    others = client.create_hook({"name": "other", "endpoint": "http://127.0.0.1:9/other", "active": False})
    mended = register(client)
    assert mended.changed
    assert mended.sentence == f"mended the REST Service for {ENDPOINT}: {said}"
    assert mended.hook_uid == ours["uid"]
    now = {hook["uid"]: hook | {"date_modified": ""} for hook in client.hooks()}
    assert now == {ours["uid"]: ours | {"date_modified": ""}, others["uid"]: others | {"date_modified": ""}}


def test_ours_that_posts_elsewhere_is_pointed_back(client: KoboClient) -> None:
    known = register(client)
    elsewhere = "http://user:hidden@127.0.0.1:9/elsewhere?key=hidden"
    client.patch_hook(str(known.hook_uid), {"endpoint": elsewhere})
    mended = register(client, known=[known])
    assert mended.sentence == (
        f"mended the REST Service for {ENDPOINT}: it posted to http://127.0.0.1:9/elsewhere"
    )
    assert [(hook["uid"], hook["endpoint"]) for hook in client.hooks()] == [(known.hook_uid, ENDPOINT)]


def test_a_new_endpoint_moves_ours(client: KoboClient) -> None:
    known = register(client)
    moved = register(client, endpoint=ENDPOINT + "2", known=[known])
    assert moved.hook_uid == known.hook_uid
    assert moved.sentence == f"mended the REST Service for {ENDPOINT}2: it posted to {ENDPOINT}"
    assert [hook["endpoint"] for hook in client.hooks()] == [ENDPOINT + "2"]


def test_an_endpoint_registered_by_hand_is_not_registered_twice(client: KoboClient) -> None:
    known = register(client)
    by_hand = register(client, endpoint=ENDPOINT + "2")
    done = register(client, endpoint=ENDPOINT + "2", known=[known])
    assert done.hook_uid == by_hand.hook_uid
    assert done.sentence == f"removed a second REST Service, for {ENDPOINT}"
    assert [hook["uid"] for hook in client.hooks()] == [by_hand.hook_uid]


def test_our_moved_rest_service_is_left_alone_if_another_has_its_endpoint(
    client: KoboClient,
) -> None:
    known = register(client)
    client.patch_hook(str(known.hook_uid), {"endpoint": "http://127.0.0.1:9/elsewhere"})
    by_hand = register(client)
    done = register(client, known=[known])
    assert (done.hook_uid, done.changed) == (by_hand.hook_uid, False)
    assert sorted(hook["endpoint"] for hook in client.hooks()) == [ENDPOINT, "http://127.0.0.1:9/elsewhere"]


def test_headers_that_a_person_added_stay(client: KoboClient) -> None:
    register(client)
    [ours] = client.hooks()
    client.patch_hook(ours["uid"], {"settings": {"custom_headers": {"X-Gateway": "g"}, "username": "u"}})
    register(client)
    [ours] = client.hooks()
    assert ours["settings"] == {
        "custom_headers": {"X-Gateway": "g", "X-Webhook-Secret": SECRET},
        "username": "u",
    }


def test_of_several_the_right_one_stays(client: KoboClient) -> None:
    for active in (False, True, False):
        register(client, endpoint=ENDPOINT + "/other")
        [made] = [hook for hook in client.hooks() if hook["endpoint"] != ENDPOINT]
        client.patch_hook(made["uid"], {"endpoint": ENDPOINT, "active": active})
    [right] = [hook for hook in client.hooks() if hook["active"]]
    done = register(client)
    assert [hook["uid"] for hook in client.hooks()] == [right["uid"]] == [done.hook_uid]
    assert done.changed
    assert done.sentence.count("removed a second REST Service") == 2


def test_a_new_secret_is_handed_over(client: KoboClient) -> None:
    known = register(client)
    done = register(client, secret="another", known=[known])
    [service] = client.hooks()
    assert done.changed
    assert done.secret_fingerprint != known.secret_fingerprint
    assert service["settings"] == {"custom_headers": {"X-Webhook-Secret": "another"}}


def test_without_a_secret_none_is_sent(client: KoboClient) -> None:
    register(client, secret="")
    assert [hook["settings"] for hook in client.hooks()] == [{}]
    assert not register(client, secret="").changed


def test_deliveries_show_the_secret(client: KoboClient, simulator: SimulatorProcess) -> None:
    with FaultyServer(response(b"{}")) as receiver:
        register(client, endpoint=f"{receiver.url}/hook")
        simulator.control.create()
        simulator.control.wait_deliveries()
        [request] = receiver.requests
    assert request.startswith("POST /hook HTTP/1.1\r\n")
    assert f"\r\nX-Webhook-Secret: {SECRET}\r\n" in request


def test_without_the_right_to_manage_them_the_owner_must_help(simulator: SimulatorProcess) -> None:
    viewer = "5eed0000demo0000may0only0view00000000000"
    says = r"^not permitted: ask the form's owner"
    with (
        open_form(simulator.url, viewer, simulator.asset) as client,
        pytest.raises(NotPermittedError, match=says),
    ):
        register(client)


@pytest.mark.parametrize(("token", "asset"), [("", "aNoSuchFormAnywhere001"), ("0" * 40, "")])
def test_an_unknown_form_or_token_is_not_taken_for_a_lack_of_rights(
    token: str, asset: str, simulator: SimulatorProcess
) -> None:
    with (
        open_form(simulator.url, token or simulator.token, asset or simulator.asset) as client,
        pytest.raises(CredentialsError) as error,
    ):
        register(client)
    assert not isinstance(error.value, NotPermittedError)


def test_a_registrar_is_told_once(client: KoboClient, simulator: SimulatorProcess) -> None:
    registrar = f"{simulator.url}/register_webhook"
    with FaultyServer(response(b"{}")) as receiver:
        endpoint = f"{receiver.url}/hook"
        first = register(client, endpoint=endpoint, registrar_url=registrar)
        assert (first.channel, first.hook_uid, first.changed) == (Channel.REGISTRAR, None, True)
        assert not register(client, endpoint=endpoint, registrar_url=registrar, known=[first]).changed
        posts = [request for request in simulator.control.requests() if request["method"] == "POST"]
        assert [request["path"] for request in posts] == ["/register_webhook"]
        simulator.control.create()
        simulator.control.wait_deliveries()
        [request] = receiver.requests
    assert request.startswith("POST /hook?token=a%20secret%20%26%20%3Cmore%3E%3F HTTP/1.1\r\n")
    assert client.hooks() == []


@pytest.mark.parametrize("change", ["secret", "endpoint", "way"])
def test_a_registrar_is_told_what_is_new(
    change: str, client: KoboClient, simulator: SimulatorProcess
) -> None:
    registrar = f"{simulator.url}/register_webhook"
    known = register(client, registrar_url=None if change == "way" else registrar)
    new = {"secret": {"secret": "another"}, "endpoint": {"endpoint": ENDPOINT + "2"}, "way": {}}[change]
    assert register(client, registrar_url=registrar, known=[known], **new).changed


def test_the_token_joins_a_query_that_is_there(client: KoboClient) -> None:
    with FaultyServer(response(b"{}")) as registrar:
        register(client, endpoint=ENDPOINT + "?form=1", registrar_url=f"{registrar.url}/r/?key=k", secret="s")
        [request] = registrar.requests
    assert request.startswith("POST /r/?key=k HTTP/1.1\r\n")
    assert request.endswith('\r\n\r\n{"url":"' + ENDPOINT + '?form=1&token=s"}')
    assert "Authorization" not in request


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("202 Accepted", RequestError),
        ("400 Bad Request", RequestError),
        ("404 Not Found", RequestError),
        ("429 Too Many Requests", ServerError),
        ("500 Internal Server Error", ServerError),
        ("307 Temporary Redirect", ConfigurationError),
    ],
)
def test_a_registrar_that_does_not_say_200_is_an_error_without_secrets(
    status: str, error: type[KoboMirrorError], client: KoboClient
) -> None:
    with FaultyServer(response(status=status)) as registrar:
        with pytest.raises(error, match=r"registrar|INKOMOKO_REGISTER_WEBHOOK_URL") as raised:
            register(client, registrar_url=f"{registrar.url}/?key=hidden", secret="s3cret")
        assert len(registrar.requests) == 1
    assert "hidden" not in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_no_sentence_shows_a_query(client: KoboClient, simulator: SimulatorProcess) -> None:
    secretive = ENDPOINT + "?key=hidden"
    registrar = f"{simulator.url}/register_webhook"
    told = [register(client, endpoint=secretive), register(client, endpoint=secretive)]
    told += [register(client, endpoint=secretive, registrar_url=registrar)]
    told += [register(client, endpoint=secretive, registrar_url=registrar, known=told[-1:])]
    assert [done.changed for done in told] == [True, False, True, False]
    assert not [done for done in told if "hidden" in done.sentence]
