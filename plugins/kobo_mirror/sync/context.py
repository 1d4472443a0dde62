"""From the settings to the form that is mirrored."""

from __future__ import annotations

from kobo_mirror.config.settings import Settings
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.schema import Mirror


def mirror_of(settings: Settings) -> Mirror:
    """The mirror that the settings name: this form table, of that form on that server."""
    return Mirror(FORM, settings.kobo_url, settings.kobo_asset_id)
