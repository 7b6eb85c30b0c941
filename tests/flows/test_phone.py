"""People at their phones: what they type goes through every real process and comes back."""

import itertools
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.flows.conftest import PROJECT, LocalRun

REPLY_MILLISECONDS_MAX = 30_000
VOICE_REPLY_MILLISECONDS_MAX = 300_000  # The first note may have to wait until Whisper's weights are there.
VOICE_NOTE = PROJECT / "tests" / "data" / "voice" / "d-en-03.ogg"  # "Cancel order three hundred and fifteen."
fresh_numbers = (f"+1555020{digits:04d}" for digits in itertools.count())


@pytest.fixture
def numbers() -> tuple[str, str]:
    """Two people whom nobody knows yet."""
    return next(fresh_numbers), next(fresh_numbers)


@pytest.fixture
def page(local_run: LocalRun, browser: Browser, numbers: tuple[str, str]) -> Iterator[Page]:
    """Their two phones side by side; whatever the page's own script gets wrong fails the test."""
    errors: list[str] = []
    context = browser.new_context(locale="en-US", viewport={"width": 1200, "height": 800})
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.goto(f"{local_run.address}/phone?lang=en&numbers={','.join(numbers)}")
    yield page
    context.close()
    assert errors == []


def say(page: Page, number: str, words: str) -> None:
    page.get_by_test_id(f"text-{number}").fill(words)
    page.get_by_test_id(f"text-{number}").press("Enter")


def replies(page: Page, number: str):
    return page.get_by_test_id(f"log-{number}").get_by_test_id("received-message")


def expect_reply(page: Page, number: str, *words: str) -> None:
    """One reply to that number has all these words in this order."""
    wanted = re.compile(".*".join(map(re.escape, words)), re.DOTALL)
    expect(replies(page, number).filter(has_text=wanted).first).to_be_visible(timeout=REPLY_MILLISECONDS_MAX)


def test_two_people_trade_with_each_other_and_both_read_what_traded(page: Page, numbers: tuple[str, str]):
    ana, ben = numbers
    say(page, ana, "Buy 100 Dec25 Wheat at 150")
    expect_reply(page, ana, "100", "Wheat", "150")
    say(page, ben, "Sell 40 Dec25 Wheat at 149")
    expect_reply(page, ben, "40", "150")
    expect_reply(page, ana, "40", "150")
    expect(replies(page, ben).locator("[data-status=read]").first).to_be_visible()


@pytest.mark.parametrize(
    ("language", "words", "answer"),
    [("es", "Compra 10 oro Dic25 a 1.900", "1.900"), ("pt", "Compra 10 ouro Dez25 a 1.900", "1.900")],
)
def test_an_order_is_answered_in_its_own_language(
    page: Page, numbers: tuple[str, str], language: str, words: str, answer: str
):
    say(page, numbers[0], words)
    expect_reply(page, numbers[0], answer)


def test_typed_markup_is_shown_as_typed_and_whatsapps_marks_as_whatsapp_does(page: Page, numbers: tuple[str, str]):
    say(page, numbers[0], "hello <img src=x onerror=alert(1)> *bold* _slanted_ ~gone~ 2*3*4 ```a  b```")
    sent = page.get_by_test_id(f"log-{numbers[0]}").get_by_test_id("sent-message")
    expect(sent.locator(".text")).to_have_text("hello <img src=x onerror=alert(1)> bold slanted gone 2*3*4 a  b")
    expect(sent.locator("strong")).to_have_text("bold")
    expect(sent.locator("em")).to_have_text("slanted")
    expect(sent.locator("s")).to_have_text("gone")
    expect(sent.locator("code")).to_have_text("a  b")
    expect(sent.locator("img")).to_have_count(0)


def test_what_was_said_is_still_there_after_a_reload_in_the_same_order(page: Page, numbers: tuple[str, str]):
    say(page, numbers[0], "help")
    expect(replies(page, numbers[0]).first).to_be_visible(timeout=REPLY_MILLISECONDS_MAX)
    before = page.get_by_test_id(f"log-{numbers[0]}").locator(".text").all_inner_texts()
    page.reload()
    expect(page.get_by_test_id(f"log-{numbers[0]}").locator(".text")).to_have_text(before, use_inner_text=True)


def test_a_voice_note_is_recorded_sent_and_playable(page: Page, numbers: tuple[str, str]):
    record = page.get_by_test_id(f"record-{numbers[0]}")
    record.click()
    expect(record).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(1000)
    record.click()
    sound = page.get_by_test_id(f"log-{numbers[0]}").locator("audio")
    expect(sound).to_have_count(1)
    page.wait_for_function("audio => audio.readyState > 0 || audio.error", arg=sound.element_handle())
    assert sound.evaluate("audio => audio.error === null && audio.duration > 0.3")


def test_the_page_works_from_the_keyboard_and_names_everything(page: Page, numbers: tuple[str, str]):
    box = page.get_by_role("textbox", name=f"Message from {numbers[0]}")
    box.focus()
    page.keyboard.type("help")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("me")
    page.keyboard.press("Enter")
    log = page.get_by_role("log", name=f"Messages of {numbers[0]}")
    expect(log.locator(".text").first).to_have_text("help\nme", use_inner_text=True)
    expect(box).to_have_value("")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, input, textarea, a")].filter((control) =>
            control.type !== "hidden" && !control.textContent.trim() && !control.ariaLabel &&
            !(control.labels && control.labels.length)).map((control) => control.outerHTML)"""
    )
    assert unnamed == []


def test_a_number_is_added_and_closed(page: Page, numbers: tuple[str, str]):
    third = next(fresh_numbers)
    page.get_by_test_id("new-number").fill(third)
    page.get_by_test_id("add-number").click()
    for number in (*numbers, third):
        expect(page.get_by_test_id(f"phone-{number}")).to_be_visible()
    page.get_by_role("link", name=f"Close {numbers[0]}").click()
    expect(page.get_by_test_id(f"phone-{third}")).to_be_visible()
    expect(page.get_by_test_id(f"phone-{numbers[0]}")).to_have_count(0)


@pytest.mark.parametrize(("language", "send"), [("es", "Enviar"), ("pt", "Enviar"), ("en", "Send")])
def test_at_phone_width_one_chat_fills_the_screen_in_each_language(
    page: Page, numbers: tuple[str, str], language: str, send: str
):
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto(re.sub("lang=en", f"lang={language}", page.url))
    expect(page.locator("html")).to_have_attribute("lang", language)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    phone = page.get_by_test_id(f"phone-{numbers[0]}")
    expect(phone.get_by_role("button", name=send, exact=True)).to_be_in_viewport(ratio=1)
    box = phone.bounding_box()
    assert box is not None
    assert box["width"] == 360


def test_a_voice_note_from_a_file_is_heard_and_answered(page: Page, numbers: tuple[str, str]):
    page.get_by_test_id(f"file-{numbers[0]}").set_input_files(VOICE_NOTE)
    heard = replies(page, numbers[0]).filter(has_text="315")
    expect(heard.first).to_be_visible(timeout=VOICE_REPLY_MILLISECONDS_MAX)
    expect(page.get_by_test_id(f"log-{numbers[0]}").locator("audio")).to_have_count(1)


def test_a_fault_of_twilio_is_switched_on_and_off_and_is_seen(page: Page, numbers: tuple[str, str]):
    panel = page.get_by_test_id("faults")
    panel.get_by_text("Faults", exact=True).click()
    busy = panel.get_by_label("21617, text too long")
    busy.fill("100")
    busy.press("Tab")
    expect(panel).to_have_class(re.compile(r"\bon\b"))
    page.reload()
    expect(panel).to_have_class(re.compile(r"\bon\b"))
    panel.get_by_text("Faults", exact=True).click()
    expect(busy).to_have_value("100")
    busy.fill("0")
    busy.press("Tab")
    expect(panel).not_to_have_class(re.compile(r"\bon\b"))


def test_a_question_is_answered_by_its_button(page: Page, numbers: tuple[str, str]):
    say(page, numbers[0], "buy 5 rice dec25 at 160")
    expect_reply(page, numbers[0], "Waiting in the book")
    say(page, numbers[0], "buy 5 rice dec25 at 160")
    expect_reply(page, numbers[0], "Once more?")
    choices = page.get_by_test_id(f"log-{numbers[0]}").get_by_role("button", name="Cancel", exact=True)
    choices.last.click(timeout=REPLY_MILLISECONDS_MAX)
    expect_reply(page, numbers[0], "Nothing was placed")


def test_a_message_that_is_replied_to_is_quoted_with_whatsapps_marks(page: Page, numbers: tuple[str, str]):
    say(page, numbers[0], "hello *bold*")
    sent = page.get_by_test_id(f"log-{numbers[0]}").get_by_test_id("sent-message").first
    sent.hover()
    sent.get_by_role("button", name="Reply").click()
    quoted = page.get_by_test_id(f"phone-{numbers[0]}").locator(".quoted span")
    expect(quoted).to_have_text("hello bold")
    expect(quoted.locator("strong")).to_have_text("bold")


def test_the_newest_message_stays_in_sight_when_the_window_is_made_narrower(page: Page, numbers: tuple[str, str]):
    say(page, numbers[0], "help")
    expect(replies(page, numbers[0]).first).to_be_visible(timeout=REPLY_MILLISECONDS_MAX)
    newest = page.get_by_test_id(f"log-{numbers[0]}").locator("article").last.locator("footer")
    expect(newest).to_be_in_viewport()
    page.set_viewport_size({"width": 390, "height": 500})
    expect(newest).to_be_in_viewport()
