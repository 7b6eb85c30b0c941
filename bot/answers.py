"""Answers to what traders ask to know: each intent that executes nothing, and who words it."""

from collections.abc import Callable, Mapping

from bot import (
    account_answers,
    alert_answers,
    fact_answers,
    help_answers,
    market_answers,
    notification_answers,
    order_answers,
    person_answers,
    statement_answers,
)
from bot.asker import Asker
from nlp.reading import Intent, Reading

ANSWERS: Mapping[Intent, Callable[[Asker, Reading], str]] = {
    Intent.GREETING: help_answers.greeting,
    Intent.THANKS: help_answers.thanks,
    Intent.HELP: help_answers.help_on,
    Intent.LANGUAGE: help_answers.language,
    Intent.MARKET: market_answers.market,
    Intent.BOOK: market_answers.book,
    Intent.CHART: market_answers.chart,
    Intent.ORDERS: order_answers.orders,
    Intent.TRADES: market_answers.trades,
    Intent.MY_TRADES: order_answers.my_trades,
    Intent.STATUS: order_answers.status,
    Intent.LAST_ORDER: order_answers.status,
    Intent.POSITIONS: account_answers.positions,
    Intent.ACCOUNT: account_answers.account,
    Intent.ALERT: alert_answers.alert,
    Intent.ALERTS: alert_answers.alert_list,
    Intent.DELETE_ALERT: alert_answers.delete_alert,
    Intent.LIMITS: account_answers.limits,
    Intent.UNDO: order_answers.undo,
    Intent.CONFIRM_ALWAYS: account_answers.confirm_always,
    Intent.CONFIRM_UNSURE: account_answers.confirm_unsure,
    Intent.LINK: account_answers.link,
    Intent.STATEMENT: statement_answers.statement,
    Intent.MUTE: notification_answers.mute,
    Intent.UNMUTE: notification_answers.unmute,
    Intent.NOTIFICATIONS: notification_answers.settings,
    Intent.DAILY_SUMMARY: notification_answers.daily_summary,
    Intent.NO_SUMMARY: notification_answers.no_summary,
    Intent.FACTS: fact_answers.facts,
    Intent.PERSON: person_answers.person,
}


def answer(asker: Asker, reading: Reading) -> str:
    """Raises TradingError where what is asked about is not there."""
    return ANSWERS[reading.intent](asker, reading)
