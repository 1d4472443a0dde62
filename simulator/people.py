"""The names, places and answers of generated submissions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Country:
    """One country of the programme: its clients' names, homes and phones."""

    name: str
    nationality: str
    dial: str
    hours_ahead: int
    latitude: float
    longitude: float
    regions: tuple[str, ...]
    locations: tuple[str, ...]
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    digits: str = "0123456789"


COUNTRIES = (
    Country(
        "Rwanda", "Rwandan", "+250 78", 2, -1.95, 30.06,
        ("Kigali", "Eastern Province", "Western Province", "Northern Province"),
        ("Nyabugogo market", "Kimironko \\\"Isoko\\\"", "Kiziba camp, zone 3", "Huye <access>", "Rubavu"),
        ("Aline", "Jean-Bosco", "Claudine", "Éric", "Immaculée", "Théogène", "Diane", "Patrick"),
        ("Uwimana", "Mukamana", "Habimana", "Niyonzima", "Ingabire", "Nshimiyimana", "Umutoni"),
    ),
    Country(
        "Kenya", "Kenyan", "+254 71", 3, 3.72, 34.86,
        ("Turkana", "Nairobi", "Garissa", "Nakuru"),
        ("Kakuma 1, block 7", "Kalobeyei Village 2", "Lodwar town", "Dadaab – Ifo", "Eastleigh 1st Avenue"),
        ("Wanjiku", "Otieno", "Akinyi", "Ekai", "Nanjala", "Kipchoge", "Zawadi", "Musa"),
        ("Wa Thiong'o", "Odhiambo", "Lokwang", "Cheruiyot", "Njoroge", "Abdi", "Mwende"),
    ),
    Country(
        "South Sudan", "South Sudanese", "+211 92", 2, 4.85, 31.58,
        ("Central Equatoria", "Upper Nile", "Jonglei"),
        ("Juba, Konyo Konyo", "Malakal PoC", "Bor – جوبا", "Maban, Doro camp"),
        ("أكول", "نيانداك", "مريم", "دينق", "عبد الله", "فاطمة", "أشول"),
        ("مالوال", "قرنق", "بول", "أجاك", "لادو", "ماجوك"),
        digits="٠١٢٣٤٥٦٧٨٩",
    ),
    Country(
        "Ethiopia", "Ethiopian", "+251 91", 3, 9.35, 42.8,
        ("Somali", "Addis Ababa", "Gambella"),
        ("ጅግጅጋ ከተማ", "Kebribeyah camp", "ጋምቤላ", "Bole, አዲስ አበባ"),
        ("ሰላማዊት", "አበበ", "ትዕግስት", "ዳዊት", "ሐና", "ብርሃኑ", "ማርታ"),
        ("ተስፋዬ", "ገብረ መድኅን", "ከበደ", "ወልደ ሥላሴ", "አለሙ", "መኮንን"),
    ),
    Country(
        "DR Congo", "Congolese", "+243 99", 2, -1.68, 29.22,
        ("Nord-Kivu", "Sud-Kivu"),
        ("Goma, Virunga", "Bukavu – Kadutu", "Uvira"),
        ("Françoise", "Désiré", "Anaïs", "Emmanuël", "Solange", "Blaise"),
        ("Kabongo", "Mbuyi", "Tshisekedi wa M.", "Bahati", "Mwamba"),
    ),
)  # fmt: skip

BDAS = ("Grace N.", "Samuel O.", "Hodan A.", "Jean-Paul M.", "Mekdes T.", "Peter L.", "Chantal U.", "ሙሉጌታ ደ.")
PROGRAMS = ("Refugee micro-business", "Seed & Grow", "Jasiri", 'Youth \\"Kora\\"')
EDUCATION = ("None", "Primary", "Secondary", "Vocational", "University")
STRATA = ("Refugee", "Host community", "Returnee", "IDP")
STATUSES = ("New", "Continuing", "Graduated")
BUSINESS_STATUSES = ("active", "closed", "planned")
NEEDS = ("cash", "training", "tools", "cash training", "training tools", "tools cash training")
ENUMERATORS = ("enumerator_kgl", "enumerator_nbo", "enumerator_jub", "enumerator_add")
