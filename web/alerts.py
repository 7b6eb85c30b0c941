"""The caller's price alerts, which the linked WhatsApp number is told of: the same as those set by chat."""

from apiflask import APIBlueprint
from flask import Response, current_app
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from bot import alerts, linking
from bot.clock import utc_now
from bot.linking import NoLinkedNumber
from engine import intake, store
from engine.money import ticks_from_price
from engine.orders import Instrument
from web import caller, schemas
from web.catalogue import Catalogue

ALERT_ID = "<int(max=9223372036854775807):alert_id>"

price_alerts = APIBlueprint("price_alerts", __name__, url_prefix="/api/alerts", tag="Alerts")


@price_alerts.post("")
@price_alerts.input(schemas.NewAlert)
@price_alerts.output(schemas.Alert, status_code=201)
@price_alerts.doc(security="bearer", operation_id="add_alert")
def add(json_data: schemas.NewAlert) -> Response:
    """Be told by WhatsApp when a price is reached."""
    now = utc_now()
    with current_app.extensions["sessions"].begin() as session:
        conversation_id = linked_conversation(session)
        instrument = store.instrument_from_row(intake.find_instrument(session, symbol=json_data.symbol))
        price_ticks = ticks_from_price(json_data.price, instrument.tick_size)
        direction = json_data.direction or alerts.direction_towards(session, instrument.symbol, json_data.price)
        alert_id = alerts.add(session, conversation_id, instrument.instrument_id, direction, price_ticks, now)
    return schemas.Alert.model_construct(
        id=alert_id,
        symbol=instrument.symbol,
        price=price_ticks * instrument.tick_size,
        direction=direction,
        created_at=now,
    ).response(201)


@price_alerts.get("")
@price_alerts.output(schemas.Alerts)
@price_alerts.doc(security="bearer", operation_id="list_alerts")
def list_alerts() -> Response:
    """List the alerts that have not been told yet, the oldest first."""
    catalogue: Catalogue = current_app.extensions["catalogue"]
    with current_app.extensions["reads"]() as session:
        conversation_id = linked_conversation(session)
        shown = [
            shown_alert(row, catalogue.instrument(session, row["instrument_id"]))
            for row in alerts.open_ones(session, conversation_id)
        ]
    return schemas.Alerts.model_construct(alerts=shown).response()


@price_alerts.delete(f"/{ALERT_ID}")
@price_alerts.output({}, status_code=204)
@price_alerts.doc(security="bearer", operation_id="delete_alert")
def delete(alert_id: int) -> Response:
    """Delete an alert."""
    with current_app.extensions["sessions"].begin() as session:
        if not alerts.delete(session, linked_conversation(session), alert_id, utc_now()):
            raise alerts.AlertNotFound(alert_id=alert_id)
    return Response(status=204)


def linked_conversation(session: Session) -> int:
    """Raises NoLinkedNumber: without a number there is nobody to tell."""
    found, _ = caller.signed_in(session)
    conversation_id = linking.conversation_of(session, found.account_id)
    if conversation_id is None:
        raise NoLinkedNumber
    return conversation_id


def shown_alert(row: RowMapping, instrument: Instrument) -> schemas.Alert:
    return schemas.Alert.model_construct(
        id=row["id"],
        symbol=instrument.symbol,
        price=row["price_ticks"] * instrument.tick_size,
        direction=row["direction"],
        created_at=row["created_at"],
    )
