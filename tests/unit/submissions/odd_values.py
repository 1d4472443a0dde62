"""Values that a key of a submission may have, and the keys that the ledger keeps."""

from __future__ import annotations

from hypothesis import strategies as st

_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
_ODD_TEXT = st.text(st.characters(codec=None))
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), _NUMBERS, _ODD_TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=5,
)
"""Any JSON, and texts with half characters."""
KEPT = ["_uuid", "meta/instanceID", "meta/rootUuid", "meta/deprecatedID", "__version__", "_submission_time"]
