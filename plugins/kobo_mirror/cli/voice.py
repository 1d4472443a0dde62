"""Voice: what is said of one form, behind its name where several are mirrored; and exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kobo_mirror.errors import ConfigurationError, CredentialsError, KoboMirrorError

FAILED, COULD_NOT_TELL = 1, 2


@dataclass(frozen=True)
class Voice:
    """Prints what is said of one form: behind its name, unless it is the only one.

    :param name: returns what the form is called.
    :param facts: by which it is told apart in JSON.
    """

    name: Callable[[], str] | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Print a text.

        :param text: of one line or several.
        """
        print(self._named(text), flush=self.name is not None)

    def tell(self, facts: Mapping[str, Any]) -> None:
        """Print facts as one line of JSON.

        :param facts: ready for JSON.
        """
        first = {"table": self.name(), **self.facts} if self.name else {}
        print(json.dumps({**first, **facts}), flush=self.name is not None)

    def complain(self, error: KoboMirrorError | str) -> None:
        """Print an error.

        :param error: or its sentence.
        """
        print(f"error: {self._named(str(error))}", file=sys.stderr, flush=True)

    def _named(self, text: str) -> str:
        if self.name is None:
            return text
        name = self.name()
        return "\n".join(f"{name}: {line}" for line in text.split("\n"))


def code_of(error: KoboMirrorError, failed: int) -> int:
    """Return the exit code that an error stands for.

    :param error: what stopped the work.
    :param failed: that of a failure.
    """
    return COULD_NOT_TELL if isinstance(error, ConfigurationError | CredentialsError) else failed
