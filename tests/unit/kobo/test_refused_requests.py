"""Refusals: those of the API are final and say what to do, those of a proxy or filter are asked again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kobo_mirror.errors import CredentialsError, KoboMirrorError, NotPermittedError, RequestError, ServerError
from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.kobo.history import Verdict, end_of_history
from tests.support.broken_responses import PAGE
from tests.support.faulty_server import FaultyServer, response


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        ("401 Unauthorized", b'{"detail":"Invalid token."}', CredentialsError, "KOBO_TOKEN was refused"),
        ("403 Forbidden", b'{"detail":"x"}', CredentialsError, "shuts out the account of KOBO_TOKEN"),
        ("404 Not Found", b'{"detail":"Not found."}', CredentialsError, "may not view its submissions"),
        ("404 Not Found", b"<title>KoboToolbox </title>", CredentialsError, "no form 'aForm'"),
        (
            "404 Not Found",
            b"<h1>Not Found</h1><p>The requested resource was not found on this server.</p>",
            CredentialsError,
            "no form 'aForm'",
        ),
        ("400 Bad Request", b'{"query":"Value must be valid JSON."}', RequestError, r"400 \(query\)"),
        (
            "400 Bad Request",
            b'{"detail":"The specified asset has not been deployed"}',
            RequestError,
            "not deployed yet",
        ),
        ("409 Conflict", b"[]", RequestError, "409"),
        ("410 Gone", b'{"detail":"The V1 API has been removed."}', RequestError, "410"),
    ],
)
def test_a_refusal_is_final_and_says_what_to_do(
    status: str, body: bytes, error: type[KoboMirrorError], says: str, connect: Callable[..., KoboClient]
) -> None:
    with FaultyServer(response(body, status=status)) as server, connect(server.url) as client:
        with pytest.raises(error, match=says):
            client.page(after=0, limit=10)
        assert len(server.requests) == 1


BLOCKED = b"<!DOCTYPE html><title>Attention Required!</title>"


@pytest.mark.parametrize("body", [BLOCKED, b"", b"blocked", b'"blocked"', b"\xff", b"[" * 5000])
@pytest.mark.parametrize(
    "status",
    ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "405 x", "413 x", "451 x"],
)
def test_a_refusal_that_is_not_the_apis_is_asked_for_again(
    status: str, body: bytes, connect: Callable[..., KoboClient]
) -> None:
    foreign = response(body, status=status, Content_Type="text/html")
    with FaultyServer(foreign, response(PAGE)) as server, connect(server.url) as client:
        assert client.page(after=5, limit=10).ids == [7]
        assert len(server.requests) == 2
    said = rf"answered {status[:3]} with something that is not KoboToolbox's: a proxy, filter"
    with FaultyServer(foreign) as server, connect(server.url) as client:
        with pytest.raises(ServerError, match=said):
            client.page(after=5, limit=10)
        assert len(server.requests) == 3


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found"])
def test_a_filter_before_history_and_logs_is_not_taken_for_a_missing_right(
    status: str, connect: Callable[..., KoboClient]
) -> None:
    with FaultyServer(response(BLOCKED, status=status)) as server, connect(server.url) as client:
        assert end_of_history(client).verdict is Verdict.FORBIDDEN
        with pytest.raises(ServerError, match="not KoboToolbox's"):
            client.hooks()


def test_a_redirect_after_a_proper_response_is_taken_for_a_filters(
    connect: Callable[..., KoboClient],
) -> None:
    moved = response(status="302 Found", Location="http://login.example/?next=secret")
    with FaultyServer(response(PAGE), moved, response(PAGE)) as server, connect(server.url) as client:
        for _ in range(2):
            assert client.page(after=5, limit=10).ids == [7]
        assert len(server.requests) == 3
    with FaultyServer(response(PAGE), moved) as server, connect(server.url) as client:
        client.count()
        with pytest.raises(ServerError, match=r"redirects to http://login.example \(302\)"):
            client.count()
        assert len(server.requests) == 4


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden"])
def test_a_missing_right_to_rest_services_is_told_from_a_form_that_may_not_be_read(
    status: str, connect: Callable[..., KoboClient]
) -> None:
    with (
        FaultyServer(response(b'{"detail":"Not found."}', status=status)) as server,
        connect(server.url) as client,
        pytest.raises(NotPermittedError, match=r"^not permitted: ask the form's owner"),
    ):
        client.hooks()


@pytest.mark.parametrize("call", ["create_hook", "delete_hook"])
def test_requests_that_must_not_be_repeated_are_sent_once(
    call: str, connect: Callable[..., KoboClient]
) -> None:
    with FaultyServer([]) as server, connect(server.url) as client:
        with pytest.raises(ServerError):
            getattr(client, call)({} if call == "create_hook" else "h1")
        assert len(server.requests) == 1


def test_at_most_250_are_asked_for_at_once(connect: Callable[..., KoboClient]) -> None:
    with connect("http://127.0.0.1:1") as client, pytest.raises(ValueError, match="at most 250"):
        client.by_ids(range(1, 252))
