"""Broken responses: the client asks again, then raises a server error that holds no answer."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from kobo_mirror.errors import ServerError
from kobo_mirror.kobo.form import KoboClient
from tests.support.broken_responses import ANSWER_OF_A_PERSON, BROKEN, PAGE
from tests.support.faulty_server import FAKE_TOKEN, FaultyServer, response


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_response_is_asked_for_again_then_a_server_error(
    fault: str, connect: Callable[..., KoboClient], waits: list[float]
) -> None:
    with FaultyServer(BROKEN[fault]) as server, connect(server.url) as client:
        with pytest.raises(ServerError):
            client.page(after=5, upto=100, limit=10)
        # After two 500 the server is asked whether it fails for one of these submissions alone.
        pages = [request for request in server.requests if "fields" not in request]
        assert len(pages) == (5 if fault == "500" else 3)
        assert len(waits) == (3 if fault == "500" else 2)


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_response_followed_by_a_whole_one_is_no_error(
    fault: str, connect: Callable[..., KoboClient]
) -> None:
    with FaultyServer(BROKEN[fault], response(PAGE)) as server, connect(server.url) as client:
        assert client.page(after=5, upto=100, limit=10).ids == [7]
        assert client.usage.requests == 2


@pytest.mark.parametrize("fault", BROKEN)
def test_neither_the_token_nor_an_answer_is_in_a_log_or_an_error(
    fault: str, connect: Callable[..., KoboClient], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with FaultyServer(BROKEN[fault], response(PAGE)) as server, connect(server.url) as client:
        page = client.page(after=5, upto=100, limit=10)
        told = [caplog.text, repr(client), repr(page), repr(client.usage)]
    assert "Asking again" in caplog.text
    assert not [text for text in told if FAKE_TOKEN in text or ANSWER_OF_A_PERSON in text]


def test_an_error_and_its_causes_hold_no_answer(connect: Callable[..., KoboClient]) -> None:
    half = response(b'{"count": 1, "results": [{"_id": 7, "name": "' + ANSWER_OF_A_PERSON.encode())
    with FaultyServer(half) as server, connect(server.url) as client, pytest.raises(ServerError) as error:
        client.page(after=5, limit=10)
    cause: BaseException | None = error.value
    while cause:
        assert ANSWER_OF_A_PERSON not in str(cause)
        assert FAKE_TOKEN not in str(cause)
        cause = cause.__cause__ or cause.__context__
