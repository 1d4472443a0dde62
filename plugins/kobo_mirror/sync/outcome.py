"""What a sync says of itself when it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

_WORDS = (
    ("inserted", "new"),
    ("updated", "changed"),
    ("deleted", "deleted"),
    ("revived", "revived"),
    ("unchanged", "unchanged"),
    ("deferred", "asked for again"),
)


def sentence_of(counts: Mapping[str, int], rejected: int, seconds: float, last_exact: datetime | None) -> str:
    """In a sentence: what was done, what is rejected, and since when it is known to be equal.

    :param rejected: how many submissions of the form are rejected now.
    :param last_exact: when the last exact run ended (UTC); None where this one was exact.
    """
    words = [f"{counts[name]} {word}" for name, word in _WORDS if counts[name] or name == "inserted"]
    ending = f"success, with {rejected} rejected" if rejected else "success"
    how = f"fresh, last exact {last_exact:%Y-%m-%d %H:%M} UTC" if last_exact else "exact"
    return f"{ending}: {', '.join(words)} in {seconds} s ({how})"
