"""Why a body is no submission that can be taken: the reasons of dead letters."""

from __future__ import annotations

from enum import StrEnum


class RefusalReason(StrEnum):
    """How the reason of a dead letter begins, in English; the page tells each in its reader's language."""

    NOT_JSON = "the body is not JSON"
    NOT_UTF8 = "the body is not UTF-8"
    NO_OBJECT = "the body is JSON but no object; one submission is expected"
    TOO_DEEP = "the body is nested too deeply"
    NO_ID = "the body has no whole number _id, so it names no submission"
    OTHER_FORM = "unknown asset"
    UNKNOWN_FORM = "no form of this address is mirrored here"


def refusal_reason(sentence: str) -> RefusalReason | None:
    """Return the reason that a dead letter's sentence begins with; None: an unknown one, of another release.

    :param sentence: as it is stored; details may follow the reason.

    >>> refusal_reason("unknown asset aX3zQ")
    <RefusalReason.OTHER_FORM: 'unknown asset'>
    """
    return next((reason for reason in RefusalReason if sentence.startswith(reason)), None)
