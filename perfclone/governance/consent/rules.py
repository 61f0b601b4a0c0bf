"""The rules of a consent record: the words that it may use, and the checks of its fields."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime

from perfclone.errors import UserError
from perfclone.files.reading import shown

SCHEMA = "perfclone.consent/1"
SUBJECT_KINDS = ("person", "synthetic")
PURPOSES = ("research", "education", "marketing", "entertainment", "accessibility", "personal", "evaluation")
MEDIA = ("web", "social", "broadcast", "print", "internal")
WORLDWIDE = "worldwide"
#: ISO 3166-1 alpha-2.
COUNTRIES = tuple(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA
    CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA
    GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
    KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS
    MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS
    RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW
    TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """.split()
)
NAME, NOTE = 200, 2000  # most characters of a name, and of free text
REFERENCES = 256  # most reference videos of one record
ID, SHA256 = "[0-9a-f]{32}", "[0-9a-f]{64}"
DAY, MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
#: Characters that could make a terminal or a page show something else than what was signed.
_DECEIVING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u2028\u2029")


class ConsentError(UserError):
    """No valid consent for what is asked: one sentence that says why, and whom to ask or what to do."""


def check_text(name: str, value: object, limit: int, optional: bool = False) -> None:
    """Refuse what is no single line of text of a limited length.

    Raises:
        ConsentError: It is not.
    """
    if not isinstance(value, str) or len(value) > limit or not (optional or value.strip()):
        raise ConsentError(f"{name} must be a text of 1 to {limit} characters, got {shown(value)}.")
    if any(unicodedata.category(character) in ("Cc", "Cs") or character in _DECEIVING for character in value):
        raise ConsentError(f"{name} must be one line without control characters, got {shown(value)}.")


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuse what is not among the choices.

    Raises:
        ConsentError: It is not.
    """
    if not isinstance(value, str) or value not in choices:
        raise ConsentError(f"{name} must be one of {', '.join(choices)}; got {shown(value)}.")


def check_choices(name: str, values: object, choices: Sequence[str]) -> None:
    """Refuse what is no tuple of different choices, at least one.

    Raises:
        ConsentError: It is not.
    """
    _check_tuple(name, values)
    for value in values:
        if not isinstance(value, str) or value not in choices:
            known = f"from {', '.join(choices)}" if len(choices) < 20 else "ISO 3166 country codes such as JP"
            raise ConsentError(f"{name} must be {known}; got {shown(value)}.")
    if len(set(values)) < len(values):
        raise ConsentError(f"{name} must not repeat itself, got {shown(list(values))}.")


def check_territory(value: object) -> None:
    """Refuse what is neither "worldwide" nor a tuple of country codes.

    Raises:
        ConsentError: It is not.
    """
    if value != WORLDWIDE:
        if not isinstance(value, tuple):
            raise ConsentError(f"territory must be {WORLDWIDE!r} or a list of country codes, got {shown(value)}.")
        check_choices("territory", value, COUNTRIES)


def check_pattern(name: str, value: object, pattern: str, meaning: str) -> None:
    """Refuse what is no text of a form.

    Raises:
        ConsentError: It is not.
    """
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise ConsentError(f"{name} must be {meaning}, got {shown(value)}.")


def check_hashes(name: str, values: object) -> None:
    """Refuse what is no tuple of different sha256, at least one.

    Raises:
        ConsentError: It is not.
    """
    _check_tuple(name, values)
    if len(values) > REFERENCES:
        raise ConsentError(f"{name} must be at most {REFERENCES}, got {len(values)}; make several records.")
    for value in values:
        check_pattern(name, value, SHA256, "sha256 of files, each 64 lower-case hex digits")
    if len(set(values)) < len(values):
        raise ConsentError(f"{name} must not repeat itself, got {shown(list(values))}.")


def parse_day(name: str, value: object) -> date:
    """Read an ISO date.

    Raises:
        ConsentError: There is no such day.
    """
    check_pattern(name, value, DAY, "a date such as 2026-12-31")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise ConsentError(f"{name} must be a day that exists, got {value}.") from error


def check_moment(name: str, value: object) -> None:
    """Refuse what is no ISO moment in UTC.

    Raises:
        ConsentError: It is not.
    """
    check_pattern(name, value, MOMENT, "a moment such as 2026-12-31T12:00:00Z")
    try:
        datetime.fromisoformat(value)
    except ValueError as error:
        raise ConsentError(f"{name} must be a moment that exists, got {value}.") from error


def _check_tuple(name: str, values: object) -> None:
    if not isinstance(values, tuple) or not values:
        raise ConsentError(f"{name} must be a list with at least one entry, got {shown(values)}.")
