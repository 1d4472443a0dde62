"""Which form is mirrored: said here once, whatever else is written works with any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kobo_mirror.forms.form import Form, Mirror
from kobo_mirror.forms.kobo_records import KOBO_RECORDS

if TYPE_CHECKING:
    from kobo_mirror.config import Settings

FORM: Form = KOBO_RECORDS


def mirror_of(settings: Settings) -> Mirror:
    """The mirror that the settings name: this form table, of that form on that server."""
    return Mirror(FORM, settings.kobo_url, settings.kobo_asset_id)
