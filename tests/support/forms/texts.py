"""Texts: labels and hints in several scripts, chosen by a number, with holes as real forms have them."""

from __future__ import annotations

from tests.support.forms.tree import LANGUAGES

_WORDS = {
    None: ("Name", "Age of the child", "Where?", "**Bold** ${name}", "<b>Markup</b>", "Name"),
    LANGUAGES[0]: ("Full name", "Age in years", "Household", "Water source", "Consent & signature", "—"),
    LANGUAGES[1]: ("Nom complet", "Âge en années", "Ménage", "Point d'eau", "À côté", "Élevage"),
    LANGUAGES[2]: ("الاسم الكامل", "العمر بالسنوات", "الأسرة", "مصدر المياه", "الموافقة", "ملاحظة"),
    LANGUAGES[3]: ("ሙሉ ስም", "ዕድሜ በዓመት", "ቤተሰብ", "የውሃ ምንጭ", "ፈቃድ", "🌱 ማስታወሻ"),
}
_HOLES = (None, "")


def text(number: int, language: str | None) -> str | None:
    """A label: none where the number is 0 or the language has a hole, which is None or an empty text."""
    if number == 0:
        return None
    at = LANGUAGES.index(language) + 1 if language in LANGUAGES else 0
    if (number >> at) & 1 and number > 8:
        return _HOLES[number % 2]
    words = _WORDS.get(language, _WORDS[None])
    return words[(number + at) % len(words)]


MOST = 63
"""The highest number that :func:`text` tells apart from others."""
