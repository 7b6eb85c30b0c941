"""The caller's account: what it holds, what it traded, and what happened to its orders."""

from apiflask import APIBlueprint
from flask import Response, current_app

from bot import linking, unread_news
from bot.clock import utc_now
from engine import history, queries
from web import caller, schemas
from web.catalogue import Catalogue
from web.markets import trade_cursor, trade_place

UNREAD_SHOWN_MAX = 20

account = APIBlueprint("account", __name__, url_prefix="/api", tag="Your account")


@account.get("/account/summary")
@account.output(schemas.Summary)
@account.doc(security="bearer", operation_id="get_summary")
def summary() -> Response:
    """Profits, commission, and how much is open."""
    with current_app.extensions["reads"]() as session:
        _, trader_id = caller.signed_in(session)
        found = queries.account(session, trader_id)
    return schemas.Summary(
        realised_profit=found.realised,
        unrealised_profit=found.unrealised,
        commission=found.commission,
        open_orders=found.open_orders,
        open_positions=found.open_positions,
    ).response()


@account.get("/account/positions")
@account.output(schemas.Positions)
@account.doc(security="bearer", operation_id="list_positions")
def positions() -> Response:
    """Every position that you have or have had, marked at the last price."""
    catalogue: Catalogue = current_app.extensions["catalogue"]
    with current_app.extensions["reads"]() as session:
        _, trader_id = caller.signed_in(session)
        held = [catalogue.position(session, holding) for holding in queries.holdings(session, trader_id)]
    return schemas.Positions.model_construct(positions=held).response()


@account.get("/account/trades")
@account.input(schemas.TradeQuery, location="query")
@account.output(schemas.Fills)
@account.doc(security="bearer", operation_id="list_account_trades")
def trades(query_data: schemas.TradeQuery) -> Response:
    """Your side of your trades, the newest first."""
    catalogue: Catalogue = current_app.extensions["catalogue"]
    before = trade_place(query_data.cursor)
    with current_app.extensions["reads"]() as session:
        _, trader_id = caller.signed_in(session)
        instrument_ids = None
        if query_data.symbol is not None:
            instrument_ids = [catalogue.named(session, query_data.symbol).instrument_id]
        found = history.fills_page(session, trader_id, instrument_ids, before=before, limit=query_data.limit + 1)
        page = found[: query_data.limit]
        answer = schemas.Fills.model_construct(
            trades=[catalogue.fill(session, fill) for fill in page],
            next_cursor=trade_cursor(page[-1].place) if len(found) > len(page) else None,
        )
    return answer.response()


@account.post("/account/unread-notices")
@account.output(schemas.UnreadNotices)
@account.doc(security="bearer", operation_id="take_unread_notices")
def take_unread_notices() -> Response:
    """Take the news of your orders that your WhatsApp number has not read. Each is given once."""
    with current_app.extensions["sessions"].begin() as session:
        found, _ = caller.signed_in(session)
        conversation_id = linking.conversation_of(session, found.account_id)
        taken = [] if conversation_id is None else unread_news.take(session, conversation_id, utc_now())
    shown = taken[-UNREAD_SHOWN_MAX:]
    return schemas.UnreadNotices.model_construct(
        notices=[
            schemas.UnreadNotice.model_construct(order_id=row.order_id, text=row.body, created_at=row.created_at)
            for row in shown
        ],
        left_out=len(taken) - len(shown),
    ).response()


@account.get("/events")
@account.input(schemas.EventQuery, location="query")
@account.output(schemas.AccountEvents)
@account.doc(security="bearer", operation_id="list_events")
def events(query_data: schemas.EventQuery) -> Response:
    """What happened to your orders, the oldest first, after the place that an earlier answer gave."""
    catalogue: Catalogue = current_app.extensions["catalogue"]
    reached = numbers_by_shard(query_data.after)
    with current_app.extensions["reads"]() as session:
        _, trader_id = caller.signed_in(session)
        found = history.events_after(session, trader_id, reached, limit=query_data.limit)
        shown = [catalogue.event(session, event, trader_id) for event in found]
    reached |= {event.shard_id: event.number for event in found}
    after = ".".join(f"{shard_id}-{number}" for shard_id, number in sorted(reached.items()))
    return schemas.AccountEvents.model_construct(events=shown, next_after=after or None).response()


def numbers_by_shard(after: str | None) -> dict[int, int]:
    """The last event that was seen of each shard: `0-117.1-45`."""
    if after is None:
        return {}
    return {int(shard_id): int(number) for shard_id, number in (part.split("-") for part in after.split("."))}
