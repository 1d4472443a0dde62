"""The XCom keys under which our tasks leave sentences. Nothing of Airflow is imported here."""

from __future__ import annotations

NOTE = "kobo_mirror_note"
"""What a task did, for the note of its run."""
ERROR = "kobo_mirror_error"
"""Why a task failed."""
FAILURE = "kobo_mirror_failure"
"""The class of that error."""
SKIPPED = "kobo_mirror_skipped"
"""Why a task was skipped."""
