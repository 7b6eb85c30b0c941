"""Statements: what is listed adds up to what is summed, by chat and by HTTP, in each language."""

import csv
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import Engine

from bot import periods
from bot.periods import BadPeriod
from bot.tables import attachments as files
from engine import queries, statements
from engine.orders import Side
from tests.bot.conftest import AS_OF, Traders
from tests.web.api import ApiCaller, code
from tests.web.test_attachments import make_all
from tests.web.test_delivery import received
from tests.web.test_twilio_double import wait_for
from web.twilio_double import TwilioDouble

ANA, BEN, CLEO = "+15550150", "+15550151", "+15550152"


@pytest.fixture
def traded(chat: Traders) -> Traders:
    """Two days of Ana's: she buys, sells a part dearer, and one of her orders expires."""
    chat.say(ANA, "Buy 100 Dec25 Wheat at 150")
    chat.say(BEN, "Sell 100 Dec25 Wheat at 150")
    chat.stack.wait(days=1)
    chat.say(BEN, "Buy 30 Dec25 Wheat at 152.25 good till canceled")
    chat.say(ANA, "Sell 30 Dec25 Wheat at 152.25")
    chat.say(ANA, "Buy 10 Dec25 Wheat at 151")
    chat.stack.wait(hours=25)
    chat.settle()
    chat.stack.wait(seconds=1)
    return chat


def trader_id(traders: Traders, order_id: int) -> int:
    with traders.stack.sessions() as session:
        return session.execute(sa.text("SELECT trader_id FROM orders WHERE id = :id"), {"id": order_id}).scalar_one()


def test_a_statement_adds_up_and_ends_where_the_account_stands(traded: Traders):
    ana = trader_id(traded, 1001)
    with traded.stack.sessions() as session:
        whole = statements.statement(session, ana, AS_OF - timedelta(days=1), traded.stack.now())
        second = statements.statement(session, ana, AS_OF + timedelta(hours=12), traded.stack.now())
        first = statements.statement(session, ana, AS_OF - timedelta(hours=12), AS_OF + timedelta(hours=12))
        account = queries.account(session, ana)
        (held,) = queries.holdings(session, ana)
    assert (
        (whole.realised, whole.commission)
        == (account.realised, account.commission)
        == (Decimal("67.5"), Decimal("19.57"))
    )
    assert whole.commission == first.commission + second.commission
    assert whole.realised == first.realised + second.realised
    assert whole.notional(Side.BUY) == Decimal(15000)
    assert whole.notional(Side.SELL) == Decimal("4567.5")
    (at_the_end,) = whole.positions
    assert (at_the_end.lots, at_the_end.average_price) == (held.lots, held.average_price) == (70, Decimal(150))
    assert first.positions[0].lots == 100
    assert [order.state for order in whole.closed_orders] == ["filled", "filled", "expired"]
    assert [len(part.fills) for part in (first, second)] == [1, 1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("statement", ["*Statement of November 2025*", "Bought for: 15,000.00", "Commission: 19.57"]),
        ("extracto de noviembre", ["*Extracto de noviembre de 2025*", "15.000,00", "19,57"]),
        ("extrato de novembro", ["*Extrato de novembro de 2025*", "15.000,00", "19,57"]),
        ("statement of yesterday", ["*Statement of 4 Nov 2025*", "Bought for: 0.00", "Sold for: 4,567.50"]),
    ],
)
def test_by_chat_the_sums_come_with_a_document_and_a_spreadsheet(
    traded: Traders,
    double: TwilioDouble,
    deliver: Callable[[], None],
    database: Engine,
    text: str,
    says: list[str],
):
    reply = traded.reply(ANA, text)
    for part in says:
        assert part in reply
    assert make_all(traded) == 2
    deliver()
    wait_for(lambda: received(double, ANA) != [] and received(double, ANA)[-1]["media_type"] is not None)
    *_before, words, document = received(double, ANA)
    assert document["media_type"] == "application/pdf"
    assert document["body"] == says[0].strip("*")
    address = re.search(rf"{re.escape(double.settings.public_url)}/media/[\w-]+\.csv$", words["body"])
    assert address is not None
    with database.connect() as connection:
        made = {row.content_type: row.content for row in connection.execute(sa.select(files))}
    assert made["application/pdf"].startswith(b"%PDF-")
    rows = list(csv.reader(StringIO(made["text/csv"].decode("utf-8-sig"))))
    trades, total = [row for row in rows[1:] if row[7] and row[1]], rows[-1]
    assert sum(Decimal(row[7]) for row in trades) == Decimal(total[7])
    assert sum(Decimal(row[8]) for row in trades) == Decimal(total[8])
    assert sum(Decimal(row[9]) for row in rows[1:-1] if row[9]) == Decimal(total[9])


def test_there_is_no_statement_of_what_is_to_come(traded: Traders):
    assert traded.reply(ANA, "statement for december 2025") == "There is no statement of a time to come."


@pytest.mark.parametrize("text", ["2025-13", "2025-02-30", "2025-12", "2025-11-04", "25-11", "1999-01", "9999-12"])
def test_what_is_no_day_or_month_that_was_is_refused(text: str):
    with pytest.raises(BadPeriod):
        periods.read(text, AS_OF.date())


@pytest.fixture
def ana_on_the_web(api: Flask, database: Engine) -> Iterator[ApiCaller]:
    return ApiCaller(api, "ana")


@pytest.mark.parametrize(("lang", "title"), [("en", "Kind"), ("es", "Tipo"), ("pt", "Tipo")])
def test_over_http_the_caller_gets_their_own_file(ana_on_the_web: ApiCaller, lang: str, title: str):
    document = ana_on_the_web.get("/api/account/statement", lang=lang)
    assert (document.status_code, document.mimetype) == (200, "application/pdf")
    assert document.data.startswith(b"%PDF-")
    spreadsheet = ana_on_the_web.get("/api/account/statement", format="csv", lang=lang)
    assert spreadsheet.mimetype == "text/csv"
    assert spreadsheet.data.decode("utf-8-sig").startswith(title)
    assert "attachment" in spreadsheet.headers["Content-Disposition"]


def test_over_http_a_period_must_have_begun_and_the_caller_be_known(ana_on_the_web: ApiCaller, api: Flask):
    assert code(ana_on_the_web.get("/api/account/statement", period="2999-01")) == "invalid_period"
    assert api.test_client().get("/api/account/statement").status_code == 401
