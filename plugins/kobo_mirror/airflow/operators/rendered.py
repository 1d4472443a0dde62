"""Parameters as Jinja leaves them: an empty Param becomes ``"None"``, a number or list becomes its text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from kobo_mirror.config.settings import ASSET_ID
from kobo_mirror.errors import ConfigurationError


def text_of(rendered: object) -> str | None:
    """Return the text of a parameter, or None where its Param is empty.

    :param rendered: the value of the operator's attribute.
    """
    return None if rendered in (None, "", "None") else str(rendered)


def number_of(name: str, rendered: int | str | None, *, lowest: int = 1) -> int | None:
    """Return the whole number of a parameter, or None where its Param is empty.

    :param name: of the parameter.
    :param rendered: the value of the operator's attribute.
    :param lowest: the lowest number that the parameter takes.
    :raises ConfigurationError: it is another value.
    """
    text = text_of(rendered)
    if text is None:
        return None
    if not _is_number(text) or int(text) < lowest:
        raise ConfigurationError(f"{name} must be a whole number, {lowest} or more, or be left empty.")
    return int(text)


def numbers_of(name: str, rendered: Sequence[int] | str | None) -> list[int]:
    """Return the whole numbers of a parameter; an empty Param is no numbers.

    :param name: of the parameter.
    :param rendered: a list, or its text, such as ``"[412901, 412907]"``.
    :raises ConfigurationError: it is another value.
    """
    numbers: Any
    try:
        numbers = json.loads(text_of(rendered) or "[]") if isinstance(rendered, str | None) else rendered
    except ValueError:
        numbers = None
    is_list = isinstance(numbers, Sequence) and not isinstance(numbers, str)
    if not is_list or not all(_is_number(str(number)) for number in numbers):
        raise ConfigurationError(
            f"{name} must be a list of whole numbers, such as [412901, 412907], or be left empty."
        )
    return [int(number) for number in numbers]


def texts_of(
    name: str, rendered: Sequence[str] | str | None, of: str = "tables or uids of forms"
) -> list[str]:
    """Return the texts of a parameter; an empty Param is none.

    :param name: of the parameter.
    :param rendered: a list, or its JSON, such as ``["households", "visits"]``.
    :param of: what the texts are, for a person.
    :raises ConfigurationError: it is another value.
    """
    texts: Any
    try:
        given = text_of(rendered) if isinstance(rendered, str | None) else rendered
        texts = json.loads(given or "null") if isinstance(given, str | None) else given
    except ValueError:
        texts = ()
        is_list = False
    else:
        is_list = texts is None or (isinstance(texts, Sequence) and not isinstance(texts, str))
    if not is_list or not all(isinstance(text, str) and text.strip() for text in texts or ()):
        raise ConfigurationError(f"{name} must be a list of {of}, or be left empty.")
    return [text.strip() for text in texts or ()]


def uids_of(name: str, rendered: Sequence[str] | str | None) -> list[str]:
    """Return the uids of a parameter; an empty Param is none.

    :param name: of the parameter.
    :param rendered: as for :func:`texts_of`.
    :raises ConfigurationError: it is another value.
    """
    what = "uids of forms"
    uids = texts_of(name, rendered, what)
    if not all(ASSET_ID.fullmatch(uid) for uid in uids):
        raise ConfigurationError(f"{name} must be a list of {what}, or be left empty.")
    return uids


def flag_of(name: str, rendered: bool | str) -> bool:
    """Return True if a parameter is true.

    :param name: of the parameter.
    :param rendered: True or False, or their text; an empty Param is False.
    :raises ConfigurationError: it is another value.
    """
    flag = {"true": True, "false": False}.get((text_of(rendered) or "False").lower())
    if flag is None:
        raise ConfigurationError(f"{name} must be True or False.")
    return flag


def _is_number(text: str) -> bool:
    """Return True for a whole number, not negative, that a column of 64 bits can hold."""
    from kobo_mirror.submissions.document import HIGHEST_ID

    return text.isdecimal() and len(text) <= len(str(HIGHEST_ID)) and int(text) <= HIGHEST_ID
