"""Names: what questions, groups, lists and choices of generated forms are called."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

_ORDINARY = (
    "age", "name", "phone", "village", "notes", "date_of_visit", "hh_size", "gps", "photo", "members",
    "visits", "hh", "sec_a", "sec_b", "First_name", "group_ab1cd23",
)  # fmt: skip
_TWINS = (
    "name", "Name", "NAME", "nàme", "na\u0300me", "status", "Status", "naïve", "naive", "a", "a_b", "A-b",
    "b",
)  # fmt: skip
_OF_THE_SYSTEM = (
    "kobo_id", "id", "extra", "pos", "pos_1", "Pos", "submission_time", "inserted_at", "updated_at",
    "instance_name", "root_uuid", "form_version", "_id", "_uuid", "_submission_time", "_attachments", "uid",
    "order", "group", "select", "end", "table_name", "xmin", "XMax", "ctid", "db_row_id", "fts_doc_id", "oid",
    "rowid",
)  # fmt: skip
_LIKE_FACETS = (
    "gps__lat", "gps__lon", "gps__lát", "start__offset", "age__text", "Age__Text", "age__decimal",
    "members__rows", "members__row\u017f", "visits__Rows", "age__acc", "gps_lat", "members_count", "lat",
)  # fmt: skip
_LIKE_TABLES = (
    "rest", "files", "full", "choices", "wide", "geo", "supplements", "fr", "en", "swa", "2", "3", "hh__2",
    "members__2", "rest__2", "members__fr", "hh__files",
)  # fmt: skip
_LONG = (
    "n" * 120,
    "n" * 119 + "m",
    "a_quite_long_name_of_a_question_that_goes_on_and_on_until_it_has_a_hundred_and_twenty_letters_and_ends_here_at_last",
    "q" * 54 + "é",
    "q" * 55,
    "q" * 56,
    "ሙሉ_ስም_" * 20,
    "उम्र_वर्षों_में_" * 7,
    "🌱" * 30,
    "الاسم_الكامل_" * 5,
)
_OF_OTHER_SCRIPTS = (
    "ሙሉ_ስም", "ስም", "الاسم", "العمر", "नाम", "उम्र", "名前", "ชื่อ", "имя", "Имя", "ΣΊΣΥΦΟΣ", "σίσυφος",
    "prénom", "straße", "strasse", "STRASSE", "adı", "adi", "ADI", "İl", "il", "ıl", "ﬁn", "fin", "Ångström",
    "\u212bngstrom", "\u212aelvin", "kelvin", "𝒶ge", "🌱", "🌱🌱", "e🌱", "x²", "x2", "٢", "\u0301a",
)  # fmt: skip
_PUNCTUATED = (
    "blood-type", "dose.mg", "dose_mg", "two words", "a:b", "_", "__", "___", "-", ".", "1st", "_1st", "a__b",
)  # fmt: skip
_LETTERS = st.sampled_from("abcxyzABCéÉßſıİσςΣäöÅåñ_-.१२ሀሁሂابتनमक\u0301\u0308\u093f日本🌱ǅǆﬀ")

_POOLS = (
    _ORDINARY,
    _TWINS,
    _OF_THE_SYSTEM,
    _LIKE_FACETS,
    _LIKE_TABLES,
    _LONG,
    _OF_OTHER_SCRIPTS,
    _PUNCTUATED,
)
EVERY_LEAF = tuple(dict.fromkeys(name for pool in _POOLS for name in pool))
"""All that :data:`LEAVES` chooses from, but for the letters that it puts together."""
LEAVES: st.SearchStrategy[str] = st.one_of(
    st.sampled_from(_ORDINARY),
    st.sampled_from(_TWINS),
    st.sampled_from(_LIKE_FACETS),
    st.sampled_from(_OF_THE_SYSTEM),
    st.sampled_from(_LIKE_TABLES),
    st.sampled_from(_OF_OTHER_SCRIPTS),
    st.sampled_from(_PUNCTUATED),
    st.sampled_from(_LONG),
    st.text(_LETTERS, min_size=1, max_size=6),
)
"""One part of a path: usual names, and those that clash, are long, look like ours, or are no Latin ones."""

LOOKALIKES: Mapping[str, tuple[str, ...]] = {
    "gps": ("gps__lat", "gps__lon", "GPS__Lát", "gps__alt", "gps__text"),
    "visited": ("visited__offset", "visited__Offset", "visited__text"),
    "members": ("members__rows", "members__row\u017f", "members_count", "members__2", "Members__Rows"),
    "age": ("age__text", "Age__Text", "age__decimal", "áge__text", "AGE"),
    "pos": ("pos_1", "Pos_2", "p\u00f3s", "kobo_id", "éxtra"),
}
"""Names that the further columns of a question would have."""

FORM_NAMES: st.SearchStrategy[str] = st.sampled_from(
    (
        "Baseline survey 2026", "Enquête ménage", "kobo_records", "Kobo forms", "የቤተሰብ ጥናት", "مسح الأسر",
        "🌱🌱", "", "2026", "SQLite test", "pg_class",
        "A very long name of a project that no table can have as it is", "a__b", "_x_",
    )
)  # fmt: skip

LIST_NAMES = ("yn", "fuel", "needs", "items", "liste à choix", "ክልል")
CHOICES: st.SearchStrategy[str | int | float] = st.one_of(
    st.sampled_from(("yes", "no", "a", "b", "c", "other", "north", "1", "2")),
    st.sampled_from((1, 2, 3, 10, 1.0, 2.5, 0)),
    st.sampled_from(
        (
            "true", "01", "1.5", "has space", "a/b", "Yes", "ሰሜን", "شمال", "उत्तर", "🌱", "a" * 48, "b" * 49,
            "c" * 120, "ል" * 40, "d" * 500,
        )
    ),
)  # fmt: skip


def free_name(wanted: str, taken: set[str]) -> str:
    """A name that no sibling has: the wanted one, or that with a number; it is taken from now on."""
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    taken.add(name)
    return name
