"""A statement as a PDF document of A4 pages."""

from importlib.util import find_spec
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from bot.languages import base, translations
from bot.statements import StatementText, Table

FONT = "DejaVu"  # Comes with matplotlib, which is not loaded for it, and has the letters of every product's name.
FONTS = Path(find_spec("matplotlib").origin).parent / "mpl-data" / "fonts" / "ttf"
INK, QUIET, BAND = (21, 32, 43), (74, 87, 99), (238, 241, 244)
BODY, SMALL, HEADING, TITLE = 8, 7, 11, 16
LINE = 5.2  # Millimetres.
ROWS_MAX = 400  # Longer tables are for the spreadsheet; nobody reads them page by page.


class Page(FPDF):
    """Pages with their numbers at the foot."""

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font(FONT, size=SMALL)
        self.set_text_color(*QUIET)
        self.cell(0, 5, f"{self.page_no()} / {{nb}}", align="R")


def pdf(text: StatementText) -> bytes:
    """The whole statement: sums first, then what they are made of."""
    page = Page(format="A4")
    page.add_font(FONT, fname=FONTS / "DejaVuSans.ttf")
    page.add_font(FONT, style="B", fname=FONTS / "DejaVuSans-Bold.ttf")
    page.set_title(text.title)
    page.set_lang(base(text.language))
    page.set_auto_page_break(True, margin=16)
    page.add_page()
    page.set_text_color(*QUIET)
    page.set_font(FONT, size=BODY)
    page.cell(0, LINE, "MaiBroker", new_x="LMARGIN", new_y="NEXT")
    page.set_text_color(*INK)
    page.set_font(FONT, style="B", size=TITLE)
    page.cell(0, 10, text.title, new_x="LMARGIN", new_y="NEXT")
    page.set_font(FONT, size=BODY)
    page.set_text_color(*QUIET)
    page.cell(0, LINE, text.subtitle, new_x="LMARGIN", new_y="NEXT")
    page.ln(3)
    page.set_text_color(*INK)
    with page.table(
        width=95, col_widths=(3, 2), text_align=("LEFT", "RIGHT"), align="LEFT", line_height=LINE + 1,
        first_row_as_headings=False, borders_layout=TableBordersLayout.HORIZONTAL_LINES,
    ) as sums:  # fmt: skip
        for name, value in text.totals():
            sums.row((name, value))
    for table in text.tables():
        _table(page, table, text.language)
    return bytes(page.output())


def _table(page: Page, table: Table, language: str) -> None:
    _ = translations(language).gettext
    page.ln(6)
    page.set_font(FONT, style="B", size=HEADING)
    page.cell(0, 7, table.title, new_x="LMARGIN", new_y="NEXT")
    page.set_font(FONT, size=SMALL)
    if not table.rows or len(table.rows) > ROWS_MAX:
        words = _("%(count)s rows: they are in the spreadsheet (CSV).") % {"count": len(table.rows)}
        page.set_font(FONT, size=BODY)
        page.cell(0, LINE, words if table.rows else table.empty, new_x="LMARGIN", new_y="NEXT")
        return
    columns = list(zip(table.head, *table.rows, strict=True))
    # Each as wide as its longest word needs; fpdf2 shares out what is left.
    widths = tuple(max(page.get_string_width(cell) for cell in column) + 4 for column in columns)
    aligned = tuple("LEFT" if place < table.left else "RIGHT" for place in range(len(columns)))
    with page.table(
        width=min(sum(widths) * 1.1, page.epw), col_widths=widths, text_align=aligned, align="LEFT", line_height=LINE,
        borders_layout=TableBordersLayout.HORIZONTAL_LINES, headings_style=FontFace(emphasis="BOLD", fill_color=BAND),
    ) as rows:  # fmt: skip
        rows.row(table.head)
        for row in table.rows:
            rows.row(row)
