"""Bound the deliveries that a process takes at once, and those of each form among them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import falcon

from webhook.middleware import RETRY_AFTER


class Admitted(NamedTuple):
    """Deliveries that are under way, or may be.

    :param deliveries: how many.
    :param size: how many bytes all their bodies have together.
    """

    deliveries: int
    size: int

    def exceeds(self, most: Admitted) -> bool:
        """Return True if these are more than may be under way.

        :param most: how many may be.
        """
        return self.deliveries > most.deliveries or self.size > most.size


_NONE = Admitted(0, 0)


class AdmissionLimit:
    """Bounds the deliveries that a process takes at once; one that comes when it is full gets a 503 at once.

    Those of one form are bounded, too: while its tables are locked they wait, and must not take the room of
    others.

    :param in_all: what may be under way of all forms together.
    :param of_a_form: what may be under way of one form.
    """

    def __init__(self, in_all: Admitted, of_a_form: Admitted) -> None:
        self._in_all, self._of_a_form = in_all, of_a_form
        self._lock = threading.Lock()
        self._all = _NONE
        self._forms: dict[str, Admitted] = {}

    @contextmanager
    def admit(self, size: int, form: str = "") -> Iterator[None]:
        """Count one delivery as under way while the block runs.

        :param size: the bytes of its body.
        :param form: of which form it is; any text that is the same for all deliveries of the form.
        :returns: a context.
        :raises falcon.HTTPServiceUnavailable: the process is full, or has enough of the form.
        """
        with self._lock:
            in_all, of_form = _more(self._all, size), _more(self._forms.get(form, _NONE), size)
            if in_all.exceeds(self._in_all) or of_form.exceeds(self._of_a_form):
                raise falcon.HTTPServiceUnavailable(
                    description="Too many deliveries at once. Send it again later.", retry_after=RETRY_AFTER
                )
            self._all, self._forms[form] = in_all, of_form
        try:
            yield
        finally:
            with self._lock:
                self._all = _less(self._all, size)
                left = _less(self._forms.pop(form), size)
                if left.deliveries:
                    self._forms[form] = left


def _more(admitted: Admitted, size: int) -> Admitted:
    return Admitted(admitted.deliveries + 1, admitted.size + size)


def _less(admitted: Admitted, size: int) -> Admitted:
    return Admitted(admitted.deliveries - 1, admitted.size - size)
