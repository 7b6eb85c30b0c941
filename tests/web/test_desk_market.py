"""What risk does to the market and to a trader: halt, resume, list, limit, freeze, cancel; and addresses let in."""

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from bot import tables
from bot.staff import Role
from engine.tables import instruments
from tests.bot.conftest import Traders
from tests.web.api import ApiCaller, Market, code
from tests.web.desk import Desk, text_of

ANA, BEN = "+15550101", "+15550102"


@pytest.fixture
def risk(api: Flask) -> Desk:
    return Desk(api, Role.RISK)


@pytest.fixture
def wheat(market: Market, database: Engine) -> str:
    """The path of Dec25 wheat's page."""
    with Session(database) as session:
        query = sa.select(instruments.c.id).where(instruments.c.symbol == "Dec25-Wheat")
        return f"/support/instruments/{session.execute(query).scalar_one()}"


def place(trader: ApiCaller, **order: object) -> dict[str, object]:
    return trader.place(headers={"Prefer": "wait=5"}, **order).json


def test_a_market_is_halted_and_resumed(api: Flask, market: Market, wheat: str, risk: Desk):
    trader = ApiCaller(api)
    with market.running():
        assert "Trading is halted." in risk.do(wheat, f"{wheat}/halt")
        assert place(trader)["reason"] == "instrument_halted"
        assert "Trading goes on." in risk.do(wheat, f"{wheat}/resume")
        assert place(trader)["state"] == "new"
    assert "instrument_halted" in risk.get("/support/audit")


def test_all_contracts_of_a_product_are_halted_at_once(market: Market, wheat: str, risk: Desk):
    with market.running():
        risk.do("/support/instruments", "/support/assets/wheat/halt")
    shown = risk.get("/support/instruments").partition('id="asset-wheat"')[2].partition("</section>")[0]
    assert shown.count("halted</b>") > 10
    assert "open</b>" not in shown


def test_rules_change_and_a_tick_that_would_change_what_rests_does_not(market: Market, wheat: str, risk: Desk):
    with market.running():
        assert "The rules hold" in risk.do(wheat, f"{wheat}/rules", band_percent="10", max_quantity="50")
        page = risk.get(wheat)
        assert 'name="band_percent" type="text" value="10"' in page
        assert 'name="max_quantity" type="text" value="50"' in page
        assert "The rules hold" not in risk.do(wheat, f"{wheat}/rules", tick_size="0.5")
    for wrong in ({"tick_size": "0"}, {"max_quantity": "1.5"}, {"band_percent": "NaN"}, {"last_trading_on": "soon"}):
        assert risk.send(wheat, f"{wheat}/rules", **wrong).status_code == 422, wrong


def test_a_contract_is_listed_and_trades(api: Flask, market: Market, risk: Desk):
    terms = {
        "asset": "wheat",
        "contract": "Dec29",
        "tick_size": "0.25",
        "max_quantity": "1000",
        "reference_price": "150",
        "band_percent": "20",
        "last_trading_on": "2029-12-14",
    }
    with market.running():
        assert "The contract is listed." in risk.do("/support/instruments", "/support/instruments", **terms)
        assert place(ApiCaller(api), symbol="Dec29-Wheat")["state"] == "new"
    for wrong, status in (({}, 409), ({"contract": "Dez29"}, 422), ({"contract": "Dec28", "reference_price": ""}, 422)):
        assert risk.send("/support/instruments", "/support/instruments", **(terms | wrong)).status_code == status


def test_a_product_is_added_and_its_contract_trades(api: Flask, market: Market, risk: Desk):
    page, names = "/support/instruments", {"name_en": "Barley", "name_es": "cebada", "name_pt": "cevada"}
    for wrong, status in (({"name_pt": ""}, 422), ({"name_en": "Gold"}, 409), ({"name_es": "trigos"}, 409)):
        assert risk.send(page, "/support/assets", **(names | wrong)).status_code == status
    assert "The product is known." in risk.do(page, "/support/assets", **names)
    assert risk.send(page, "/support/assets", **names).status_code == 409
    terms = {"asset": "barley", "contract": "Dec26", "tick_size": "0.01", "max_quantity": "1000"}
    with market.running():
        risk.do(page, page, **terms)
        assert place(ApiCaller(api), symbol="Dec26-Barley")["state"] == "new"


def test_a_word_names_a_product_unless_it_might_mean_another(market: Market, wheat: str, risk: Desk):
    aliases = "/support/assets/wheat/aliases"
    assert "grano duro" in risk.do(wheat, aliases, alias=" Grano  duro ")
    for alias, status in (
        ("gold", 409),
        ("golds", 409),
        ("ourò", 409),
        ("ab", 422),
        ("100wheat", 422),
        ("x" * 41, 422),
    ):
        assert risk.send(wheat, aliases, alias=alias).status_code == status, alias
    removal = f"{aliases}/remove"
    token, count = risk.token(wheat), risk.get(wheat).count(removal)
    risk.client.post(removal, data={"csrf_token": token, "alias": "grano duro"})
    assert risk.get(wheat).count(removal) == count - 1


def test_a_trader_is_limited_frozen_and_thawed(api: Flask, market: Market, risk: Desk, database: Engine):
    trader = ApiCaller(api)
    with Session(database) as session:
        trader_id = session.execute(sa.select(tables.accounts.c.trader_id)).scalar_one()
    page = f"/support/traders/{trader_id}"
    with market.running():
        assert "The limits hold" in risk.do(page, f"{page}/limits", order_quantity_lots_max="5")
        assert place(trader, quantity="6")["reason"] == "order_size_limit"
        assert "Frozen: may only cancel." in risk.do(page, f"{page}/freeze")
        assert place(trader, quantity="5")["reason"] == "trader_frozen"
        risk.do(page, f"{page}/unfreeze")
        assert place(trader, quantity="5")["state"] == "new"
        assert place(trader, quantity="6")["reason"] == "order_size_limit"
        for wrong in ("-1", "1.5", "ten", "9" * 12):
            assert risk.send(page, f"{page}/limits", order_quantity_lots_max=wrong).status_code == 422
    assert risk.client.get("/support/traders/999999").status_code == 404


def test_support_sees_no_button_that_is_not_for_it(api: Flask, market: Market, database: Engine):
    ApiCaller(api)
    with Session(database) as session:
        trader_id = session.execute(sa.select(tables.accounts.c.trader_id)).scalar_one()
    page = f"/support/traders/{trader_id}"
    assert f"{page}/freeze" in Desk(api, Role.RISK).get(page)
    seen = Desk(api, Role.SUPPORT).get(page)
    assert f"{page}/freeze" not in seen
    assert f"{page}/limits" not in seen


def test_orders_are_canceled_for_a_trader_and_both_are_told(
    chat: Traders, stack_app: Flask, database: Engine, monkeypatch: pytest.MonkeyPatch
):
    risk = Desk(stack_app, Role.RISK)
    # The desk waits for a worker to settle what it asks: here it is settled as it is woken.
    monkeypatch.setattr("web.desk_commands.queues.wake", lambda _redis, job, *ids: ids and chat.settle())
    monkeypatch.setattr("web.support_orders.utc_now", chat.stack.now)
    monkeypatch.setattr("web.support_traders.utc_now", chat.stack.now)
    for price in (150, 151, 152):
        assert chat.outcome(ANA, f"buy 5 dec25 wheat at {price}") == "placed"
    chat.told(ANA)
    with Session(database) as session:
        order_ids = session.scalars(sa.text("SELECT id FROM orders ORDER BY id")).all()
        trader_id = session.execute(sa.select(tables.conversations.c.trader_id)).scalar_one()
    page = f"/support/orders/{order_ids[0]}"
    assert "The order is canceled; the trader is told." in risk.do(page, f"{page}/cancel")
    [told] = chat.told(ANA)
    assert f"Order {order_ids[0]}" in told
    assert "Our staff canceled it." in told
    page = f"/support/traders/{trader_id}"
    assert "2 orders canceled. The trader is told." in text_of(risk.do(page, f"{page}/cancel"))
    assert sum("Our staff canceled it." in told for told in chat.told(ANA)) == 2
    assert [order for order in risk.get("/support/audit").split() if "order" in order]


def test_everyone_who_wrote_lately_is_told_once_in_their_language(
    chat: Traders, stack_app: Flask, database: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("web.support_announcements.utc_now", chat.stack.now)
    risk = Desk(stack_app, Role.RISK)
    chat.say("+15550104", "help")
    chat.stack.wait(days=31)
    chat.say(ANA, "help")
    chat.say(BEN, "ayuda")
    for number in (ANA, BEN):
        chat.told(number)
    page = "/support/announcements"
    texts = {"body_en": "Closed on Friday.", "body_es": "Cerrado el viernes.", "body_pt": "Fechado na sexta."}
    assert risk.send(page, page, **(texts | {"body_pt": " "})).status_code == 422
    form = texts | {"csrf_token": risk.token(), "key": "only-once-please"}
    for _ in range(2):
        assert risk.client.post(page, data=form).status_code == 302
    assert [chat.told(ANA), chat.told(BEN)] == [["Closed on Friday."], ["Cerrado el viernes."]]
    assert "2 traders" in text_of(risk.get(page))


def test_a_blocked_address_is_let_in_again(app: Flask, market: Market):
    stranger = app.test_client()
    for _ in range(60):
        stranger.get("/wp-login.php", environ_base={"REMOTE_ADDR": "203.0.113.7"})
    blocked = stranger.get("/api/market", environ_base={"REMOTE_ADDR": "203.0.113.7"})
    assert code(blocked) == "address_blocked"
    desk = Desk(app, Role.SUPPORT)
    assert "203.0.113.7" in desk.get("/support/addresses")
    assert "is let in again" in desk.do("/support/addresses", "/support/addresses/unblock")
    assert stranger.get("/api/market", environ_base={"REMOTE_ADDR": "203.0.113.7"}).status_code == 200
