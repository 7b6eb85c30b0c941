"""The terminal for everyone: screen readers, keyboards, both themes, and every width in every language."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.flows.conftest import LocalRun
from tests.flows.test_terminal import choose, place

PHONE, TABLET, DESKTOP = {"width": 390, "height": 844}, {"width": 768, "height": 1024}, {"width": 1440, "height": 900}
VIEWS = ("markets", "trade", "activity", "account")


def findings(page: Page) -> list[tuple[str, str]]:
    """What axe finds serious, and where."""
    page.evaluate("document.getAnimations().forEach((animation) => animation.finish())")
    violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        (violation["id"], node["html"])
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(terminal: Page, ana: str, theme: str):
    if terminal.locator("html").get_attribute("data-theme") != theme:
        terminal.locator("#theme").click()
    choose(terminal, "Dec25-Cocoa")
    best = terminal.locator("#offers button:not(:disabled)").last
    terminal.get_by_test_id("side-buy").locator("..").click()
    best.click()
    terminal.get_by_test_id("ticket-quantity").fill("2")
    terminal.get_by_test_id("ticket-send").click()
    expect(terminal.get_by_test_id("ticket-result")).to_contain_text("filled")
    place(
        terminal, "sell", "3", terminal.locator("#offers button:not(:disabled)").first.get_attribute("data-price") or ""
    )
    terminal.get_by_test_id("ticket-quantity").fill("x")
    terminal.get_by_test_id("ticket-send").click()
    expect(terminal.get_by_test_id("ticket-error")).not_to_be_empty()
    assert findings(terminal) == []
    for tab in ("positions", "fills", "history", "alerts"):
        terminal.get_by_test_id(f"tab-{tab}").click()
        assert findings(terminal) == [], tab
    terminal.get_by_test_id("open-link").click()
    assert findings(terminal) == []
    terminal.keyboard.press("Escape")
    terminal.set_viewport_size(PHONE)
    for view in VIEWS:
        terminal.locator(f"nav.views [data-view={view}]").click()
        assert findings(terminal) == [], view


@pytest.mark.parametrize("size", [PHONE, TABLET, DESKTOP], ids=["phone", "tablet", "desktop"])
@pytest.mark.parametrize(("language", "connected"), [("en", "Live"), ("es", "En vivo"), ("pt", "Ao vivo")])
def test_nothing_is_cut_off_at_any_width_in_any_language(
    terminal: Page, terminal_run: LocalRun, size: dict[str, int], language: str, connected: str
):
    terminal.set_viewport_size(size)
    terminal.goto(f"{terminal_run.address}/?lang={language}&market=Dec25-Soybeans")
    expect(terminal.get_by_test_id("connection")).to_have_text(connected)
    expect(terminal.get_by_test_id("ticket-band")).to_contain_text("1")
    assert terminal.evaluate("document.documentElement.scrollWidth") == size["width"]
    send = terminal.get_by_test_id("ticket-send")
    send.scroll_into_view_if_needed()
    expect(send).to_be_in_viewport(ratio=0.9)
    # Words that do not fit into what holds them.
    cut = terminal.evaluate(
        """() => [...document.querySelectorAll("button, select, th, dt, dd, h2, label")].filter((shown) =>
            shown.checkVisibility() && !shown.closest(".unseen") && shown.scrollWidth > shown.clientWidth + 1
            && getComputedStyle(shown).overflowX !== "visible").map((shown) => shown.outerHTML)"""
    )
    assert cut == []


def test_a_market_is_found_and_an_order_placed_with_the_keyboard_alone(terminal: Page, ana: str):
    keyboard = terminal.keyboard
    terminal.get_by_role("searchbox", name="Find a market").focus()
    keyboard.type("platinum jan26")
    expect(terminal.get_by_test_id("market-list").get_by_role("button")).to_have_count(1)
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(terminal.get_by_test_id("market-heading")).to_have_text("Platinum Jan26")
    terminal.get_by_role("radio", name="Buy").focus()
    keyboard.press("ArrowRight")
    expect(terminal.get_by_role("radio", name="Sell")).to_be_checked()
    terminal.get_by_role("textbox", name="Quantity", exact=True).focus()
    keyboard.type("2")
    keyboard.press("Tab")
    keyboard.type("2000")
    keyboard.press("Enter")
    expect(terminal.get_by_test_id("ticket-result")).to_contain_text("in the book")
    order = terminal.locator("#orders tr")
    order.get_by_role("button", name="Cancel order").focus()
    keyboard.press("Enter")
    expect(order).to_have_count(0)
    terminal.get_by_role("tab", name="Open orders").focus()
    keyboard.press("ArrowRight")
    expect(terminal.get_by_role("tabpanel", name="Positions")).to_be_visible()


def test_the_theme_follows_the_system_until_one_is_chosen(terminal: Page):
    html = terminal.locator("html")
    terminal.emulate_media(color_scheme="dark")
    expect(html).to_have_attribute("data-theme", "dark")
    terminal.emulate_media(color_scheme="light")
    expect(html).to_have_attribute("data-theme", "light")
    terminal.get_by_role("button", name="Dark").click()
    terminal.reload()
    expect(html).to_have_attribute("data-theme", "dark")
