"""The survey's submissions, generated from their id and a seed alone: a million of them need no memory."""

from __future__ import annotations

import json
from array import array
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b

from simulator import fragments, survey
from simulator.shapes import SYSTEM, Row, parsed
from simulator.versions import Version

FIRST_ID = 412_000
_IDS_PER_ROW = 3
_SECONDS_PER_ID = 15
_DAY_ZERO = date(2024, 6, 1)
_SECOND_ZERO = int(datetime(2024, 6, 1, tzinfo=UTC).timestamp())
_FIRST_SENT = _SECOND_ZERO + 2 * 86400 + 5 * 3600
_DAYS = tuple((_DAY_ZERO + timedelta(days=day)).isoformat().encode() for day in range(6000))
_CLOCK = tuple(b"T%02d:%02d:%02d" % (s // 3600, s // 60 % 60, s % 60) for s in range(86400))
_SECONDS_OF_ALL_DAYS = 5990 * 86400  # until times begin anew
_MASK48 = (1 << 48) - 1

_ROW = (
    b'{"_id":%d,"formhub/uuid":"@formhub@","start":"%b.%d+0%d:00","end":"%b.000+0%d:00",%b'
    b'"sec_a/unique_id":"U%b-%d",%b'
    b'"sec_c/cd_client_name":"%b","sec_c/cd_client_id_manifest":"M%d","sec_c/cd_location":"%b",'
    b'"sec_c/cd_clients_phone":"%b",%b%b%b%b%b"__version__":"@version@",'
    b'"meta/instanceID":"uuid:%b","_xform_id_string":"@asset@","_uuid":"%b","meta/rootUuid":"uuid:%b",'
    b'"_attachments":[],"_status":"submitted_via_web","_geolocation":%b,"_submission_time":"%b",'
    b'"_validation_status":{},"_submitted_by":%b}'
)
_SLIM = b'{"_uuid":"%b","meta/rootUuid":"uuid:%b","_id":%d,"_validation_status":{}}'


def first_ids(rows: int, seed: int, *, first: int = FIRST_ID) -> array[int]:
    """Return ascending ids with gaps, since other forms draw from the same sequence (kobo-api.md §2).

    :param rows: how many.
    :param seed: what the gaps depend on.
    :param first: where they begin.
    """
    salt = seed * 7919
    return array(
        "q",
        (first + _IDS_PER_ROW * n + ((n + salt) * 2654435761 >> 13) % _IDS_PER_ROW for n in range(rows)),
    )


def sent_at(kobo_id: int) -> bytes:
    """Return the ``_submission_time`` that a generated submission has at the latest.

    :param kobo_id: its ``_id``.
    """
    return _moment(_FIRST_SENT + (kobo_id - FIRST_ID) * _SECONDS_PER_ID % _SECONDS_OF_ALL_DAYS)


class Identities:
    """The uuid of each id, and the id of each uuid.

    :param seed: what they depend on.
    """

    def __init__(self, seed: int) -> None:
        self._key = b"%d" % seed
        self._scramble = int.from_bytes(blake2b(self._key, digest_size=6).digest(), "big") | 1
        self._unscramble = pow(self._scramble, -1, 1 << 48)

    def uuid(self, kobo_id: int) -> str:
        """Return the first uuid of a submission; :meth:`id_of` reads the id back from it.

        :param kobo_id: its ``_id``.
        """
        return self._uuid(kobo_id, self._digest(kobo_id).hex().encode()).decode()

    def id_of(self, uuid: str) -> int | None:
        """Return the id whose first uuid this is; None if it was not generated here.

        :param uuid: without ``uuid:``.
        """
        try:
            kobo_id = int(uuid[:8] + uuid[9:13], 16) * self._unscramble & _MASK48
        except ValueError:
            return None
        return kobo_id if self.uuid(kobo_id) == uuid else None

    def slim(self, kobo_id: int) -> bytes:
        """Return the JSON of the fields that every projection holds (kobo-api.md §1.1).

        :param kobo_id: the submission's ``_id``.
        """
        uuid = self._uuid(kobo_id, self._digest(kobo_id).hex().encode())
        return _SLIM % (uuid, uuid, kobo_id)

    def _digest(self, kobo_id: int) -> bytes:
        return blake2b(b"%d" % kobo_id, digest_size=16, key=self._key).digest()

    def _uuid(self, kobo_id: int, digest: bytes) -> bytes:
        head = b"%012x" % (kobo_id * self._scramble & _MASK48)
        return b"%b-%b-4%b-a%b-%b" % (head[:8], head[8:], digest[:3], digest[3:6], digest[6:18])


class Generator(Identities):
    """Generates the survey's submission of each id as it was before any change.

    Equal for equal parameters.

    :param seed: what the answers depend on.
    :param asset: the form's uid.
    :param formhub_uuid: the value of ``formhub/uuid``.
    :param version: the uid of the form's first version.
    """

    def __init__(self, *, seed: int, asset: str, formhub_uuid: str, version: str) -> None:
        super().__init__(seed)
        self._row = (
            _ROW.replace(b"@formhub@", formhub_uuid.encode())
            .replace(b"@version@", version.encode())
            .replace(b"@asset@", asset.encode())
        )

    def row(self, kobo_id: int) -> bytes:
        """Return the JSON of the whole submission, about 1.4 kB.

        :param kobo_id: its ``_id``.
        """
        d = self._digest(kobo_id)
        digits = d.hex().encode()
        uuid = self._uuid(kobo_id, digits)
        n = kobo_id - FIRST_ID
        country = fragments.COUNTRY_FRAGMENTS[d[0]]
        sent = _FIRST_SENT + n * _SECONDS_PER_ID - d[1]
        ahead = country.hours_ahead
        end = sent - 60 - d[2] + ahead * 3600
        start = end - 600 - 4 * d[3]
        number = d[4] << 16 | d[5] << 8 | d[6]
        position, geolocation = country.positions[d[7]]
        return self._row % (
            kobo_id, _moment(start), 100 + d[8], ahead, _moment(end), ahead,
            b'"cd_survey_date":"%b",' % _DAYS[(start - _SECOND_ZERO) // 86400] if d[9] & 15 else b"",
            digits[:4], n, country.surveys[d[10]],
            country.names[d[11]], number, country.locations[d[12]],
            country.phone(number),
            b'"sec_c/cd_phoneno_alt_number":"%b",' % country.phone(number + 77) if d[9] % 3 else b"",
            country.circumstances[d[13]], fragments.HOUSEHOLDS[d[14]], fragments.BUSINESSES[d[15]], position,
            uuid, uuid, uuid, geolocation, _moment(sent), fragments.SUBMITTED_BY[d[5]],
        )  # fmt: skip

    def new(self, kobo_id: int, version: Version, *, drawn: bool = True) -> Row:
        """Return a submission that is made with a version; every other one fills in a new repeat twice.

        :param kobo_id: its ``_id``.
        :param version: one of the form's.
        :param drawn: with answers; otherwise with none.
        """
        repeats = version.definition.repeats
        row, another = (parsed(json.loads(self.row(one)), repeats) for one in (kobo_id, kobo_id + 1))
        if kobo_id % 2:
            for group in (repeats - survey.REPEATS) & row.keys():
                row[group] = [*row[group], *another[group]]
        row["__version__"] = version.uid
        if drawn:
            return row
        return {key: row[key] for key in row if key in SYSTEM} | {"_geolocation": [None, None]}


def _moment(second: int) -> bytes:
    """Return a Unix second as all times in a submission are written (kobo-api.md §2), without an offset."""
    day, rest = divmod(second - _SECOND_ZERO, 86400)
    return _DAYS[day] + _CLOCK[rest]
