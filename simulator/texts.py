"""Words of respondents in several scripts, for the answers to any form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Locale:
    """Where a respondent lives, and in which words they answer.

    :param minutes_ahead: of UTC.
    """

    minutes_ahead: int
    latitude: float
    longitude: float
    names: tuple[str, ...]
    places: tuple[str, ...]
    remarks: tuple[str, ...]
    dial: str
    digits: str = "0123456789"

    @property
    def offset(self) -> str:
        """The device's offset from UTC, as times are written."""
        hours, minutes = divmod(abs(self.minutes_ahead), 60)
        return f"{'-' if self.minutes_ahead < 0 else '+'}{hours:02}:{minutes:02}"


LOCALES = (
    Locale(
        180, -1.2921, 36.8219,
        ("Amina Wanjiru", "Otieno Said", "Peter Mwangi", "Grace O'Neil"),
        ("Kibera, zone 3", 'Kijiji "A"', "Lodwar", "Kakuma 1 <block 7>"),
        ("The well is dry since March.", "None", "Needs 2 bags & a rope\nasked for seed", "  see photo "),
        "+254712",
    ),
    Locale(
        120, -1.6771, 29.2386,
        ("Grâce Uwase", "José Nkechi", "Françoise Mbuyi", "Éric Habimana"),
        ("Goma – Virunga", "Bukavu, Kadutu", "Huyé", "Rubavu"),
        ("L'eau est loin, à 4 km.", "Déjà vu l'an passé", "rien à signaler", "école fermée 😀"),
        "+250788",
    ),
    Locale(
        120, 4.8517, 31.5825,
        ("فاطمة الزهراء", "دينق قرنق", "مريم لادو", "عبد الله مالوال"),
        ("جوبا", "بور", "ملكال – المخيم", "كونيو كونيو"),
        ("البئر جافة منذ مارس", "لا يوجد", "نحتاج إلى بذور وأدوات", "انظر الصورة"),
        "+٢١١٩٢",
        digits="٠١٢٣٤٥٦٧٨٩",
    ),
    Locale(
        180, 9.0300, 38.7400,
        ("ሰላማዊት ተስፋዬ", "አበበ ከበደ", "ትዕግስት ገብረ መድኅን", "ሐና አለሙ"),
        ("ጅግጅጋ ከተማ", "አዲስ አበባ", "ጋምቤላ", "ድሬ ዳዋ"),
        ("ውሃው ደርቋል", "የለም", "ዘርና መሣሪያ ያስፈልጋል", "ፎቶውን ይመልከቱ"),
        "+251911",
    ),
    Locale(
        360, 42.8746, 74.5698,
        ("Айгүл Осмонова", "Иван Петров", "Нургүл Асанова", "Марія Шевченко"),
        ("Бишкек", "Ош шаары", "с. Кара-Балта", "Нарын"),
        ("Колодец высох в марте.", "Нет", "Суу алыс, 4 чакырым", "см. фото"),
        "+996555",
    ),
    Locale(
        345, 27.7172, 85.3240,
        ("मीरा देवी", "राम बहादुर थापा", "सीता गुरुङ", "अनिल श्रेष्ठ"),
        ("काठमाडौं", "पोखरा–५", "जनकपुर धाम", "गोरखा"),
        ("कुवा सुकेको छ।", "छैन", "बीउ र औजार चाहिन्छ", "फोटो हेर्नुहोस्"),
        "+977984",
    ),
    Locale(
        -300, 4.7110, -74.0721,
        ("María Peña", "Iñaki Muñoz", "李雷", "Nguyễn Thị Hoa"),
        ("Bogotá, D.C.", "Quibdó", "北京市", "Cúcuta (Norte)"),
        ("¿Cuándo llega la ayuda?", "Ninguno", "没有水", "ver la foto"),
        "+57310",
    ),
)  # fmt: skip
"""They take turns, so that any few submissions have several scripts."""

_PLACES = re.compile("place|village|region|district|city|location|address|camp|ville|quartier", re.IGNORECASE)
_PHONES = re.compile("phone|mobile|tel", re.IGNORECASE)
_NAMES = re.compile("name|nom|who|client", re.IGNORECASE)
_IDS = re.compile("(^|_)(id|code|no|number|ref)($|_)", re.IGNORECASE)


def text_for(leaf: str, locale: Locale, random: Random) -> str:
    """Return an answer to a question for a text: a name where its own name asks for one, and so on.

    :param leaf: the question's name.
    :param locale: the respondent's.
    :param random: what decides.
    """
    if _PHONES.search(leaf):
        return phone(locale, random)
    if _PLACES.search(leaf):
        return one_of(locale.places, random)
    if _NAMES.search(leaf):
        return one_of(locale.names, random)
    if _IDS.search(leaf):
        return f"{random.randrange(10_000):05}"
    return one_of((*locale.names, *locale.places, *locale.remarks), random)


def phone(locale: Locale, random: Random) -> str:
    """Return a phone number in the respondent's digits.

    :param locale: the respondent's.
    :param random: what decides.
    """
    return locale.dial + "".join(one_of(locale.digits, random) for _ in range(6))


def one_of(choices: Sequence[str], random: Random) -> str:
    """Return one of some texts.

    :param choices: at least one.
    :param random: what decides.
    """
    return choices[random.randrange(len(choices))]
