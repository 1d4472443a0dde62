"""Read a submission without ``_geolocation``, which the server cannot send where it is no number.

``fields`` names the keys to be sent (kobo-api.md §1.1), so all of them must be known first. The submission's
XML tells them; its ``meta/instanceID`` shows that both answers are of the same edit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from kobo_mirror.errors import CredentialsError, RequestError, ServerError
from kobo_mirror.kobo.pages import Page
from kobo_mirror.kobo.xml_keys import Keys

_INSTANCE_ID, _UUID, _STATUS = "meta/instanceID", "_uuid", "_validation_status"
_IN_EACH_PART = (_INSTANCE_ID, _UUID, _STATUS)
_OF_THE_SERVER = (  # kobo-api.md §2; all but _geolocation
    "_id",
    "_attachments",
    "_bamboo_dataset_id",
    "_notes",
    "_status",
    "_submission_time",
    "_submitted_by",
    "_supplementalDetails",
    "_tags",
    "_xform_id_string",
    "formhub/uuid",
    "meta/deprecatedID",
    "meta/rootUuid",
    "__version__",
)
_POINT = "_geolocation"
_LONGEST = 6000  # characters of an address for ``fields``, of the 16 KB that it may have (kobo-api.md §1.2)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_without_point(
    kobo_id: int, read_keys: Callable[[int], Keys], read_fields: Callable[[int, str], Page]
) -> Page | None:
    """Return a page of one submission, whole but for ``_geolocation``.

    :param kobo_id: the submission's ``_id``.
    :param read_keys: asks for its XML.
    :param read_fields: asks for those of its keys that a JSON list names.
    :returns: None if the server does not send it so either, or it was edited meanwhile.
    """
    try:
        keys = read_keys(kobo_id)
        parts = [read_fields(kobo_id, fields) for fields in _lists_of(keys)]
    except (ServerError, RequestError, CredentialsError):  # another request tells what is at fault
        return None
    if any(part.ids != [kobo_id] for part in parts):
        return None
    try:
        rows = [_object.decode(part.rows[0]) for part in parts]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not all(_is_of(row, keys, rows[0]) for row in rows):
        return None
    whole = parts[0].rows[0] if len(parts) == 1 else _joined(rows)
    size, wire = sum(part.size for part in parts), sum(part.wire for part in parts)
    return Page([whole], [kobo_id], 1, size, wire)


def _is_of(row: Mapping[str, msgspec.Raw], keys: Keys, first: Mapping[str, msgspec.Raw]) -> bool:
    """Return True if a part is of the edit whose keys are known, and of the same state as the first part."""
    given = _value(row.get(_INSTANCE_ID))
    return given == keys.instance_id and all(
        _value(row.get(key)) == _value(first.get(key)) for key in (_UUID, _STATUS)
    )


def _value(raw: msgspec.Raw | None) -> Any:
    return None if raw is None else msgspec.json.decode(raw)


def _joined(rows: list[dict[str, msgspec.Raw]]) -> msgspec.Raw:
    whole = {key: value for row in rows for key, value in row.items()}
    return msgspec.Raw(msgspec.json.encode(whole))


def _lists_of(keys: Keys) -> Iterator[str]:
    """Yield JSON lists of all keys, each short enough for an address."""
    some, length = list(_IN_EACH_PART), 0
    for key in sorted({*keys.paths, *_OF_THE_SERVER} - {_POINT, *_IN_EACH_PART}):
        needed = len(quote(key, safe="")) + len("%22%22,")
        if length + needed > _LONGEST:
            yield msgspec.json.encode(some).decode()
            some, length = list(_IN_EACH_PART), 0
        some.append(key)
        length += needed
    yield msgspec.json.encode(some).decode()
