"""Files: the attachments of a submission, and which answer each belongs to.

The server tells the question by the file's name, and is wrong where two have the same (kobo-api.md §7); so
the answers decide here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from kobo_mirror.submissions.answers import storable

if TYPE_CHECKING:
    from kobo_mirror.submissions.row_set import Row
    from kobo_mirror.submissions.targets import Target

_SUFFIX = re.compile(r"_[A-Za-z0-9]{7}(?=\.[^.]*$|$)")  # what Django's storage adds to a name that is taken


class FileRow(NamedTuple):
    """A row of the table of files.

    :param pos: the positions of the row whose answer names it, joined by ``-``; empty for the root.
    :param matched: ``exact``, ``guess``, ``several`` or ``none``.
    :param question_xpath: as the server last said; it is in no digest.
    """

    uid: str
    table_name: str | None
    pos: str | None
    column_name: str | None
    file_name: str | None
    mime_type: str | None
    is_deleted: bool
    matched: str
    question_xpath: str | None


def match_files(
    attachments: Any, media: Iterable[tuple[Row, Target, str]]
) -> tuple[list[FileRow], list[Any]]:
    """Return the files of a submission, and the attachments that cannot be told apart by a uid.

    :param attachments: the value of ``_attachments``.
    :param media: the cells that name a file.
    """
    if not isinstance(attachments, list):
        return [], [] if attachments is None else [attachments]
    cells = list(media)
    found: list[FileRow] = []
    odd: list[Any] = []
    seen = set[str]()
    for item in attachments:
        uid = item.get("uid") if isinstance(item, dict) else None
        if not isinstance(uid, str) or not uid or uid in seen or not _is_usual(item):
            odd.append(item)
            continue
        seen.add(uid)
        found.append(_row(uid, item, cells))
    return found, odd


def _is_usual(item: dict[str, Any]) -> bool:
    texts = (item.get(key) for key in ("uid", "media_file_basename", "mimetype", "question_xpath"))
    return all(text is None or (isinstance(text, str) and storable(text)) for text in texts) and isinstance(
        item.get("is_deleted", False), bool
    )


def _row(uid: str, item: dict[str, Any], cells: list[tuple[Row, Target, str]]) -> FileRow:
    name = item.get("media_file_basename")
    matched, place = _place(name, cells)
    table, pos, column = (place[1].table, place[0].pos, place[1].column) if place else (None, None, None)
    is_deleted = item.get("is_deleted", False)
    return FileRow(
        uid, table, pos, column, name, item.get("mimetype"), is_deleted, matched, item.get("question_xpath")
    )


def _place(
    name: str | None, cells: list[tuple[Row, Target, str]]
) -> tuple[str, tuple[Row, Target, str] | None]:
    """The cell that names a file, and how sure that is."""
    if name is None:
        return "none", None
    same = [cell for cell in cells if cell[2] == name]
    if not same:
        alike = [cell for cell in cells if _stored(cell[2]) == _stored(name)]
        return ("guess", alike[0]) if len(alike) == 1 else ("several" if alike else "none", None)
    return ("exact", same[0]) if len(same) == 1 else ("several", None)


def _stored(name: str) -> str:
    """A name as the server's storage may have changed it."""
    kept = re.sub(r"[^-\w.]", "", name.strip().replace(" ", "_"))
    return _SUFFIX.sub("", kept)
