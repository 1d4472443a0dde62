"""The parts of a workbook beside the cells (ECMA-376): its sheets, its styles, what a sheet begins with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import quoteattr

from kobo_mirror.forms.question_types import Kind

PLAIN, HEADER, TEXT, DATE, TIME, MOMENT = range(6)
"""Styles of cells, by their places in ``_STYLES``."""
SHEET_END = b"</sheetData></worksheet>"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_WIDTHS = {Kind.DATE: 12, Kind.TIME: 14, Kind.DATETIME: 24}  # characters
_WIDTH = 18
_FORMATS = ((164, "yyyy-mm-dd"), (165, "hh:mm:ss.000"), (166, "yyyy-mm-dd hh:mm:ss.000"))
_AS_TEXT = 49  # the format of cells that stay texts when they are edited


def _cell_styles() -> str:
    formats = [0, _AS_TEXT, _AS_TEXT, *(number for number, _ in _FORMATS)]
    return "".join(
        f'<xf numFmtId="{number}" fontId="{int(style == HEADER)}" fillId="0" borderId="0" xfId="0" '
        'applyNumberFormat="1" applyFont="1"/>'
        for style, number in enumerate(formats)
    )


_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="{len(_FORMATS)}">'
    + "".join(f'<numFmt numFmtId="{number}" formatCode="{code}"/>' for number, code in _FORMATS)
    + '</numFmts><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2">'
    '<fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    f'<cellXfs count="6">{_cell_styles()}</cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def sheet_path(number: int) -> str:
    """Return where a sheet stands in the file.

    :param number: of the sheet, from 1.
    """
    return f"xl/worksheets/sheet{number}.xml"


def sheet_start(letters: Sequence[str], kinds: Sequence[Kind], *, is_first: bool) -> bytes:
    """Return what stands before the rows: the first one stays in sight.

    :param letters: what Excel calls the columns.
    :param kinds: of their cells, which decide how wide they are.
    :param is_first: the sheet is the one that is shown first.
    """
    selected = ' tabSelected="1"' if is_first else ""
    widths = "".join(
        f'<col min="{place}" max="{place}" width="{_WIDTHS.get(kind, _WIDTH)}" customWidth="1"/>'
        for place, kind in enumerate(kinds, 1)
    )
    columns = f"<cols>{widths}</cols>" if letters else ""
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView{selected} workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f"{columns}<sheetData>"
    ).encode()


def around(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the parts that name the sheets and the styles, each with its place.

    :param names: of the sheets, in order.
    """
    numbered = list(enumerate(names, 1))
    sheets = "".join(f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>' for n, name in numbered)
    yield (
        "xl/workbook.xml",
        (f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATED}"><sheets>{sheets}</sheets></workbook>'),
    )
    related = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATED}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n, _ in numbered
    )
    related += f'<Relationship Id="rId{len(names) + 1}" Type="{_RELATED}/styles" Target="styles.xml"/>'
    yield "xl/_rels/workbook.xml.rels", _relationships(related)
    yield "xl/styles.xml", _STYLES
    root = f'<Relationship Id="rId1" Type="{_RELATED}/officeDocument" Target="xl/workbook.xml"/>'
    yield "_rels/.rels", _relationships(root)
    parts = "".join(
        f'<Override PartName="/{sheet_path(n)}" ContentType="{_OFFICE}.worksheet+xml"/>' for n, _ in numbered
    )
    yield (
        "[Content_Types].xml",
        (
            f'{_XML}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_OFFICE}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_OFFICE}.styles+xml"/>{parts}</Types>'
        ),
    )


def _relationships(inside: str) -> str:
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{inside}</Relationships>'
