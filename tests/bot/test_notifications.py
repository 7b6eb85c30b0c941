"""What a trader mutes is not sent, what is told stays complete, and a summary comes once a day at the chosen hour."""

from datetime import datetime, timedelta
from decimal import Decimal
from threading import Thread

import pytest
import sqlalchemy as sa

from bot import summaries
from bot.notifications import Notice
from bot.tables import conversations, outbox
from engine import intake
from engine.intake import OrderRequest, Source
from engine.orders import Side
from engine.tables import orders
from nlp.reading import NOTICES
from tests.bot.conftest import Traders

# By the clock of New York, Buenos Aires and São Paulo it is 7:00, 9:00 and 9:00.
ANA, BEN, CLEO, BIA = "+12125550100", "+5491155550101", "+12125550102", "+5511955550103"
ON_TIME = timedelta(hours=11)  # 18:00 in New York.


def sent(traders: Traders, number: str) -> list[str]:
    """All that this number is sent or was to be sent, in order."""
    return [body for state, body in kept(traders, number) if state == "waiting"]


def kept(traders: Traders, number: str) -> list[tuple[str, str]]:
    with traders.stack.sessions() as session:
        rows = session.execute(
            sa.select(outbox.c.state, outbox.c.body)
            .join(conversations, conversations.c.id == outbox.c.conversation_id)
            .where(conversations.c.number == number)
            .order_by(outbox.c.id)
        )
        return [(row.state, row.body) for row in rows]


def news(traders: Traders, number: str) -> list[str]:
    """What this number is sent unasked."""
    with traders.stack.sessions() as session:
        rows = session.execute(
            sa.select(outbox.c.body)
            .join(conversations, conversations.c.id == outbox.c.conversation_id)
            .where(conversations.c.number == number, outbox.c.state == "waiting", outbox.c.inbox_id.is_(None))
            .order_by(outbox.c.id)
        )
        return list(rows.scalars())


def trade_symbol(traders: Traders, change: str) -> None:
    with traders.stack.sessions.begin() as session:
        {"halt": intake.halt, "resume": intake.resume}[change](
            session, symbol="Dec25-Wheat", request_key=f"{change} {traders.stack.now()}", now=traders.stack.now()
        )


def summarise(traders: Traders) -> bool:
    return summaries.make_due(traders.stack.sessions, traders.stack.now())


def test_the_kinds_are_those_that_messages_name():
    assert tuple(Notice) == NOTICES


@pytest.mark.parametrize(
    ("mutes", "told"),
    [
        ("mute partial fills", "Bought 100 Wheat Dec25 at 150.00 = 15,000.00, commission 15.00."),
        ("no me avises de las ejecuciones parciales", "Compraste 100 Trigo Dic25 a 150.00 = 15,000.00"),
        ("silenciar execuções parciais", "100 Trigo Dez25"),
    ],
    ids=["en", "es", "pt"],
)
def test_muted_partial_fills_are_told_with_the_fill_that_completes_the_order(traders: Traders, mutes: str, told: str):
    traders.say(ANA, mutes)
    traders.say(ANA, "Buy 100 Dec25 Wheat at 150")
    traders.say(ANA, mutes)
    traders.say(BEN, "Sell 40 Dec25 Wheat at 150")
    assert news(traders, ANA) == []
    assert "40" in traders.reply(ANA, "orders")
    traders.say(ANA, mutes)
    traders.say(CLEO, "Sell 60 Dec25 Wheat at 150")
    [completed] = news(traders, ANA)
    assert told in completed
    assert [state for state, _ in kept(traders, ANA)].count("grouped") == 1


def test_an_order_that_ends_tells_its_muted_partial_fills_and_nothing_twice(traders: Traders):
    traders.say(ANA, "mute partial fills")
    traders.say(ANA, "Buy 100 Dec25 Wheat at 150")
    traders.say(BEN, "Sell 40 Dec25 Wheat at 150")
    traders.say(ANA, "unmute everything")
    traders.say(BEN, "Sell 10 Dec25 Wheat at 150")
    traders.stack.wait(hours=25)
    traders.settle()
    told, ended = news(traders, ANA)
    assert "Bought 10 " in told
    assert "Bought 40 " in ended
    assert "Bought 10 " not in ended
    assert "expired: 50 Wheat Dec25 not filled." in ended


@pytest.mark.parametrize(
    ("mutes", "count"), [("mute fills", 1), ("mute expiries", 1), ("mute fills and expiries", 0), ("mute alerts", 2)]
)
def test_each_kind_is_muted_by_itself(traders: Traders, mutes: str, count: int):
    traders.say(ANA, mutes)
    traders.say(ANA, "Buy 100 Dec25 Wheat at 150")
    traders.say(BEN, "Sell 100 Dec25 Wheat at 150")
    traders.say(ANA, "Buy 5 Dec25 Wheat at 140")
    traders.stack.wait(hours=25)
    traders.settle()
    assert len(news(traders, ANA)) == count


def test_an_answer_is_never_muted(traders: Traders):
    traders.say(BEN, "Sell 40 Dec25 Wheat at 150")
    traders.say(ANA, "mute everything")
    assert "Bought 40 Wheat Dec25 at 150.00" in traders.reply(ANA, "Buy 100 Dec25 Wheat at 150")
    assert "60 Wheat Dec25 not filled" in traders.reply(ANA, "cancel 1002")


def test_a_cancellation_by_others_is_told_unless_it_is_muted(traders: Traders):
    for mutes, count in (("mute alerts", 1), ("mute cancellations", 1)):
        traders.say(ANA, mutes)
        traders.say(ANA, "Buy 100 Dec25 Wheat at 150")
        with traders.stack.sessions.begin() as session:
            trader_id = session.scalar(sa.select(conversations.c.trader_id).where(conversations.c.number == ANA))
            now = traders.stack.now()
            intake.cancel_all(session, trader_id=trader_id, source=Source.STAFF, request_key=mutes, now=now)
        traders.settle()
        assert len(news(traders, ANA)) == count
        traders.stack.wait(minutes=20)


def test_muted_alerts_stay_set_and_are_told_once_they_are_wanted_again(traders: Traders):
    traders.say(CLEO, "mute alerts")
    assert "Price alerts are muted" in traders.reply(CLEO, "alert me if wheat dec25 goes above 149")
    for number, side in ((ANA, "Buy"), (BEN, "Sell")):
        traders.say(number, f"{side} 10 Dec25 Wheat at 150")
    assert news(traders, CLEO) == []
    traders.say(CLEO, "unmute alerts")
    for number, side in ((ANA, "Buy"), (BEN, "Sell")):
        traders.say(number, f"{side} 20 Dec25 Wheat at 150")
    assert news(traders, CLEO) == ["*Alert 1*: Wheat Dec25 rose to 150.00."]


def test_a_halt_is_told_at_its_place_to_whoever_had_an_open_order_then(traders: Traders):
    for number in (ANA, BEN, CLEO):
        traders.say(number, "hello")
    traders.say(ANA, "Buy 100 Dec25 Wheat at 150")
    traders.say(BEN, "compra 50 maíz dic25 a 430")
    now = traders.stack.now()
    traders.say(CLEO, "Buy 10 Dec25 Wheat at 140")
    with traders.stack.sessions.begin() as session:  # One batch: a fill, a halt, and what ends an order after it.
        rows = session.execute(sa.select(conversations.c.number, conversations.c.trader_id))
        ids = {row.number: row.trader_id for row in rows}
        request = OrderRequest(side=Side.SELL, quantity=Decimal(40), symbol="Dec25-Wheat", price=Decimal(150))
        common = {"source": Source.API, "now": now}
        intake.place(session, trader_id=ids[BEN], request=request, request_key="sell", **common)
        intake.halt(session, symbol="Dec25-Wheat", request_key="halt", now=now)
        intake.cancel_all(session, trader_id=ids[ANA], request_key="end", **common)
        intake.resume(session, symbol="Dec25-Wheat", request_key="resume", now=now)
    traders.settle()
    filled, halted, canceled = news(traders, ANA)
    assert "Bought 40 Wheat Dec25" in filled
    assert halted.startswith("*Trading is halted*: Wheat Dec25.")
    assert "canceled: 60 Wheat Dec25 not filled" in canceled
    assert [body.splitlines()[0] for body in news(traders, CLEO)] == [
        "*Trading is halted*: Wheat Dec25.",
        "*Trading goes on*: Wheat Dec25.",
    ]
    # Whoever has orders elsewhere alone hears of no halt.
    assert not any("uspendid" in body for body in news(traders, BEN))


@pytest.mark.parametrize(("mutes", "count"), [("silenciar suspensões do mercado", 0), ("silenciar alertas", 2)])
def test_halts_can_be_muted(traders: Traders, mutes: str, count: int):
    traders.say(BIA, mutes)
    traders.say(BIA, "compra 100 trigo dez25 a 150")
    for change in ("halt", "resume"):
        trade_symbol(traders, change)
        traders.settle()
    told = news(traders, BIA)
    assert len(told) == count
    assert not told or told[0].startswith("*Negociação suspensa*: Trigo Dez25.")


def test_a_summary_comes_once_a_day_at_the_hour_by_the_traders_own_clock(traders: Traders):
    assert "Daily summary at 18:00; the next one 3 Nov 18:00 (New York)." in traders.reply(ANA, "daily summary at 18")
    traders.say(ANA, "Buy 100 Dec25 Wheat at 150")
    traders.say(BEN, "Sell 40 Dec25 Wheat at 150")
    traders.stack.wait(hours=10, minutes=59)
    assert not summarise(traders)
    traders.stack.wait(minutes=1)
    assert summarise(traders)
    assert not summarise(traders)
    assert news(traders, ANA)[-1] == "\n".join(
        [
            "*Daily summary, since 2 Nov 18:00 (New York)*",
            "Bought in all: 40 Wheat Dec25 = 6,000.00, commission 6.00.",
            "Open orders: 1",
            "*1001*: Buy 100 Wheat Dec25 at 150.00, 40 filled, 60 left",
            "Your positions:",
            "Long 40 Wheat Dec25 at 150.00, open profit 0.00",
        ]
    )
    traders.stack.wait(days=1)
    assert summarise(traders)
    assert "No trades." in news(traders, ANA)[-1]


def test_several_sweeps_at_once_make_one_summary(traders: Traders):
    traders.say(ANA, "daily summary at 18")
    traders.say(ANA, "Buy 100 Dec25 Wheat at 150 until canceled")
    traders.stack.wait(hours=11)
    sweeps = [Thread(target=summarise, args=(traders,)) for _ in range(4)]
    for sweep in sweeps:
        sweep.start()
    for sweep in sweeps:
        sweep.join()
    assert len(news(traders, ANA)) == 1


@pytest.mark.parametrize(("late", "count"), [(timedelta(hours=4), 1), (timedelta(hours=15), 0)])
def test_a_summary_is_late_rather_than_never_but_is_not_yesterdays(traders: Traders, late: timedelta, count: int):
    traders.say(ANA, "daily summary at 18")
    traders.say(ANA, "Buy 100 Dec25 Wheat at 150 until canceled")
    traders.say(BEN, "Sell 40 Dec25 Wheat at 150")
    before = len(news(traders, ANA))
    traders.stack.moved = ON_TIME + late
    assert summarise(traders) == bool(count)
    assert len(news(traders, ANA)) == before + count
    traders.stack.moved = ON_TIME + timedelta(days=1)
    assert summarise(traders)
    # What no summary told yet is in this one.
    assert ("Bought in all: 40" in news(traders, ANA)[-1]) == (count == 0)


def test_after_an_outage_of_days_todays_summary_comes_and_no_other(traders: Traders):
    traders.say(ANA, "daily summary at 18")
    traders.say(ANA, "Buy 100 Dec25 Wheat at 150 until canceled")
    traders.stack.moved = ON_TIME + timedelta(days=5, hours=1)
    assert [summarise(traders) for _ in range(4)].count(True) == 1
    assert len(news(traders, ANA)) == 1


def test_a_day_with_nothing_to_tell_is_passed_over(traders: Traders):
    traders.say(ANA, "daily summary at 18")
    traders.stack.wait(hours=11)
    assert not summarise(traders)
    assert news(traders, ANA) == []


def test_a_new_hour_makes_no_second_summary_of_the_day_and_none_can_be_wished_for(traders: Traders):
    traders.say(BIA, "resumo diário às 6 da tarde")
    traders.say(BIA, "compra 100 trigo dez25 a 150 até cancelar")
    traders.stack.wait(hours=9)
    assert summarise(traders)
    assert "Resumo diário às 20:00" in traders.reply(BIA, "resumo diário às 20h")
    traders.stack.wait(hours=3)
    assert not summarise(traders)
    traders.stack.wait(days=1)
    assert summarise(traders)
    assert traders.reply(BIA, "sem resumo diário") == "A partir de agora não há resumo diário."
    traders.stack.wait(days=1)
    assert not summarise(traders)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("cancel notifications", "info"),
        ("cancela las notificaciones", "info"),
        ("cancela as notificações", "info"),
        ("mute partial fills and buy 10 wheat dec25 at 150", "ask_confirm"),
        ("compra 10 trigo dic25 a 150 y silencia las ejecuciones parciales", "ask_confirm"),
        ("silencia os vencimentos e compra 10 trigo dez25 a 150", "ask_confirm"),
        ("mute alerts and cancel 1001", "ask_confirm"),
        ("mute everything and STOP", "ask_confirm"),
        ("STOP", "cancelled"),
        ("cancel all", "cancelled"),
    ],
)
def test_no_word_about_notifications_cancels_or_loses_an_order(traders: Traders, text: str, outcome: str):
    traders.say(ANA, "Buy 100 Dec25 Wheat at 150")
    assert traders.outcome(ANA, text) == outcome
    with traders.stack.sessions() as session:
        still_open = session.scalar(sa.select(sa.func.count()).where(orders.c.closed_at.is_(None)))
    assert still_open == (0 if outcome == "cancelled" else 1)


def test_an_open_question_outlives_a_setting(traders: Traders):
    assert traders.outcome(ANA, "buy 10 dec25 wheat") == "ask_missing"
    assert traders.outcome(ANA, "daily summary at 18") == "info"
    assert traders.outcome(ANA, "150") == "placed"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("what notifications do I get", ["Muted: partial fills, market halts.", "no daily summary"]),
        ("¿qué notificaciones recibo?", ["En silencio: ejecuciones parciales, suspensiones del mercado."]),
        ("quais notificações eu recebo?", ["Em silêncio: execuções parciais, suspensões do mercado."]),
        ("only notify me of full fills", ["I tell you of: complete fills."]),
        ("help notifications", ["Mute partial fills", "Unmute everything", "What notifications do I get?"]),
    ],
)
def test_what_is_told_and_muted_can_be_asked_for(traders: Traders, text: str, parts: list[str]):
    traders.say(ANA, "mute partial fills and market halts")
    reply = traders.reply(ANA, text)
    for part in parts:
        assert part in reply


def test_the_day_ends_by_the_traders_clock_and_a_late_hour_outlives_a_short_outage():
    zone = summaries.places.zone_of(ANA)
    early = datetime(2025, 11, 3, 18, tzinfo=zone)
    late = datetime(2025, 11, 3, 23, 30, tzinfo=zone)
    assert summaries.worth_reading_until(early, zone) == datetime(2025, 11, 4, tzinfo=zone)
    assert summaries.worth_reading_until(late, zone) == datetime(2025, 11, 4, 2, 30, tzinfo=zone)
