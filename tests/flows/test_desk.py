"""Our staff in a real browser against every real process: why did it do that, try again, halt, and who may what."""

import time
from collections.abc import Callable, Iterator
from typing import Literal

import psutil
import pytest
import requests
import sqlalchemy as sa
from playwright.sync_api import Browser, BrowserContext, Cookie, Page, expect
from sqlalchemy.orm import Session

from bot import passwords, staff, tables
from bot.clock import utc_now
from bot.settings import sqlalchemy_url
from bot.staff import Role
from engine.tables import orders
from tests.flows.conftest import PROJECT, LocalRun
from tests.flows.test_terminal_access import findings

PASSWORD = "nine yellow harvesters"
VOICE_NOTE = PROJECT / "tests" / "data" / "voice" / "d-en-01.ogg"
SECONDS_MAX = 60
VOICE_SECONDS_MAX = 300  # The first note may have to wait until Whisper's weights are there.
ANA, BEN = "+15550400001", "+15550400002"


@pytest.fixture(scope="module")
def database(local_run: LocalRun) -> Iterator[sa.Engine]:
    """The run's own database, which its processes were told of."""
    family = psutil.Process(local_run.process.pid).children(recursive=True)
    found = [one.environ().get("DATABASE_URL") for one in family]
    engine = sa.create_engine(sqlalchemy_url(next(url for url in found if url)))
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def people(database: sa.Engine) -> None:
    """One of our staff in each role, named by it."""
    with Session(database) as session, session.begin():
        for role in Role:
            password_hash = passwords.hasher.hash(PASSWORD)
            staff.add(session, username=f"test-{role}", password_hash=password_hash, role=role, now=utc_now())


@pytest.fixture(scope="module")
def sessions(people: None) -> dict[Role, list[Cookie]]:
    """The cookies of whoever is signed in: few sign-ins are allowed in a quarter of an hour."""
    return {}


@pytest.fixture
def open_desk(
    local_run: LocalRun, browser: Browser, sessions: dict[Role, list[Cookie]]
) -> Iterator[Callable[..., Page]]:
    """Opens the desk as one in that role; whatever a page's script or its policy gets wrong fails the test."""
    errors: list[str] = []
    contexts: list[BrowserContext] = []

    def sign_in(role: Role, *, scripts: bool = True) -> Page:
        context = browser.new_context(
            locale="en-US", viewport={"width": 390, "height": 844}, java_script_enabled=scripts
        )
        contexts.append(context)
        context.add_cookies(sessions.get(role, []))
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None)
        page.goto(f"{local_run.address}/support/")
        if role not in sessions:
            page.get_by_label("Name").fill(f"test-{role}")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            sessions[role] = context.cookies()
        expect(page.get_by_role("heading", name="Support desk", level=1)).to_be_visible()
        return page

    yield sign_in
    for context in contexts:
        context.close()
    assert errors == []


def write(run: LocalRun, number: str, body: str) -> None:
    content = {"number": number, "body": body}
    assert requests.post(f"{run.address}/phone/messages", json=content, timeout=10).status_code == 201


def replies(run: LocalRun, number: str) -> list[str]:
    answer = requests.get(f"{run.address}/phone/messages", params={"numbers": number}, timeout=10)
    return [message["body"] for message in answer.json()["messages"] if message["direction"] == "outbound"]


def wait_for_reply(run: LocalRun, number: str, words: str, seconds: int = SECONDS_MAX) -> None:
    end = time.monotonic() + seconds
    while not any(words in reply.replace("*", "") for reply in replies(run, number)):
        assert time.monotonic() < end, f"no {words!r} in {replies(run, number)}"
        time.sleep(0.1)


def find(page: Page, words: str) -> None:
    page.get_by_test_id("search").fill(words)
    page.get_by_test_id("search").press("Enter")


def placed_order(database: sa.Engine, number: str) -> int:
    query = (
        sa.select(sa.func.max(orders.c.id))
        .join(tables.conversations, tables.conversations.c.trader_id == orders.c.trader_id)
        .where(tables.conversations.c.number == number)
    )
    with Session(database) as session:
        return session.execute(query).scalar_one()


def test_support_finds_why_a_voice_note_led_to_its_order(
    local_run: LocalRun, database: sa.Engine, browser: Browser, open_desk: Callable[..., Page]
):
    risk = open_desk(Role.RISK)
    risk.get_by_role("link", name="Instruments").click()
    risk.get_by_text("List a contract").click()
    risk.get_by_label("Product").select_option("copper")
    for name, value in (
        ("Contract", "Mar26"), ("Tick", "0.05"), ("Largest order", "1000"), ("Reference price", "400"),
    ):  # fmt: skip
        risk.get_by_label(name, exact=True).fill(value)
    risk.get_by_role("button", name="List it").click()
    expect(risk.get_by_role("status")).to_contain_text("The contract is listed.")

    # "Buy twenty-five copper, March twenty-six, at four hundred and ten."
    phone = browser.new_page(locale="en-US")
    phone.goto(f"{local_run.address}/phone?lang=en&numbers={ANA}")
    phone.get_by_test_id(f"file-{ANA}").set_input_files(VOICE_NOTE)
    wait_for_reply(local_run, ANA, "YES", VOICE_SECONDS_MAX)
    phone.close()
    write(local_run, ANA, "yes")
    wait_for_reply(local_run, ANA, "Order ")
    order_id = placed_order(database, ANA)

    page = open_desk(Role.SUPPORT)
    find(page, str(order_id))
    page.get_by_role("link", name=f"Order {order_id}").click()
    page.get_by_role("link", name="Message").first.click()
    story = page.locator("ol.story > li")
    expect(story).to_have_count(2)
    expect(story.nth(0)).to_contain_text("Confidence")
    expect(story.nth(0)).to_contain_text("asked to confirm")
    expect(story.nth(0)).to_contain_text("YES")
    expect(story.nth(0).locator("audio")).to_have_count(1)
    expect(story.nth(1)).to_contain_text("placed an order")
    expect(story.nth(1)).to_contain_text("Order accepted")
    expect(page.get_by_test_id(f"order-{order_id}")).to_contain_text("Events")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_support_retries_what_was_given_up_and_is_refused_what_risk_may(
    local_run: LocalRun, database: sa.Engine, open_desk: Callable[..., Page]
):
    write(local_run, BEN, "hello")
    wait_for_reply(local_run, BEN, "")
    with Session(database) as session, session.begin():
        chat = tables.conversations.c.number == BEN
        # What no message of today's can do to us: a stored question that does not read.
        session.execute(sa.update(tables.conversations).where(chat).values(question={"unreadable": True}))
    write(local_run, BEN, "buy 3 rice dec25 at 165")
    wait_for_reply(local_run, BEN, "Something went wrong")
    with Session(database) as session, session.begin():
        session.execute(sa.update(tables.conversations).where(chat).values(question=None))

    page = open_desk(Role.SUPPORT, scripts=False)
    page.get_by_role("link", name="Messages given up").click()
    row = page.locator("li", has_text=BEN)
    row.get_by_role("button", name="Handle it again").click()
    expect(page.get_by_role("status")).to_contain_text("its sender is asked first")
    wait_for_reply(local_run, BEN, "Do you still want it?")
    write(local_run, BEN, "yes")
    wait_for_reply(local_run, BEN, "3 Rice")
    page.reload()
    expect(page.locator("ol.story")).to_contain_text("placed an order")

    page.get_by_role("navigation").get_by_role("link", name="Instruments").click()
    page.get_by_role("link", name="Dec25-Wheat").click()
    page.get_by_role("button", name="Halt", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Your role does not allow this")


def test_risk_halts_wheat_while_orders_flow_and_it_is_all_in_the_audit(
    local_run: LocalRun, open_desk: Callable[..., Page]
):
    page = open_desk(Role.RISK)
    page.get_by_role("link", name="Instruments").click()
    page.get_by_role("link", name="Dec25-Wheat").click()
    write(local_run, BEN, "buy 1 wheat dec25 at 140")
    page.get_by_role("button", name="Halt", exact=True).click()
    expect(page.get_by_test_id("status")).to_have_text("halted")
    write(local_run, BEN, "buy 2 wheat dec25 at 140")
    wait_for_reply(local_run, BEN, "Not placed: Buy 2 Wheat Dec25")
    write(local_run, BEN, "buy 4 corn dec25 at 430")
    wait_for_reply(local_run, BEN, "4 Corn")
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.get_by_test_id("status")).to_have_text("open")
    write(local_run, BEN, "buy 6 wheat dec25 at 140")
    wait_for_reply(local_run, BEN, "Buy 6 Wheat Dec25")

    page.get_by_role("link", name="Audit").click()
    for kind, who in (
        ("instrument_halted", "test-risk"),
        ("instrument_resumed", "test-risk"),
        ("message_retried", "test-support"),
        ("staff_refused", "test-support"),
    ):
        row = page.get_by_test_id("audit").locator("tr", has_text=kind).filter(has_text=who)
        expect(row.first).to_be_visible()
    with page.expect_download() as exported:
        page.get_by_role("button", name="Export as CSV").click()
    assert "instrument_halted" in exported.value.path().read_text()


def test_the_dashboard_of_jobs_works_in_the_browser(local_run: LocalRun, open_desk: Callable[..., Page]):
    page = open_desk(Role.SUPPORT)
    page.get_by_role("link", name="Jobs").click()
    expect(page.locator("table#queues")).to_contain_text("engine-0")
    page.goto(f"{local_run.address}/support/rq/0/view/workers")
    expect(page.locator("table#workers")).to_contain_text("outbound")
    page.goto(f"{local_run.address}/support/rq/0/view/jobs/chat/failed/8/asc/1")
    expect(page.locator("table#jobs tbody tr").first).to_be_visible()
    expect(page.locator("#empty-btn")).to_be_hidden()
    page.get_by_role("link", name="Requeue All").click()
    with page.expect_response(lambda answer: "/requeue/chat" in answer.url) as requeued:
        page.get_by_role("button", name="Yes").click()
    assert requeued.value.json()["status"] == "OK"


def test_a_traders_token_opens_nothing_here(local_run: LocalRun):
    account = {"username": "desk-trader", "password": "seven purple tractors"}
    tokens = requests.post(f"{local_run.address}/api/auth/register", json=account, timeout=10).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert requests.get(f"{local_run.address}/api/auth/profile", headers=headers, timeout=10).ok
    for path in ("", "audit", "instruments", "messages/1", "rq/", "rq/0/data/queues.json"):
        answer = requests.get(f"{local_run.address}/support/{path}", headers=headers, timeout=10, allow_redirects=False)
        assert answer.status_code == 302
        assert "/support/sign-in" in answer.headers["Location"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    database: sa.Engine, local_run: LocalRun, open_desk: Callable[..., Page], theme: Literal["light", "dark"]
):
    write(local_run, BEN, "hello")
    wait_for_reply(local_run, BEN, "")
    with Session(database) as session:
        [message] = session.execute(sa.select(sa.func.max(tables.inbox.c.id))).scalars()
        chat, trader = session.execute(
            sa.select(tables.conversations.c.id, tables.conversations.c.trader_id).where(
                tables.conversations.c.number == BEN
            )
        ).one()
    page = open_desk(Role.ADMIN)
    page.emulate_media(color_scheme=theme)
    for path in (
        "", "search?q=hello", f"messages/{message}", f"chats/{chat}", f"traders/{trader}", "instruments",
        "instruments/1", "troubles", "readings", "announcements", "addresses", "audit", "staff",
    ):  # fmt: skip
        page.goto(f"{local_run.address}/support/{path}")
        assert findings(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
