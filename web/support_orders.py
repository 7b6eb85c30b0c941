"""One order: what was asked, what happened, what was told; and cancelling it for its trader."""

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from bot import interventions, message_trace
from bot.clock import utc_now
from bot.languages import translations
from bot.security_events import SecurityEvent
from bot.staff import Role
from engine import queries
from engine.errors import OrderNotFound
from engine.events import CancelRejected
from web import desk_commands, staff_access, support_words
from web.pages import language
from web.staff_access import needs
from web.support_traders import not_answered

orders = Blueprint("orders", __name__)


@orders.get("/orders/<int:order_id>")
def show(order_id: int) -> str:
    with current_app.extensions["reads"]() as session:
        trace = message_trace.order_trace(session, order_id)
        if trace is None:
            raise OrderNotFound(order_id=order_id)
        return render_template(
            "support/order.html",
            trace=trace,
            inbox_id=message_trace.message_of_order(session, trace.trader_id, order_id),
            trader=interventions.find(session, trace.trader_id),
            instruments={found.instrument_id: found for found in queries.listed_instruments(session)},
        )


@orders.post("/orders/<int:order_id>/cancel")
@needs(Role.RISK)
def cancel(order_id: int) -> Response:
    """Cancel an order for its trader, who is told."""
    with current_app.extensions["sessions"].begin() as session:
        before = desk_commands.last_events(session)
        receipt = interventions.cancel(session, order_id, staff_access.form_key(), utc_now())
        staff_access.audit(session, SecurityEvent.ORDER_CANCELED, order_id=order_id)
    happened = desk_commands.outcome([receipt], before)
    refused = [event for event in happened or () if isinstance(event, CancelRejected)]
    if happened is None:
        flash(not_answered())
    elif refused:
        flash(support_words.reason(refused[0].reason))
    else:
        flash(translations(language()).gettext("The order is canceled; the trader is told."))
    return redirect(url_for("support.orders.show", order_id=order_id))
