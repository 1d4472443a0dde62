"""Drawn: forms with their documents, for properties of what documents become."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.submissions.row_set import RowSet
from kobo_mirror.submissions.shaper import Shaper
from tests.support.forms.histories import Deployed, histories
from tests.support.forms.oddities import odd_submissions
from tests.support.forms.submissions import submissions

ASSET = "aAsset"


class Drawn(NamedTuple):
    """A form and a document of it.

    :param made_with: the version that it was filled in with, before it became odd.
    """

    versions: Sequence[Deployed]
    schema: FormSchema
    document: dict[str, Any]
    made_with: Deployed

    @property
    def row_set(self) -> RowSet:
        """What the document becomes."""
        return Shaper(self.schema).shape(self.document)


def schema_of(versions: Sequence[Deployed]) -> FormSchema:
    """The schema of a form after some of its versions."""
    return derive(ASSET, "f", [read_version(version.uid, version.content) for version in versions])


@st.composite
def drawn(draw: st.DrawFn, *, is_odd: bool = True, versions: int = 3) -> Drawn:
    """A form and a document.

    :param is_odd: the document has things that no form explains; else it is as a server shows it.
    :param versions: of the form, at most.
    """
    found = draw(histories(versions=versions, most=8))
    made_with = draw(st.sampled_from(found))
    documents = odd_submissions(found) if is_odd else submissions(made_with)
    return Drawn(found, schema_of(found), draw(documents), made_with)
