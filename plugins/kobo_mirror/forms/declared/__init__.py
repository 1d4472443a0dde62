"""Forms whose tables are declared in code, and which of them is mirrored.

No other module names a form: everything else works with any.
"""

from __future__ import annotations

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.declared_form import Form

FORM: Form = KOBO_RECORDS
