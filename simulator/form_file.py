"""What a form is at first: the survey, or what a file of ``--form`` says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator import survey
from simulator.contents import Content, uid
from simulator.options import Options
from simulator.questions import read

_HIGHEST_ID = 2**40 - 1
_SURVEY_NAME = "Client data (simulated)"


class FormFileError(Exception):
    """A file of ``--form`` cannot be served; the sentence says which, why and what it should hold."""


@dataclass(frozen=True, kw_only=True)
class FormSetup:
    """A form at first.

    :param formhub_uuid: the value of ``formhub/uuid``.
    :param contents: the definitions of its versions, all deployed, oldest first.
    :param rows: how many submissions to generate.
    :param submissions: further ones, by key as the API shows them; what they do not say is filled in.
    :param answers: what the generated ones answer, in turn; empty: each is drawn.
    :param survey: its submissions are the survey's, which are generated faster than drawn ones.
    """

    uid: str
    name: str
    formhub_uuid: str
    contents: tuple[Content, ...]
    rows: int
    submissions: tuple[Mapping[str, Any], ...] = ()
    answers: tuple[Mapping[str, Any], ...] = ()
    survey: bool = False


def survey_setup(options: Options) -> FormSetup:
    """Return the survey.

    :param options: what the server is started with.
    """
    return FormSetup(
        uid=options.asset,
        name=_SURVEY_NAME,
        formhub_uuid=survey.FORMHUB_UUID,
        contents=(survey.content(media=options.media),),
        rows=options.rows,
        survey=True,
    )


def read_forms(options: Options) -> list[FormSetup]:
    """Read the files of ``--form``, after the survey where it is to be served, too.

    :param options: their names, and how many submissions a form has whose file does not say it.
    :raises FormFileError: one cannot be served, or two have a uid or an ``_id`` in common.
    """
    setups = [survey_setup(options)] if options.survey else []
    setups += [_read(name, options.rows) for name in options.form]
    _require_different((setup.uid for setup in setups), "two forms have the uid {}; give each its own")
    ids = (one["_id"] for setup in setups for one in setup.submissions if "_id" in one)
    _require_different(ids, "two submissions have the _id {}; ids are unique on a server")
    return setups


def _read(name: str, rows: int) -> FormSetup:
    try:
        given = json.loads(Path(name).read_text("utf-8"))
    except OSError as problem:
        raise FormFileError(f"--form {name} cannot be read: {problem.strerror}") from None
    except ValueError as problem:
        raise FormFileError(f"--form {name} is no JSON: {problem}") from None
    if not isinstance(given, dict):
        raise FormFileError(f"--form {name} holds no object; {_SHAPE}")
    given = given if "versions" in given else {"versions": [given]}
    contents = _listed(name, given, "versions")
    if not contents or not all(map(_is_content, contents)):
        raise FormFileError(f"--form {name} has no survey; {_SHAPE}")
    title = str(given.get("name") or Path(name).stem)
    asset = str(given.get("uid") or uid("a", title))
    submissions = _listed(name, given, "submissions")
    wanted = given.get("rows", 0 if submissions else rows)
    if not _is_number(wanted, 0):
        raise FormFileError(f"--form {name} has no whole number as rows; leave it out or give one from 0")
    for one in submissions:
        if not _is_number(one.get("_id", 1), 1) or one.get("_id", 1) > _HIGHEST_ID:
            raise FormFileError(f"--form {name} has an _id that is no whole number from 1 to {_HIGHEST_ID}")
        version = one.get("__version__", 1)
        if not isinstance(version, str) and not (_is_number(version, 1) and version <= len(contents)):
            raise FormFileError(
                f"--form {name} has no version {version}, which a submission names; "
                f"give a number up to {len(contents)}, or a uid as text"
            )
    return FormSetup(
        uid=asset,
        name=title,
        formhub_uuid=uid("", asset, "form").ljust(32, "0"),
        contents=tuple(contents),
        rows=wanted,
        submissions=tuple(submissions),
        answers=tuple(_listed(name, given, "answers")),
    )


_SHAPE = (
    'it should be a content, {"survey": […], "choices": […]}, or {"name": …, "versions": [content, …]} '
    "with uid, rows, answers and submissions if you like"
)


def _listed(name: str, given: Mapping[str, Any], key: str) -> list[Any]:
    found = given.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise FormFileError(f"--form {name} has no list of objects as {key}; {_SHAPE}")
    return found


def _is_number(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_content(content: Content) -> bool:
    """Return True for a definition that can be read, with at least one row."""
    try:
        return bool(content["survey"]) and read(content) is not None
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def _require_different(values: Iterable[object], sentence: str) -> None:
    seen: set[object] = set()
    for value in values:
        if value in seen:
            raise FormFileError(sentence.format(value))
        seen.add(value)
