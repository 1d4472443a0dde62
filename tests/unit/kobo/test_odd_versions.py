"""Answers about versions that are not as usual: of older servers, of other forms, of nothing at all."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from kobo_mirror.errors import DefinitionError, KoboMirrorError, ServerError
from kobo_mirror.kobo.form import KoboClient
from kobo_mirror.kobo.versions import Source, list_versions, new_contents, parse_content
from tests.support.faulty_server import FaultyServer, response

Connect = Callable[..., KoboClient]
CONTENT: dict[str, Any] = {"survey": [{"type": "text", "name": "a"}]}
ABSENT = "absent"  # a name, not an object: two workers must give a test the same name


def version(uid: Any = "v1", **changes: Any) -> dict[str, Any]:
    """A version as a list shows it, on the form that ``connect`` gives."""
    usual = {
        "uid": uid,
        "url": f"https://kobo.example.org/api/v2/assets/aForm/versions/{uid}/",
        "content_hash": "9" * 40,
        "date_deployed": "2026-11-28T17:31:34.260438Z",
        "date_modified": "2026-11-28T17:31:34.260438Z",
        "version_number": "1",
    }
    return {key: value for key, value in (usual | changes).items() if value is not ABSENT}


def page(*versions: Any, **changes: Any) -> bytes:
    listing = {"count": len(versions), "next": None, "previous": None, "results": versions}
    return as_json(listing | changes)


def asset(**changes: Any) -> bytes:
    usual = {
        "uid": "aForm",
        "version_id": "v2",
        "deployed_version_id": "v2",
        "date_deployed": "2026-11-28T17:31:34.262887Z",
        "version__content_hash": "9" * 40,
        "content": CONTENT,
    }
    return as_json({key: value for key, value in (usual | changes).items() if value is not ABSENT})


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def served(*bodies: bytes) -> FaultyServer:
    """A server that answers with one after the other, the last one for ever."""
    return FaultyServer(*(response(body) for body in bodies))


def read(connect: Connect, *bodies: bytes) -> list[bytes]:
    """The contents of all versions."""
    with served(*bodies) as server, connect(server.url) as client:
        return [new.content for new in new_contents(client, list_versions(client), ())]


OLDER: dict[str, dict[str, Any]] = {
    "no numbers and no hashes": {"content_hash": ABSENT, "version_number": ABSENT},
    "dates as Python writes them": {"date_modified": "2019-03-01 10:00:00.123456+00:00"},
    "no addresses": {"url": ABSENT},
    "addresses of the first API": {"url": "https://kobo.example.org/assets/aForm/versions/v1/"},
    "more than was known": {"state": {"deep": [1]}, "url": "versions/v1"},
}


@pytest.mark.parametrize("changes", OLDER.values(), ids=OLDER)
def test_what_older_servers_leave_out(connect: Connect, changes: dict[str, Any]) -> None:
    listed = page(version(**changes), version("vDraft", date_deployed=False, **changes))
    [content] = read(connect, listed, as_json(version(**changes) | {"content": CONTENT}))
    assert json.loads(content) == CONTENT


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2019-03-01T10:00:00Z", datetime(2019, 3, 1, 10)),  # noqa: DTZ001
        ("2019-03-01T10:00:00", datetime(2019, 3, 1, 10)),  # noqa: DTZ001
        ("2019-03-01 12:30:00.5+02:30", datetime(2019, 3, 1, 10, 0, 0, 500_000)),  # noqa: DTZ001
        (True, None),
    ],
)
def test_dates_are_utc(connect: Connect, given: Any, expected: datetime | None) -> None:
    with served(page(version(date_deployed=given))) as server, connect(server.url) as client:
        [found] = list_versions(client).versions
    assert found.deployed_at == expected


def test_equal_dates_are_ordered_by_uid(connect: Connect) -> None:
    listed = page(version("vB"), version("vC", date_deployed="2020-01-01T00:00:00Z"), version("vA"))
    with served(listed) as server, connect(server.url) as client:
        assert [found.uid for found in list_versions(client).versions] == ["vC", "vA", "vB"]


NO_LIST: dict[str, bytes] = {
    "drafts alone": page(version(date_deployed=False), version("v2", date_deployed=None)),
    "drafts not told apart": page(version(date_deployed=ABSENT), version("v2")),
    "no version": page(),
}


@pytest.mark.parametrize("listed", NO_LIST.values(), ids=NO_LIST)
@pytest.mark.parametrize("at", ["2026-11-28T17:31:34.262887Z", None, ABSENT, 7, "yesterday"], ids=repr)
def test_a_list_that_does_not_help_is_replaced_by_what_the_form_shows(
    connect: Connect, listed: bytes, at: Any
) -> None:
    shown = asset(date_deployed=at, version__content_hash=ABSENT)
    with served(listed, shown) as server, connect(server.url) as client:
        found = list_versions(client)
        [content] = new_contents(client, found, ())
    assert (found.source, [one.uid for one in found.versions]) == (Source.ASSET, ["v2"])
    assert (found.versions[0].deployed_at is None) == (at != "2026-11-28T17:31:34.262887Z")
    assert json.loads(content.content) == CONTENT


@pytest.mark.parametrize("status", ["405 Method Not Allowed", "410 Gone", "400 Bad Request"])
def test_a_server_without_that_address(connect: Connect, status: str) -> None:
    refusal = response(b'{"detail":"no"}', status=status)
    with FaultyServer(refusal, response(asset())) as server, connect(server.url) as client:
        assert list_versions(client).source is Source.ASSET


def test_a_filter_before_the_list_alone(connect: Connect) -> None:
    refusal = response(b"<html>blocked by the filter</html>", status="403 Forbidden")
    with FaultyServer(*[refusal] * 3, response(asset())) as server, connect(server.url) as client:
        assert list_versions(client).source is Source.ASSET


WRONG: dict[str, tuple[list[bytes], str]] = {
    "no JSON": ([b"<html>"], "something else than the JSON"),
    "submissions": ([page({"_id": 7, "_uuid": "u"})], "something else than the JSON"),
    "an object": ([b"{}"], "something else than the JSON"),
    "an odd uid among others": ([page(version(), version(uid=7))], "something else than the JSON"),
    "an odd date among others": (
        [page(version(), version("v2", date_deployed="yesterday"))],
        "something else than the JSON",
    ),
    "a list of another form": (
        [page(version(url="https://kobo.example.org/api/v2/assets/aOther/versions/v1/"))],
        "a version of another form than 'aForm'",
    ),
    "fewer than counted": ([page(version(), count=3), page(count=3)], r"counts 3 versions .* lists 0"),
    "more than counted": ([page(version(), version("v2"), count=1)], r"counts 1 versions .* lists 2"),
    "the first page for ever": ([page(version(), count=3)], r"counts 3 versions .* lists 3"),
    "no JSON as content": ([page(version()), b"<html>"], "something else than the JSON"),
    "a list as content": ([page(version()), b"[]"], "something else than the JSON"),
    "an answer without content": ([page(version()), as_json(version())], "something else than the JSON"),
    "a content that is broken": (
        [page(version()), as_json(version())[:-1] + b', "content": {"survey": [{]}}'],
        "something else than the JSON",
    ),
    "a content without end": (
        [page(version()), as_json(version())[:-1] + b', "content": ' + b"[" * 5000 + b"]" * 5000 + b"}"],
        "shows no questions",
    ),
    "another version": (
        [page(version()), as_json(version("v2") | {"content": CONTENT})],
        "another version than v1",
    ),
    "another form's version": (
        [page(version()), as_json(version(url="x/assets/aOther/versions/v1/") | {"content": CONTENT})],
        "a version of another form than 'aForm'",
    ),
    "another form": ([page(), asset(uid="aOther")], "another form than 'aForm'"),
    "a form without versions": ([page(), asset(version_id=ABSENT)], "something else than the JSON"),
    "a form without content": ([page(), asset(content=ABSENT)], "something else than the JSON"),
}


@pytest.mark.parametrize(("bodies", "said"), WRONG.values(), ids=WRONG)
def test_what_is_not_the_answer_is_one_error(connect: Connect, bodies: list[bytes], said: str) -> None:
    with pytest.raises(KoboMirrorError, match=said):
        read(connect, *bodies)


NO_QUESTIONS = [
    None,
    [],
    {},
    "x",
    7,
    {"survey": None},
    {"survey": []},
    {"survey": {}},
    {"survey": ["x", None]},
]


@pytest.mark.parametrize("content", NO_QUESTIONS, ids=repr)
def test_a_content_without_questions_is_asked_for_once(connect: Connect, content: Any) -> None:
    with served(page(version()), as_json(version() | {"content": content})) as server:
        with (
            connect(server.url) as client,
            pytest.raises(DefinitionError, match="no questions for the version v1"),
        ):
            list(new_contents(client, list_versions(client), ()))
        assert len(server.requests) == 2
    with pytest.raises(DefinitionError, match="no questions for the version v2"):
        read(connect, page(), asset(content=content))


@pytest.mark.parametrize(
    "odd",
    [b"NaN", b"-Infinity", b"9" * 5000, b'"\xff"', b'"\\ud83d"', b'"a\nb"'],
    ids=lambda odd: repr(odd[:9]),
)
def test_what_is_no_json_in_a_question_is_kept_as_it_was_sent(connect: Connect, odd: bytes) -> None:
    sent = b'{"survey": [{"type": "text", "name": "a", "default": ' + odd + b"}]}"
    detail = as_json(version() | {"content": "@"}).replace(b'"@"', sent)
    [content] = read(connect, page(version()), detail)
    assert content == sent
    assert parse_content(content)["survey"][0]["name"] == "a"


def test_an_answer_that_was_wrong_once_is_asked_for_again(connect: Connect) -> None:
    right = as_json(version() | {"content": CONTENT})
    other = as_json(version("v2") | {"content": CONTENT})
    [content] = read(connect, b"<html>", page(version()), other, right)
    assert json.loads(content) == CONTENT


def test_a_list_is_read_again_three_times_at_most(connect: Connect) -> None:
    with served(page(version(), count=2), page(count=2)) as server, connect(server.url) as client:
        with pytest.raises(ServerError, match="they change while they are read"):
            list_versions(client)
        assert len(server.requests) == 4


@pytest.mark.parametrize("content", [b"[]", b"7", b"null", b"{", b"", b"[" * 5000 + b"]" * 5000])
def test_what_is_no_object_is_no_content(content: bytes) -> None:
    gc.collect()  # what earlier tests left cannot be finalised in the depth of a recursion
    with pytest.raises(ValueError, match=r"no object|nested too deeply|Expecting"):
        parse_content(content)
