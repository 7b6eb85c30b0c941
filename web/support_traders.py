"""One trader: who they are, what they hold and ask for, and what risk may do about it."""

import sqlalchemy as sa
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from bot import interventions
from bot.clock import utc_now
from bot.languages import translations
from bot.refusals import RequestRefused
from bot.security_events import SecurityEvent
from bot.staff import Role
from bot.tables import accounts, conversations
from engine import queries
from engine.events import CancelAllDone
from engine.orders import TraderLimits
from engine.tables import orders as order_rows
from web import desk_commands, staff_access
from web.pages import language
from web.staff_access import needs

SHOWN_MAX = 30
LOTS_MAX = 10**9

traders = Blueprint("traders", __name__)


class InvalidLimits(RequestRefused):
    """A limit is a whole number, or empty for none. Facts: field."""

    code = "invalid_limits"


@traders.get("/traders/<int:trader_id>")
def show(trader_id: int) -> str:
    with current_app.extensions["reads"]() as session:
        newest = session.execute(
            sa.select(order_rows)
            .where(order_rows.c.trader_id == trader_id)
            .order_by(order_rows.c.id.desc())
            .limit(SHOWN_MAX)
        )
        return render_template(
            "support/trader.html",
            trader=interventions.find(session, trader_id),
            chats=session.execute(sa.select(conversations).where(conversations.c.trader_id == trader_id))
            .mappings()
            .all(),
            username=session.execute(sa.select(accounts.c.username).where(accounts.c.trader_id == trader_id)).scalar(),
            limits=queries.trader_limits(session, trader_id),
            open_orders=queries.open_orders(session, trader_id),
            orders=[queries.order_view(row) for row in newest.mappings()],
            holdings=queries.holdings(session, trader_id),
            instruments={found.instrument_id: found for found in queries.listed_instruments(session)},
        )


@traders.post("/traders/<int:trader_id>/cancel")
@needs(Role.RISK)
def cancel_all(trader_id: int) -> Response:
    """Cancel whatever the trader has open; they are told of each order."""
    with current_app.extensions["sessions"].begin() as session:
        before = desk_commands.last_events(session)
        receipts = interventions.cancel_all(session, trader_id, staff_access.form_key(), utc_now())
        staff_access.audit(session, SecurityEvent.ORDERS_CANCELED, trader_id=trader_id)
    happened = desk_commands.outcome(receipts, before)
    catalog = translations(language())
    if happened is None:
        flash(not_answered())
    else:
        count = sum(event.count for event in happened if isinstance(event, CancelAllDone))
        sentence = catalog.ngettext("%(count)s order canceled.", "%(count)s orders canceled.", count)
        flash(sentence % {"count": count} + " " + catalog.gettext("The trader is told."))
    return redirect(url_for("support.traders.show", trader_id=trader_id))


@traders.post("/traders/<int:trader_id>/freeze")
@needs(Role.RISK)
def freeze(trader_id: int) -> Response:
    return _freeze(trader_id, frozen=True)


@traders.post("/traders/<int:trader_id>/unfreeze")
@needs(Role.RISK)
def unfreeze(trader_id: int) -> Response:
    return _freeze(trader_id, frozen=False)


@traders.post("/traders/<int:trader_id>/limits")
@needs(Role.RISK)
def limit(trader_id: int) -> Response:
    limits = TraderLimits(
        order_quantity_lots_max=_limit("order_quantity_lots_max"),
        open_orders_max=_limit("open_orders_max"),
        position_lots_max=_limit("position_lots_max"),
    )
    with current_app.extensions["sessions"].begin() as session:
        before = desk_commands.last_events(session)
        receipts = interventions.limit(session, trader_id, limits, staff_access.form_key(), utc_now())
        staff_access.audit(
            session,
            SecurityEvent.TRADER_LIMITED,
            trader_id=trader_id,
            order_quantity_lots_max=str(limits.order_quantity_lots_max),
            open_orders_max=str(limits.open_orders_max),
            position_lots_max=str(limits.position_lots_max),
        )
    happened = desk_commands.outcome(receipts, before)
    flash(not_answered() if happened is None else translations(language()).gettext("The limits hold from now on."))
    return redirect(url_for("support.traders.show", trader_id=trader_id))


def not_answered() -> str:
    return translations(language()).gettext("It was handed to the market, which has not answered yet.")


def _freeze(trader_id: int, *, frozen: bool) -> Response:
    kind = SecurityEvent.TRADER_FROZEN if frozen else SecurityEvent.TRADER_UNFROZEN
    with current_app.extensions["sessions"].begin() as session:
        before = desk_commands.last_events(session)
        receipts = interventions.freeze(
            session, trader_id, frozen=frozen, request_key=staff_access.form_key(), now=utc_now()
        )
        staff_access.audit(session, kind, trader_id=trader_id)
    happened = desk_commands.outcome(receipts, before)
    _ = translations(language()).gettext
    done = _("The trader is frozen, and is told.") if frozen else _("The trader may trade again, and is told.")
    flash(not_answered() if happened is None else done)
    return redirect(url_for("support.traders.show", trader_id=trader_id))


def _limit(field: str) -> int | None:
    """Raises InvalidLimits."""
    text = request.form.get(field, "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or int(text) > LOTS_MAX:
        raise InvalidLimits(field=field)
    return int(text)
