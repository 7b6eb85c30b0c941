"""What can be traded: listed, halted, resumed; its rules and the words that name it."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from bot.clock import utc_now
from bot.instruments import Rules, add_alias, add_asset, find, list_contract, remove_alias, set_rules
from bot.languages import LANGUAGES, translations
from bot.security_events import SecurityEvent
from bot.staff import Role
from engine import intake, queries, store
from engine.events import CommandRejected, Event
from engine.submission import Receipt
from engine.tables import instruments as instrument_rows
from web import desk_commands, staff_access, support_words
from web.pages import language
from web.staff_access import needs
from web.support_traders import not_answered

instruments = Blueprint("instruments", __name__)


@instruments.get("/instruments")
def index() -> str:
    """Every contract that has not expired, by asset."""
    with current_app.extensions["reads"]() as session:
        listed = [found for found in queries.listed_instruments(session) if found.status != "expired"]
        quoted = queries.quotes(session, [found.instrument_id for found in listed], utc_now())
        return render_template(
            "support/instruments.html",
            listed=list(zip(listed, quoted, strict=True)),
            assets=queries.named_assets(session),
        )


@instruments.get("/instruments/<int:instrument_id>")
def show(instrument_id: int) -> str:
    with current_app.extensions["reads"]() as session:
        row = find(session, instrument_id)
        asset = next(found for found in queries.named_assets(session) if found.code == row["asset"])
        [quote] = queries.quotes(session, [instrument_id], utc_now())
        return render_template(
            "support/instrument.html", instrument=store.instrument_from_row(row), asset=asset, quote=quote
        )


@instruments.post("/instruments/<int:instrument_id>/halt")
@needs(Role.RISK)
def halt(instrument_id: int) -> Response:
    _ = translations(language()).gettext
    return _give(instrument_id, intake.halt, SecurityEvent.INSTRUMENT_HALTED, _("Trading is halted."))


@instruments.post("/instruments/<int:instrument_id>/resume")
@needs(Role.RISK)
def resume(instrument_id: int) -> Response:
    _ = translations(language()).gettext
    return _give(instrument_id, intake.resume, SecurityEvent.INSTRUMENT_RESUMED, _("Trading goes on."))


@instruments.post("/assets/<asset>/halt")
@needs(Role.RISK)
def halt_asset(asset: str) -> Response:
    """All contracts of an asset at once."""
    _ = translations(language()).gettext
    return _give_all(asset, intake.halt, SecurityEvent.INSTRUMENT_HALTED, "open", _("Trading is halted."))


@instruments.post("/assets/<asset>/resume")
@needs(Role.RISK)
def resume_asset(asset: str) -> Response:
    _ = translations(language()).gettext
    return _give_all(asset, intake.resume, SecurityEvent.INSTRUMENT_RESUMED, "halted", _("Trading goes on."))


@instruments.post("/instruments/<int:instrument_id>/rules")
@needs(Role.RISK)
def change_rules(instrument_id: int) -> Response:
    rules = _rules()
    with current_app.extensions["sessions"].begin() as session:
        before = desk_commands.last_events(session)
        receipt = set_rules(session, instrument_id, rules, staff_access.form_key(), utc_now())
        staff_access.audit(session, SecurityEvent.INSTRUMENT_CHANGED, instrument_id=instrument_id, **_facts(rules))
    _tell(desk_commands.outcome([receipt], before), translations(language()).gettext("The rules hold from now on."))
    return redirect(url_for("support.instruments.show", instrument_id=instrument_id))


@instruments.post("/instruments")
@needs(Role.RISK)
def open_contract() -> Response:
    """List a contract of a known asset."""
    rules, asset, contract = _rules(), request.form.get("asset", ""), request.form.get("contract", "").strip()
    with current_app.extensions["sessions"].begin() as session:
        before = desk_commands.last_events(session)
        receipt = list_contract(session, asset, contract, rules, utc_now())
        assert receipt.instrument is not None
        instrument_id = receipt.instrument.instrument_id
        staff_access.audit(session, SecurityEvent.INSTRUMENT_LISTED, instrument_id=instrument_id, **_facts(rules))
    _tell(desk_commands.outcome([receipt], before), translations(language()).gettext("The contract is listed."))
    return redirect(url_for("support.instruments.show", instrument_id=instrument_id))


@instruments.post("/assets")
@needs(Role.RISK)
def open_asset() -> Response:
    """A product that had no contract yet."""
    names = {code: request.form.get(f"name_{code}", "") for code in LANGUAGES}
    with current_app.extensions["sessions"].begin() as session:
        asset = add_asset(session, names, current_app.extensions["settings"].engine_shards)
        staff_access.audit(session, SecurityEvent.ASSET_ADDED, asset=asset)
    flash(translations(language()).gettext("The product is known. List its first contract."))
    return redirect(url_for("support.instruments.index"))


@instruments.post("/assets/<asset>/aliases")
@needs(Role.RISK)
def name(asset: str) -> Response:
    """Give an asset another word."""
    with current_app.extensions["sessions"].begin() as session:
        word = add_alias(session, asset, request.form.get("alias", ""))
        staff_access.audit(session, SecurityEvent.ALIAS_ADDED, asset=asset, alias=word)
    flash(translations(language()).gettext("The word is understood within seconds."))
    return redirect(staff_access.own_page(request.form.get("back", "")))


@instruments.post("/assets/<asset>/aliases/remove")
@needs(Role.RISK)
def unname(asset: str) -> Response:
    """Take a word from an asset."""
    alias = request.form.get("alias", "")
    with current_app.extensions["sessions"].begin() as session:
        remove_alias(session, asset, alias)
        staff_access.audit(session, SecurityEvent.ALIAS_REMOVED, asset=asset, alias=alias)
    flash(translations(language()).gettext("The word is no longer understood."))
    return redirect(staff_access.own_page(request.form.get("back", "")))


def _give(instrument_id: int, command: Callable[..., Receipt], kind: SecurityEvent, done: str) -> Response:
    with current_app.extensions["sessions"].begin() as session:
        before = desk_commands.last_events(session)
        symbol = find(session, instrument_id)["symbol"]
        receipt = command(session, symbol=symbol, request_key=staff_access.form_key(), now=utc_now())
        staff_access.audit(session, kind, instrument_id=instrument_id)
    _tell(desk_commands.outcome([receipt], before), done)
    return redirect(url_for("support.instruments.show", instrument_id=instrument_id))


def _give_all(asset: str, command: Callable[..., Receipt], kind: SecurityEvent, status: str, done: str) -> Response:
    key, now = staff_access.form_key(), utc_now()
    with current_app.extensions["sessions"].begin() as session:
        before = desk_commands.last_events(session)
        receipts = [_give_one(session, row, command, kind, key, now) for row in _contracts(session, asset, status)]
    _tell(desk_commands.outcome(receipts, before), done)
    return redirect(url_for("support.instruments.index"))


def _contracts(session: Session, asset: str, status: str) -> list[sa.RowMapping]:
    chosen = sa.and_(instrument_rows.c.asset == asset, instrument_rows.c.status == status)
    query = sa.select(instrument_rows.c.id, instrument_rows.c.symbol).where(chosen).order_by(instrument_rows.c.id)
    return list(session.execute(query).mappings())


def _give_one(
    session: Session, row: sa.RowMapping, command: Callable[..., Receipt], kind: SecurityEvent, key: str, now: datetime
) -> Receipt:
    staff_access.audit(session, kind, instrument_id=row["id"])
    return command(session, symbol=row["symbol"], request_key=f"{key}:{row['id']}", now=now)


def _tell(happened: list[Event] | None, done: str) -> None:
    refused = [event for event in happened or () if isinstance(event, CommandRejected)]
    if happened is None:
        flash(not_answered())
    elif refused:
        flash(support_words.reason(refused[0].reason))
    else:
        flash(done)


def _rules() -> Rules:
    def typed(field: str) -> str:
        return request.form.get(field, "").strip()

    return Rules(
        tick_size=typed("tick_size"),
        max_quantity=typed("max_quantity"),
        max_notional=typed("max_notional"),
        reference_price=typed("reference_price"),
        band_percent=typed("band_percent"),
        last_trading_on=typed("last_trading_on"),
    )


def _facts(rules: Rules) -> dict[str, str]:
    return {field: getattr(rules, field) for field in rules.__slots__}
