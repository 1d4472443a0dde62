"""Whole numbers and decimals."""

from __future__ import annotations

from tests.unit.submissions.contract.table import cell, no_cell

_NOT_WHOLE = "is not a whole number of at most 19 digits"
_NOT_IN_RANGE = "is not between -9223372036854775808 and 9223372036854775807"
_NO_NUMBER = "is not a number"
_TOO_LARGE = "is too large"
_MORE_DIGITS = "has more digits than a number of double precision keeps"

WHOLE = (
    cell("age", "35", 35, "a whole number"),
    cell("age", "0", 0, "nought is an answer, not none"),
    cell("age", "-3", -3, "a sign"),
    cell("age", "+4", 4, "a plus is a sign, too"),
    cell("age", "007", 7, "leading zeros are the same number; a text keeps them"),
    cell("age", "-0", 0, "there is no whole number -0"),
    cell("age", "24.", 24, "a web form writes a point after a whole number"),
    cell("age", "24.0", 24, "or a point and a zero"),
    cell("age", "24.000", 24, "or more of them"),
    cell("age", "9223372036854775807", 2**63 - 1, "the greatest BIGINT"),
    cell("age", "-9223372036854775808", -(2**63), "the least BIGINT"),
    cell("age", "0000000000000000007", 7, "19 digits are the most, zeros among them"),
    no_cell("age", "9223372036854775808", _NOT_IN_RANGE, "one more than a BIGINT"),
    no_cell("age", "00000000000000000007", _NOT_WHOLE, "20 digits, whatever they are"),
    no_cell("age", "24.5", _NOT_WHOLE, "a fraction is never cut off"),
    no_cell("age", ".0", _NOT_WHOLE, "a whole number starts with a digit"),
    no_cell("age", "1e5", _NOT_WHOLE, "an exponent is a decimal's"),
    no_cell("age", "1,000", _NOT_WHOLE, "a comma means other things elsewhere"),
    no_cell("age", " 7", _NOT_WHOLE, "blanks are no part of a number"),
    no_cell("age", "7\n", _NOT_WHOLE, "a line end neither"),
    no_cell("age", "", _NOT_WHOLE, "a blank in a derived column is an answer that is no number"),
    no_cell("age", "٣", _NOT_WHOLE, "ASCII digits only"),
    no_cell("age", "0x10", _NOT_WHOLE, "no other base"),
    no_cell("age", "--1", _NOT_WHOLE, "one sign at most"),
    no_cell("age", "NaN", _NOT_WHOLE, "a number that is none"),
    no_cell("age", "12abc", _NOT_WHOLE, "nothing is cut off"),
    no_cell("age", 5, "is not a text", "every answer is a text; a number is none, and is kept as JSON", "5"),
    no_cell("age", True, "is not a text", "a truth value is kept as JSON, too", "true"),
)
DECIMAL = (
    cell("weight", "1.25", 1.25, "a decimal"),
    cell("weight", "12", 12.0, "a whole one"),
    cell("weight", "61.50", 61.5, "zeros at the end are the same number"),
    cell("weight", "007.5", 7.5, "zeros at the start, too"),
    cell("weight", ".5", 0.5, "nothing before the point"),
    cell("weight", "5.", 5.0, "nothing after it"),
    cell("weight", "+1.5", 1.5, "a sign"),
    cell("weight", "1e5", 100000.0, "an exponent"),
    cell("weight", "1.5E7", 15000000.0, "as clients write large numbers"),
    cell("weight", "1E-7", 1e-7, "and small ones"),
    cell("weight", "-0", 0.0, "it equals 0, which every database keeps alike"),
    cell("weight", "0.1", 0.1, "the shortest spelling of a double"),
    cell("weight", "0.10000000000000001", 0.1, "its 17 digits are the same double"),
    cell("weight", "3.0000000000000004", 3.0000000000000004, "a sum that a client computed"),
    cell("weight", "100000000000000000000", 1e20, "21 digits that are exactly a double"),
    cell("weight", "1e308", 1e308, "a large one"),
    cell("weight", "5e-324", 5e-324, "the smallest one"),
    cell("weight", "0e99999999999999999999", 0.0, "nought is nought"),
    cell("weight", "1." + "0" * 1000, 1.0, "zeros at the end, however many"),
    no_cell(
        "weight",
        "0.1000000000000000055511151231257827",
        _MORE_DIGITS,
        "34 digits that no spelling of the double has",
    ),
    no_cell("weight", "12345678901234567", _MORE_DIGITS, "17 digits that no double has"),
    no_cell("weight", "9007199254740993", _MORE_DIGITS, "2 to the 53rd and one: doubles go by twos there"),
    no_cell("weight", "99999999999999999999", _MORE_DIGITS, "20 digits that would be rounded up"),
    no_cell("weight", "1e309", _TOO_LARGE, "infinite as a double"),
    no_cell("weight", "1e-400", _MORE_DIGITS, "it would become 0"),
    no_cell("weight", "1e-99999999999999999999", _MORE_DIGITS, "an exponent that no arithmetic takes"),
    no_cell("weight", "NaN", _NO_NUMBER, "not a number"),
    no_cell("weight", "Infinity", _NO_NUMBER, "not finite"),
    no_cell("weight", "-inf", _NO_NUMBER, "whatever the spelling"),
    no_cell("weight", "1_000", _NO_NUMBER, "Python's own spelling"),
    no_cell("weight", "1,5", _NO_NUMBER, "a decimal comma"),
    no_cell("weight", ".", _NO_NUMBER, "no digit"),
    no_cell("weight", "1e", _NO_NUMBER, "no digit after the e"),
    no_cell("weight", "", _NO_NUMBER, "a blank"),
    no_cell("weight", 1.5, "is not a text", "a number in place of a text", "1.5"),
)
CASES = (*WHOLE, *DECIMAL)
