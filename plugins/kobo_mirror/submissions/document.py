"""A submission as a document: parsing it, its identity, edit token, validation and digest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from kobo_mirror import tolerant_json
from kobo_mirror.errors import SubmissionError
from kobo_mirror.submissions.hashing import hash16
from kobo_mirror.submissions.refusals import RefusalReason

HIGHEST_ID = 2**63 - 1
"""The highest ``_id`` that a submission can have; no id of ours is higher either."""

_TOKEN_LENGTH = 80
_MAX_DEPTH = 100  # of nesting: only a repeat within a repeat adds a level; groups are part of paths

# Keys that may change without an edit (kobo-api.md §2, §7, §10).
_VOLATILE = (
    "_geolocation",
    "_xform_id_string",
    "_supplementalDetails",
    "_tags",
    "_notes",
    "_validation_status",
)
_NUL = b"\0"
_PERHAPS_NOT_STORABLE = re.compile(rb"\\u(?:0000|[dD])")  # the halves of a character are \ud800 to \udfff
_FIELDS_OF_A_VALIDATION = {"uid", "by_whom", "timestamp", "label", "color"}
_decode = msgspec.json.Decoder().decode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


class GarbledSubmission(dict[str, Any]):
    """A submission with bytes that are no UTF-8: it may have been damaged on its way."""


def parse(raw: bytes | memoryview) -> dict[str, Any]:
    """Return the submission in a text: one JSON object with an integer ``_id``.

    Values that are no JSON (NaN, bytes that are no UTF-8 …) become a :class:`tolerant_json.OddValue`, and
    lone surrogates are kept: only the form's columns decide whether they matter.

    :param raw: JSON in UTF-8.
    :raises SubmissionError: it is no submission; the message says why, without its content.
    """
    try:
        data = _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        data = _parse_slowly(bytes(raw))
    if not isinstance(data, dict):
        raise SubmissionError(RefusalReason.NO_OBJECT)
    opened = bytes(raw)
    if opened.count(b"[") + opened.count(b"{") > _MAX_DEPTH and _is_too_deep(data):
        raise SubmissionError(RefusalReason.TOO_DEEP)
    kobo_id = data.get("_id")
    if type(kobo_id) is not int or not 0 < kobo_id <= HIGHEST_ID:
        raise SubmissionError(RefusalReason.NO_ID)
    return data


def _parse_slowly(raw: bytes) -> Any:
    is_utf8 = tolerant_json.is_utf8(raw)
    try:
        data = tolerant_json.loads(raw)
    except RecursionError:
        raise SubmissionError(RefusalReason.TOO_DEEP) from None
    except ValueError:
        raise SubmissionError(RefusalReason.NOT_JSON if is_utf8 else RefusalReason.NOT_UTF8) from None
    return data if is_utf8 or not isinstance(data, dict) else GarbledSubmission(data)


def first_levels(raw: bytes | memoryview) -> dict[str, Any]:
    """Return what can be read of a submission that is nested too deeply, empty if it is no submission.

    :param raw: JSON in UTF-8.
    """
    try:
        data = tolerant_json.loads(tolerant_json.cut(bytes(raw), _MAX_DEPTH)[0])
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _is_too_deep(data: dict[str, Any]) -> bool:
    level: list[Any] = [data]
    for _ in range(_MAX_DEPTH):
        inside = (node.values() if isinstance(node, dict) else node for node in level)
        level = [value for values in inside for value in values if isinstance(value, dict | list)]
        if not level:
            return False
    return True


def are_texts_storable(raw: bytes) -> bool:
    """Return True if no text of a submission that was parsed has a half character or a NUL.

    :param raw: the JSON that it was parsed from; False, too, for one with other escapes that look like these.
    """
    return _NUL not in raw and not _PERHAPS_NOT_STORABLE.search(raw)


def text_of(data: dict[str, Any], key: str) -> str | None:
    """Return the value of a system field if it is a text and not empty, else None.

    :param data: a submission.
    :param key: the field's name, such as ``_uuid``.
    """
    value = data.get(key)
    return value if isinstance(value, str) and value else None


def form_of(data: Mapping[str, Any]) -> str | None:
    """Return the name of the form that a submission says it is of (kobo-api.md §2).

    :param data: a submission.
    :returns: None if it does not say so, empty if what it says is no text.
    """
    named = data.get("_xform_id_string")
    return named if named is None or isinstance(named, str) else ""


def token(text: str | None) -> str | None:
    """Return a uuid or uid as it is stored: without ``uuid:``, ASCII, at most 80 characters.

    The server keeps ids of other schemes verbatim (kobo-api.md §2); what does not fit is replaced by its
    SHA-256, so that equal ids stay equal.

    :param text: as the submission has it.
    """
    if text is None:
        return None
    bare = text.removeprefix("uuid:")
    if len(bare) <= _TOKEN_LENGTH and bare.isascii() and bare.isprintable():
        return bare
    return f"sha256:{hashlib.sha256(bare.encode('utf-8', 'surrogatepass')).hexdigest()}"


def validation(data: dict[str, Any]) -> tuple[str | None, int | None]:
    """Return uid and time (epoch seconds) of the validation.

    Absent, null and ``{}`` are all None (kobo-api.md §2).

    :param data: a submission.
    """
    status = data.get("_validation_status")
    if not isinstance(status, dict):
        return None, None
    return token(text_of(status, "uid")), stamp_of(status.get("timestamp"))


def is_usual_validation(status: Any) -> bool:
    """Return True for an object with no other fields than a validation has (kobo-api.md §2).

    :param status: the value of ``_validation_status``.
    """
    return isinstance(status, dict) and status.keys() <= _FIELDS_OF_A_VALIDATION


def stamp_of(value: Any) -> int | None:
    """Return a value as epoch seconds, None if it is no whole number of 64 bits.

    :param value: any JSON.
    """
    return value if type(value) is int and -HIGHEST_ID <= value <= HIGHEST_ID else None


def digest(data: dict[str, Any], key: bytes, *, as_version_0_1: bool = False) -> bytes:
    """Return 16 bytes that differ if anything of a submission differs but what changes without an edit.

    :param data: a submission.
    :param key: the form's, so that they also differ under another declaration.
    :param as_version_0_1: for a declared table alone. The question that the server names for a file counts,
        though a new version of the form may change it without an edit (kobo-api.md §7), and a validation of
        another shape than usual does not, since no column has it.
    """
    kept = data.copy()
    for volatile in _VOLATILE:
        kept.pop(volatile, None)
    if attachments := kept.get("_attachments"):
        kept["_attachments"] = (
            [_without_addresses(item, with_question=as_version_0_1) for item in attachments]
            if isinstance(attachments, list)
            else attachments
        )
    status = data.get("_validation_status")
    is_usual = as_version_0_1 or not status or is_usual_validation(status)
    kept["_validation_status"] = validation(data) if is_usual else status
    try:
        canonical = _encode_sorted(kept)
    except (UnicodeEncodeError, TypeError):  # half a character, an odd value
        canonical = tolerant_json.dumps(kept)
    return hash16(canonical, key)


def _without_addresses(attachment: Any, *, with_question: bool) -> Any:
    if not isinstance(attachment, dict):
        return attachment
    dropped = ("filename",) if with_question else ("filename", "question_xpath")
    return {key: value for key, value in attachment.items() if not key.endswith("url") and key not in dropped}
