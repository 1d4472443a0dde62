"""Facts: what the judge knows of the server's own keys, and of a table's columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kobo_mirror.forms.form_schema import Column, Table

ATTACHMENTS, VALIDATION = "_attachments", "_validation_status"
IDS = ("_uuid", "meta/instanceID", "meta/deprecatedID")
IN_NO_COLUMN = frozenset(
    {
        "_geolocation", "_status", "_xform_id_string", "formhub/uuid", "_tags", "_notes",
        "_bamboo_dataset_id", "_supplementalDetails",
    }
)  # fmt: skip
SYSTEM_KEYS = IN_NO_COLUMN | {
    "_id", "_submission_time", "_submitted_by", "__version__", "meta/rootUuid", "meta/instanceName",
    ATTACHMENTS, VALIDATION, *IDS,
}  # fmt: skip
OF_THE_SERVER: Mapping[str, tuple[str, str]] = {
    "submission_time": ("_submission_time", "datetime"),
    "submitted_by": ("_submitted_by", "text"),
    "form_version": ("__version__", "text"),
    "validation_status": (f"{VALIDATION}.uid", "text"),
    "validation_by": (f"{VALIDATION}.by_whom", "text"),
    "validation_time": (f"{VALIDATION}.timestamp", "seconds"),
    "root_uuid": ("meta/rootUuid", "uuid"),
    "instance_name": ("meta/instanceName", "text"),
}
"""The root's columns: which key each is of, and how that is read."""
_OF_AN_ATTACHMENT = ("filename", "id", "instance", "xform")
_OF_A_VALIDATION = ("label", "color")


def is_of_the_server(key: str) -> bool:
    """Whether a leaf of an attachment or a validation is the server's own, and kept nowhere."""
    above, _, field = key.partition(".")
    if above == ATTACHMENTS:
        return field in _OF_AN_ATTACHMENT or field.endswith("url")
    return above == VALIDATION and field in _OF_A_VALIDATION


def is_usual_id(key: str, document: Mapping[str, Any]) -> bool:
    """Whether the ledger keeps an id as it was sent."""
    value = document.get(key)
    if not isinstance(value, str):
        return False
    bare = value[5:] if value.startswith("uuid:") else value
    if key == "meta/instanceID" and document.get("_uuid") is not None and bare != document["_uuid"]:
        return False
    return len(bare) <= 80 and all(" " <= c <= "~" for c in bare)


def value_columns(table: Table) -> Iterator[Column]:
    """The columns that hold answers and are neither copies nor empty."""
    held = (column for column in table.columns if column.facet == "value" and column.path)
    return (column for column in held if column.status.value in ("active", "removed"))
