"""Parameters as Jinja leaves them: an empty Param becomes ``"None"``, a number or list becomes its text."""

from __future__ import annotations

import json
from collections.abc import Sequence


def text_of(rendered: object) -> str | None:
    """Return the text of a parameter, or None where its Param is empty.

    :param rendered: the value of the operator's attribute.
    """
    return None if rendered in (None, "", "None") else str(rendered)


def number_of(rendered: int | str | None) -> int | None:
    """Return the whole number of a parameter, or None where its Param is empty.

    :param rendered: the value of the operator's attribute.
    :raises ValueError: its text is no whole number.
    """
    text = text_of(rendered)
    return None if text is None else int(text)


def numbers_of(rendered: Sequence[int] | str) -> list[int]:
    """Return the whole numbers of a parameter; an empty Param is no numbers.

    :param rendered: a list, or its text, such as ``"[412901, 412907]"``.
    :raises ValueError: its text is no list of whole numbers.
    """
    numbers = json.loads(text_of(rendered) or "[]") if isinstance(rendered, str) else rendered
    return [int(number) for number in numbers]


def flag_of(rendered: bool | str) -> bool:
    """Return True if a parameter is true.

    :param rendered: True or False, or their text.
    """
    return str(rendered) == "True"
