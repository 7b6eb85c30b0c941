"""The caller's statement of a day or month, as a document or a spreadsheet."""

from zoneinfo import ZoneInfo

import gevent
from apiflask import APIBlueprint
from flask import Response, current_app

from bot import linking, periods
from bot.clock import utc_now
from bot.periods import BadPeriod
from bot.refusals import RequestRefused
from bot.statement_pdf import pdf
from bot.statements import StatementText
from engine import statements as stated
from web import caller, schemas

UTC = ZoneInfo("UTC")
MIMETYPES = {"pdf": "application/pdf", "csv": "text/csv"}
FILE = {
    "description": "The file.",
    "content": {mimetype: {"schema": {"type": "string", "format": "binary"}} for mimetype in MIMETYPES.values()},
}

statements = APIBlueprint("statements", __name__, url_prefix="/api", tag="Statements")


class InvalidPeriod(RequestRefused):
    """Not a day or month that there has been. Facts: period."""

    code = "invalid_period"


@statements.get("/account/statement")
@statements.input(schemas.StatementQuery, location="query")
@statements.doc(security="bearer", operation_id="get_statement", responses={200: FILE})
def statement(query_data: schemas.StatementQuery) -> Response:
    """Trades, orders that ended, positions and profit of a day or month in UTC; by default of this month."""
    now = utc_now()
    try:
        period = periods.read(query_data.period or f"{now:%Y-%m}", now.date())
    except BadPeriod as problem:
        raise InvalidPeriod(period=query_data.period) from problem
    with current_app.extensions["reads"]() as session:
        _, trader_id = caller.signed_in(session)
        found = stated.statement(session, trader_id, *period.bounds(UTC))
        holder = linking.username_of(session, trader_id) or ""
    text = StatementText(found, period, holder, query_data.lang, UTC)
    # Other requests are served while a thread of its own sets the pages.
    content = gevent.get_hub().threadpool.apply(text.csv if query_data.format == "csv" else lambda: pdf(text))
    name = f"maibroker-{period.text}.{query_data.format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, mimetype=MIMETYPES[query_data.format], headers=headers)
