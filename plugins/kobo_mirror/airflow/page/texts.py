"""What the page says, in each of its languages: one file of texts for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from fastapi import Request

from kobo_mirror.store.lights import SENTENCES

COOKIE = "kobo_mirror_language"

_FINDINGS = {f"finding_{key}": sentence for key, sentence in SENTENCES.items()}

TEXTS: Mapping[str, Mapping[str, str]] = {
    file.stem: _FINDINGS | json.loads(file.read_text("utf-8"))
    for file in sorted((Path(__file__).parent / "languages").glob("*.json"))
}


def language_of(request: Request) -> str:
    """The language that was switched to, else the first of the browser's that the page speaks."""
    for chosen in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if chosen and chosen in TEXTS:
            return chosen
    for wished in request.headers.get("accept-language", "").split(","):
        language = wished.strip()[:2].lower()
        if language in TEXTS:
            return language
    return "en"


def texts_in(language: str) -> Mapping[str, str]:
    """Every text of the page."""
    return TEXTS[language]
