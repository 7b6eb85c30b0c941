"""The trading terminal in a real browser, on all that a local run starts: a person trades there and by chat."""

import itertools
import re
import secrets
from decimal import Decimal
from typing import Any

import psutil
import pytest
import requests
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, Route, expect
from sqlalchemy.orm import Session

from bot.clock import utc_now
from bot.settings import sqlalchemy_url
from bot.tables import accounts
from engine import intake
from engine.intake import OrderRequest, Source
from engine.orders import Side
from tests.flows.conftest import ANSWER_MILLISECONDS_MAX, PASSWORD, LocalRun
from tests.flows.test_phone import expect_reply, say

fresh_numbers = (f"+1555030{digits:04d}" for digits in itertools.count())


@pytest.fixture
def page(terminal: Page) -> Page:
    return terminal


class Trader:
    """Somebody else, who trades by the API."""

    def __init__(self, run: LocalRun) -> None:
        self.address = run.address
        self.username = "ben-" + secrets.token_hex(4)
        credentials = {"username": self.username, "password": PASSWORD}
        answer = requests.post(f"{self.address}/api/auth/register", json=credentials, timeout=10)
        self.headers = {"Authorization": f"Bearer {answer.json()['access_token']}", "Prefer": "wait=30"}

    def place(self, side: str, quantity: str, price: str, symbol: str) -> dict[str, Any]:
        asked = {"symbol": symbol, "side": side, "quantity": quantity, "price": price}
        answer = requests.post(f"{self.address}/api/orders", json=asked, headers=self.headers, timeout=40)
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest.fixture
def ben(terminal_run: LocalRun) -> Trader:
    return Trader(terminal_run)


def choose(page: Page, symbol: str) -> None:
    """Each test has a contract of its own, so that no other's orders are in its book."""
    contract, asset = symbol.split("-")
    page.get_by_test_id("market-search").fill(f"{asset} {contract}")
    page.get_by_test_id(f"market-{symbol}").click()
    expect(page.get_by_test_id("market-heading")).to_have_text(f"{asset} {contract}")


def fill_in(page: Page, side: str, quantity: str, price: str) -> None:
    # The radio buttons themselves are drawn as the words beside them.
    page.get_by_test_id(f"side-{side}").locator("..").click()
    page.get_by_test_id("ticket-quantity").fill(quantity)
    page.get_by_test_id("ticket-price").fill(price)


def place(page: Page, side: str, quantity: str, price: str) -> str:
    """Send an order with the ticket; returns its number."""
    fill_in(page, side, quantity, price)
    page.get_by_test_id("ticket-send").click()
    result = page.get_by_test_id("ticket-result")
    expect(result).to_contain_text("Order")
    [number] = re.findall(r"Order (\d+)", result.inner_text())
    return number


def row(page: Page, number: str) -> Locator:
    return page.get_by_test_id(f"order-{number}")


def open_phone(page: Page, run: LocalRun, number: str) -> Page:
    phone = page.context.new_page()
    phone.goto(f"{run.address}/phone?lang=en&numbers={number}")
    return phone


def link_number(page: Page, run: LocalRun) -> tuple[Page, str]:
    number = next(fresh_numbers)
    page.get_by_test_id("open-link").click()
    code = page.get_by_test_id("link-code")
    expect(code).to_have_text(re.compile(r"link \d{6}"))
    led_to = page.context.new_page()
    led_to.goto(page.locator("#link-open").get_attribute("href"))
    expect(led_to.locator("textarea").first).to_have_value(code.inner_text())
    led_to.close()
    phone = open_phone(page, run, number)
    say(phone, number, code.inner_text())
    expect(page.get_by_test_id("linked-number")).to_have_text(number, timeout=ANSWER_MILLISECONDS_MAX)
    expect(page.get_by_test_id("notice").filter(has_text=number)).to_be_visible()
    expect(page.locator("#link")).to_be_hidden()
    return phone, number


def test_a_person_links_a_number_and_trades_in_both_places_as_one(
    page: Page, terminal_run: LocalRun, ana: str, ben: Trader
):
    choose(page, "Dec25-Rice")
    phone, number = link_number(page, terminal_run)
    ben.place("sell", "40", "165", "Dec25-Rice")

    first = place(page, "buy", "100", "165")
    expect(page.get_by_test_id("notice").filter(has_text="Bought 40 Rice Dec25 at 165.00")).to_be_visible()
    expect(row(page, first)).to_contain_text("40 / 100")
    expect_reply(phone, number, "40", "165")

    say(phone, number, "Buy 5 Rice Dec25 at 160")
    by_chat = page.locator("#orders tr").filter(has_text="160.00")
    expect(by_chat).to_contain_text("0 / 5")

    page.get_by_test_id(f"amend-{first}").click()
    page.get_by_test_id("amend-quantity").fill("90")
    page.get_by_test_id("amend-price").fill("164.50")
    page.get_by_test_id("amend-send").click()
    expect(row(page, first)).to_contain_text("164.50")
    expect(row(page, first)).to_contain_text("40 / 90")
    ben.place("sell", "10", "164.50", "Dec25-Rice")
    expect(row(page, first)).to_contain_text("50 / 90")
    expect_reply(phone, number, first, "10", "164.50")

    page.get_by_test_id(f"cancel-{first}").click()
    expect(row(page, first)).to_have_count(0)
    say(phone, number, "cancel all my orders")
    expect(page.locator("#orders tr")).to_have_count(0)

    page.get_by_test_id("tab-history").click()
    expect(page.get_by_test_id(f"ended-{first}")).to_contain_text("canceled")
    page.get_by_test_id("tab-positions").click()
    expect(page.get_by_test_id("position-Dec25-Rice")).to_contain_text("+50")
    expect(page.get_by_test_id("summary-commission")).to_have_text("8.25")


def test_stop_by_chat_is_shown_and_lifted_in_the_terminal(page: Page, terminal_run: LocalRun, ana: str):
    choose(page, "Dec25-Cotton")
    phone, number = link_number(page, terminal_run)
    order = place(page, "buy", "3", page.locator("#bids button").first.get_attribute("data-price") or "")
    expect(row(page, order)).to_be_visible()
    say(phone, number, "STOP")
    expect(page.get_by_test_id("freeze-banner")).to_be_visible()
    expect(row(page, order)).to_have_count(0)
    page.get_by_test_id("lift-freeze").click()
    expect(page.get_by_test_id("freeze-banner")).to_be_hidden()
    expect_reply(phone, number, "open for you again")


def test_a_double_click_places_one_order_and_its_cost_is_shown_before(page: Page, ana: str):
    choose(page, "Dec25-Gold")
    fill_in(page, "buy", "3", "1,900.50")
    expect(page.get_by_test_id("ticket-total")).to_have_text("5,701.50")
    expect(page.get_by_test_id("ticket-commission")).to_have_text("5.70")
    expect(page.get_by_test_id("ticket-band")).to_contain_text("Allowed now: 1,000.00 to 3,000.00")
    expect(page.get_by_test_id("ticket-send")).to_have_text("Buy 3 Gold Dec25 at 1,900.50")
    page.get_by_test_id("ticket-send").dblclick()
    expect(page.get_by_test_id("ticket-result")).to_contain_text("in the book")
    page.reload()
    expect(page.locator("#orders tr")).to_have_count(1)
    expect(page.get_by_test_id("username")).to_have_text(ana)
    page.get_by_test_id("cancel-all").click()
    page.get_by_test_id("cancel-all-send").click()
    expect(page.locator("#orders tr")).to_have_count(0)


def test_what_the_market_refuses_is_said_and_nothing_is_placed(page: Page, ana: str):
    choose(page, "Dec25-Sugar")
    for quantity, price, said in (
        ("10", "15.001", "steps of 0.01"),
        ("1.5", "15", "multiples of 1"),
        ("10", "900", "too far from the market"),
        ("ten", "15", "digits only"),
        ("", "15", "How many?"),
    ):
        fill_in(page, "buy", quantity, price)
        page.get_by_test_id("ticket-send").click()
        expect(page.get_by_test_id("ticket-error")).to_contain_text(said)
    expect(page.locator("#orders tr")).to_have_count(0)


def test_a_price_of_the_book_goes_into_the_ticket_and_a_market_order_is_estimated(page: Page, ana: str, ben: Trader):
    choose(page, "Jan26-Coffee")
    ben.place("sell", "7", "375", "Jan26-Coffee")
    best = page.get_by_test_id("offers").get_by_role("button", name="Offer 375.00 for 7")
    best.click()
    expect(page.get_by_test_id("ticket-price")).to_have_value("375.00")
    page.get_by_test_id("type-market").locator("..").click()
    page.get_by_test_id("ticket-quantity").fill("2")
    expect(page.get_by_test_id("ticket-total")).to_have_text("750.00")
    expect(page.get_by_test_id("ticket-lifetime")).to_have_value("IOC")
    page.get_by_test_id("ticket-send").click()
    expect(page.get_by_test_id("ticket-result")).to_contain_text("filled. Filled 2 at 375.00")
    expect(page.get_by_test_id("trade")).to_have_count(1)
    expect(page.get_by_test_id("quote-last")).to_have_text("375.00")
    expect(page.get_by_test_id("market-Jan26-Coffee")).to_contain_text("375.00")


def test_the_language_is_switched_and_the_market_the_login_and_the_orders_stay(page: Page, ana: str):
    choose(page, "Dec25-Silver")
    order = place(page, "sell", "2", "1,250.5")
    for language, heading, tab, price in (
        ("Español", "Plata Dic25", "Órdenes abiertas", "1.250,50"),
        ("Português", "Prata Dez25", "Ordens abertas", "1.250,50"),
    ):
        page.get_by_role("link", name=language).click()
        expect(page.get_by_test_id("market-heading")).to_have_text(heading)
        expect(page.get_by_test_id("username")).to_have_text(ana)
        expect(page.get_by_test_id("tab-orders")).to_contain_text(tab)
        expect(row(page, order)).to_contain_text(price)
    fill_in(page, "buy", "10", "1.100,25")
    expect(page.get_by_test_id("ticket-total")).to_have_text("11.002,50")
    # In Portuguese this is neither 1100.25 nor 110025.
    page.get_by_test_id("ticket-price").fill("1100.25")
    expect(page.get_by_test_id("ticket-total")).to_have_text("–")


def test_after_a_restart_of_the_server_every_event_is_there_once(
    page: Page, terminal_run: LocalRun, ana: str, ben: Trader
):
    symbol = "Dec25-Copper"
    choose(page, symbol)
    price = int(float(page.locator("#offers button").last.get_attribute("data-price") or "0"))
    prices = [f"{price - 8 + step}.00" for step in range(4)]
    orders = [place(page, "buy", "10", wanted) for wanted in prices]
    sell_to(terminal_run, ben, symbol, prices[3], quantity=4)
    expect(row(page, orders[3])).to_contain_text("4 / 10")

    gunicorns = [one for one in family(terminal_run) if "gunicorn" in " ".join(one.cmdline())]
    for process in gunicorns:
        process.kill()
    psutil.wait_procs(gunicorns, timeout=10)
    expect(page.get_by_test_id("connection")).not_to_have_text("Live")
    sell_to(terminal_run, ben, symbol, prices[3], quantity=6)
    sell_to(terminal_run, ben, symbol, prices[2], quantity=10)
    expect(page.get_by_test_id("connection")).to_have_text("Live", timeout=ANSWER_MILLISECONDS_MAX)
    sell_to(terminal_run, ben, symbol, prices[1], quantity=10)
    sell_to(terminal_run, ben, symbol, prices[0], quantity=9)

    expect(page.locator("#orders tr")).to_have_count(1)
    expect(row(page, orders[0])).to_contain_text("9 / 10")
    expect(page.get_by_test_id("trade")).to_have_count(5)
    quantities = page.get_by_test_id("trade").locator("td:nth-child(3)").all_inner_texts()
    assert quantities == ["9", "10", "10", "6", "4"]
    page.get_by_test_id("tab-fills").click()
    expect(page.get_by_test_id("fill")).to_have_count(5)
    assert page.get_by_test_id("fill").locator("td:nth-child(6)").all_inner_texts() == quantities
    page.get_by_test_id("tab-positions").click()
    expect(page.get_by_test_id(f"position-{symbol}")).to_contain_text("+39")


def sell_to(run: LocalRun, trader: Trader, symbol: str, price: str, quantity: int) -> None:
    """Hand an order to the engine past the web server, which may be away; the sweep wakes its engine."""
    sweep = next(one for one in family(run) if "bot.sweep" in one.cmdline())
    database = sa.create_engine(sqlalchemy_url(sweep.environ()["DATABASE_URL"]))
    with Session(database) as session, session.begin():
        seller = session.execute(
            sa.select(accounts.c.trader_id).where(accounts.c.username == trader.username)
        ).scalar_one()
        request = OrderRequest(side=Side.SELL, quantity=Decimal(quantity), symbol=symbol, price=Decimal(price))
        intake.place(
            session,
            trader_id=seller,
            request=request,
            source=Source.API,
            request_key=secrets.token_hex(8),
            now=utc_now(),
        )
    database.dispose()


def family(run: LocalRun) -> list[psutil.Process]:
    """The run's own processes, besides the shells that keep them up."""
    return [
        one for one in psutil.Process(run.process.pid).children(recursive=True) if one.name() not in ("sh", "postgres")
    ]


def test_signing_in_out_and_wrongly(page: Page, ana: str):
    page.get_by_test_id("sign-out").click()
    expect(page.get_by_test_id("open-sign-in")).to_be_visible()
    expect(page.locator("#orders-empty")).to_have_text("Sign in to see your orders.")
    page.reload()
    expect(page.get_by_test_id("open-sign-in")).to_be_visible()
    page.get_by_test_id("ticket-send").click()
    page.get_by_test_id("username-field").fill(ana)
    page.get_by_test_id("password-field").fill("not this one")
    page.get_by_test_id("sign-in-send").click()
    expect(page.get_by_test_id("sign-in-error")).to_have_text("The username or the password is wrong.")
    page.get_by_test_id("password-field").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("username")).to_have_text(ana)
    kept = page.evaluate("[Object.entries(localStorage), Object.entries(sessionStorage), document.cookie]")
    assert kept == [[["maibroker.signed-in", "yes"]], [], ""]


def test_an_order_with_a_time_and_an_alert_are_set_and_taken_back(page: Page, terminal_run: LocalRun, ana: str):
    choose(page, "Jan26-Brent")
    link_number(page, terminal_run)
    fill_in(page, "buy", "4", page.locator("#bids button").nth(1).get_attribute("data-price") or "")
    page.get_by_test_id("ticket-lifetime").select_option("GTT")
    page.get_by_test_id("ticket-until").fill("2030-03-02T15:30")
    page.get_by_test_id("ticket-post-only").check()
    page.get_by_test_id("ticket-send").click()
    expect(page.locator("#orders tr")).to_contain_text("Mar 2, 15:30")

    page.get_by_test_id("tab-alerts").click()
    page.get_by_test_id("alert-price").fill("70.25")
    page.get_by_test_id("alert-add").click()
    alert = page.get_by_test_id("alert")
    expect(alert).to_contain_text("70.25")
    alert.get_by_role("button").click()
    expect(alert).to_have_count(0)


def test_orders_that_come_before_the_markets_take_their_names_once_these_are_there(page: Page, ana: str):
    choose(page, "Jan26-Cocoa")
    number = place(page, "buy", "2", "5700")
    held: list[Route] = []
    page.route(re.compile(r"/api/market$"), lambda route: held.append(route))
    page.reload()
    expect(row(page, number)).to_contain_text("Jan26-Cocoa")
    for route in held:
        route.continue_()
    expect(row(page, number)).to_contain_text("Cocoa Jan26")


def test_a_fill_that_came_while_nobody_looked_is_told_once_when_they_are_back(
    page: Page, terminal_run: LocalRun, ana: str, ben: Trader
):
    choose(page, "Jan26-Sugar")
    phone, number = link_number(page, terminal_run)
    expect_reply(phone, number, ana)
    phone.close()  # From here on nobody reads the messages.
    place(page, "buy", "7", "15")
    address = page.url
    page.goto("about:blank")
    ben.place("sell", "7", "15", "Jan26-Sugar")
    page.goto(address)
    away = page.get_by_test_id("notice").filter(has_text="While you were away")
    expect(away).to_contain_text("Bought 7 Sugar Jan26 at 15.00")
    away.get_by_role("button").click()
    expect(away).to_have_count(0)
    page.reload()
    expect(page.get_by_test_id("fills")).to_contain_text("Sugar Jan26")
    expect(away).to_have_count(0)
