"""Tell which form is mirrored, from the settings."""

from __future__ import annotations

from kobo_mirror.config.settings import Settings
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.declared_form import Mirror


def mirror_of(settings: Settings) -> Mirror:
    """Return the form that the settings name, its server and the declaration of its table.

    :param settings: the settings of this process.
    """
    return Mirror(FORM, settings.kobo_url, settings.kobo_asset_id)
