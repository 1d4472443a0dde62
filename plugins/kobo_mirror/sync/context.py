"""Tell which form is mirrored, from the settings."""

from __future__ import annotations

from kobo_mirror.config.settings import Settings
from kobo_mirror.forms.mirror import Mirror


def form_of(settings: Settings) -> Mirror:
    """Return the form that the settings name; which tables it has is not asked.

    :param settings: the settings of this process.
    """
    return Mirror(None, settings.kobo_url, settings.kobo_asset_id)
