"""Pieces of JSON that generated submissions share: tables with a piece for each value of a byte."""

from __future__ import annotations

import json
from dataclasses import dataclass

from simulator import people
from simulator.people import COUNTRIES, Country

_BYTE = range(256)


def _pick(choices: tuple[str, ...], n: int) -> str:
    return choices[n % len(choices)]


def _answers(**answers: str) -> bytes:
    """JSON members; ``sec_a__x`` is ``sec_a/x``, and an empty answer leaves no key (kobo-api.md §3)."""
    given = ((name.replace("__", "/"), answer) for name, answer in answers.items() if answer)
    return "".join(f'"{path}":"{answer}",' for path, answer in given).encode()


def _name(country: Country, n: int) -> str:
    return f"{_pick(country.first_names, n)} {_pick(country.last_names, n // 8)}"


def _survey(country: Country, n: int) -> bytes:
    return _answers(
        sec_a__cd_biz_country_name=country.name,
        sec_a__cd_biz_region_name=_pick(country.regions, n),
        sec_b__bda_name=_pick(people.BDAS, n // 4),
        sec_b__cd_cohort=str(n // 16 % 6 + 1),
        sec_b__cd_program=_pick(people.PROGRAMS, n // 3),
    )


def _circumstances(country: Country, n: int) -> bytes:
    return _answers(
        sec_c__cd_clients_phone_smart_feature=_pick(("smart", "feature"), n),
        sec_c__cd_gender=_pick(("female", "female", "male"), n),
        sec_c__cd_age=str(18 + n // 4),
        sec_c__cd_nationality=country.nationality,
        sec_c__cd_strata=_pick(people.STRATA, n),
        sec_c__cd_disability=_pick(("no", "no", "", "no", "yes", "no", "no"), n),
    )


def _household(n: int) -> bytes:
    return _answers(
        sec_c__cd_education=_pick(people.EDUCATION, n),
        sec_c__cd_client_status=_pick(people.STATUSES, n),
        sec_c__cd_sole_income_earner=_pick(("yes", "no", "yes", ""), n),
        sec_c__cd_howrespble_pple=str(n % 13),
    )


def _business(n: int) -> bytes:
    size = (0, 1, 0, 2, 3)[n % 5]
    members = [{"members/name": f"Member {k + 1}", "members/age": str(3 + 11 * k)} for k in range(size)]
    answers = _answers(
        group_mx5fl16__cd_biz_status=_pick(people.BUSINESS_STATUSES, n),
        group_mx5fl16__bd_biz_operating=_pick(("yes", "no", "yes", ""), n),
    )
    repeat = f'"members":{json.dumps(members, separators=(",", ":"))},' if members else ""
    return answers + repeat.encode() + _answers(cd_needs=_pick(people.NEEDS, n))


def _position(country: Country, n: int) -> tuple[bytes, bytes]:
    """Return the answer to cd_gps and the ``_geolocation`` made of it (kobo-api.md §2)."""
    if n % 10 == 0:
        return b"", b"[null,null]"
    latitude, longitude = round(country.latitude + n / 1000, 3), round(country.longitude - n / 1000, 3)
    return _answers(cd_gps=f"{latitude:.3f} {longitude:.3f} {1200 + n} 5"), b"[%g,%g]" % (latitude, longitude)


@dataclass(frozen=True)
class CountryFragments:
    """The pieces of one country."""

    hours_ahead: int
    dial: bytes
    digits: tuple[bytes, ...]
    surveys: tuple[bytes, ...]
    names: tuple[bytes, ...]
    locations: tuple[bytes, ...]
    circumstances: tuple[bytes, ...]
    positions: tuple[tuple[bytes, bytes], ...]

    def phone(self, number: int) -> bytes:
        """Return a phone number in the country's own digits.

        :param number: its last six digits.
        """
        return b"%b %b %b" % (self.dial, self.digits[number // 1000 % 1000], self.digits[number % 1000])


def _country_fragments(country: Country) -> CountryFragments:
    own = str.maketrans("0123456789", country.digits)
    return CountryFragments(
        hours_ahead=country.hours_ahead,
        dial=country.dial.translate(own).encode(),
        digits=tuple(f"{n:03d}".translate(own).encode() for n in range(1000)),
        surveys=tuple(_survey(country, n) for n in _BYTE),
        names=tuple(_name(country, n).encode() for n in _BYTE),
        locations=tuple(_pick(country.locations, n).encode() for n in _BYTE),
        circumstances=tuple(_circumstances(country, n) for n in _BYTE),
        positions=tuple(_position(country, n) for n in _BYTE),
    )


_BY_COUNTRY = tuple(_country_fragments(country) for country in COUNTRIES)
COUNTRY_FRAGMENTS = tuple(_BY_COUNTRY[n % len(_BY_COUNTRY)] for n in _BYTE)
HOUSEHOLDS = tuple(_household(n) for n in _BYTE)
BUSINESSES = tuple(_business(n) for n in _BYTE)
SUBMITTED_BY = tuple(
    _pick(("null", *(f'"{name}"' for name in people.ENUMERATORS)), n).encode() for n in _BYTE
)
