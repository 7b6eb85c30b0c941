"""The caller's orders: placed, listed, changed and canceled, through the same door as everyone's."""

import re
import uuid
from collections.abc import Callable, Sequence
from typing import NamedTuple

from apiflask import APIBlueprint
from flask import Response, current_app, request
from sqlalchemy.orm import Session

from bot import idempotency, queues
from bot.clock import utc_now
from bot.idempotency import Answer
from bot.refusals import RequestRefused
from engine import history, intake
from engine.events import AmendRejected, CancelAllDone, CancelRejected
from engine.history import OPEN_STATES, OrderFilter, RequestedOrder, waiting_view
from engine.intake import OrderRequest, Receipt, Source
from engine.orders import OrderState, Place
from web import caller, schemas
from web.catalogue import CLIENT_ORDER_KEY, Catalogue
from web.errors import OrderRefused
from web.openapi import taken
from web.schemas import OrderStatus

WAIT_SECONDS_MAX = 30
PREFERRED_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,6})(?=$|[,;\s])", re.ASCII)
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
ORDER_ID = "<int(max=9223372036854775807):order_id>"

orders = APIBlueprint("orders", __name__, url_prefix="/api/orders", tag="Orders")


class ClientOrderIdTaken(RequestRefused):
    """An order of the caller's has that client_order_id. Facts: client_order_id, order_id."""

    code = "client_order_id_taken"


class InvalidIdempotencyKey(RequestRefused):
    """Not 1 to 128 visible ASCII characters. Facts: none."""

    code = "invalid_idempotency_key"


class Made(NamedTuple):
    """What a request made: its receipts, and how to answer before and after they are settled."""

    receipts: Sequence[Receipt]
    pending: Callable[[Session, int], Response]
    settled: Callable[[Session, int], Response]


@orders.post("")
@orders.input(schemas.NewOrder)
@orders.output(schemas.Order, status_code=201, description="Settled: what the market made of it.")
@orders.doc(
    security="bearer",
    operation_id="place_order",
    responses={202: taken("Order")},
)
def place(json_data: schemas.NewOrder) -> Response:
    """Place an order.

    Without `Prefer: wait=N` the order is answered as it was taken (202, state `new`); with it, as soon as the market
    has taken it (201), or after N seconds as it is then (202).
    """

    def make(session: Session, trader_id: int, request_key: str) -> Made:
        named, now = json_data.client_order_id, utc_now()
        if named is not None:
            request_key = CLIENT_ORDER_KEY + named
        receipt = intake.place(
            session,
            trader_id=trader_id,
            request=order_request(json_data),
            source=Source.API,
            request_key=request_key,
            now=now,
        )
        assert receipt.order_id is not None
        if receipt.command is None:
            if named is not None:
                raise ClientOrderIdTaken(client_order_id=named, order_id=receipt.order_id)
            return Made([receipt], show(receipt.order_id, 202), show(receipt.order_id, 201))
        assert isinstance(receipt.command, Place)
        waiting = RequestedOrder(waiting_view(receipt.command, now), Source.API, request_key)
        return Made(
            [receipt],
            lambda session, trader_id: catalogue().order(session, waiting).response(202),
            show(receipt.order_id, 201),
        )

    return carry_out(make)


@orders.get("")
@orders.input(schemas.OrderQuery, location="query")
@orders.output(schemas.Orders)
@orders.doc(security="bearer", operation_id="list_orders")
def list_orders(query_data: schemas.OrderQuery) -> Response:
    """List orders, the newest first."""
    with current_app.extensions["reads"]() as session:
        _, trader_id = caller.signed_in(session)
        wanted = order_filter(session, query_data)
        before = None if query_data.cursor is None else int(query_data.cursor)
        found = history.orders_page(session, trader_id, wanted, before=before, limit=query_data.limit + 1)
        page = found[: query_data.limit]
        answer = schemas.Orders.model_construct(
            orders=[catalogue().order(session, order) for order in page],
            next_cursor=str(page[-1].order.order_id) if len(found) > len(page) else None,
        )
    return answer.response()


@orders.get(f"/{ORDER_ID}")
@orders.output(schemas.Order)
@orders.doc(security="bearer", operation_id="get_order")
def get_order(order_id: int) -> Response:
    """One order as it stands."""
    with current_app.extensions["reads"]() as session:
        _, trader_id = caller.signed_in(session)
        return show(order_id, 200)(session, trader_id)


@orders.patch(f"/{ORDER_ID}")
@orders.input(schemas.OrderChange)
@orders.output(schemas.Order, description="Settled: the order as it stands now.")
@orders.doc(
    security="bearer",
    operation_id="amend_order",
    responses={202: taken("Order")},
)
def amend(order_id: int, json_data: schemas.OrderChange) -> Response:
    """Change an order's price, its total quantity, or both.

    Less quantity keeps its place in the queue; a new price or more quantity goes to the back.
    """

    def make(session: Session, trader_id: int, request_key: str) -> Made:
        receipt = intake.amend(
            session,
            trader_id=trader_id,
            order_id=order_id,
            price=json_data.price,
            quantity=json_data.quantity,
            source=Source.API,
            request_key=request_key,
            now=utc_now(),
        )
        return Made([receipt], show(order_id, 202), changed(receipt, order_id))

    return carry_out(make)


@orders.delete(f"/{ORDER_ID}")
@orders.output(schemas.Order, description="Settled: the order as it ended.")
@orders.doc(
    security="bearer",
    operation_id="cancel_order",
    responses={202: taken("Order")},
)
def cancel(order_id: int) -> Response:
    """Cancel an order."""

    def make(session: Session, trader_id: int, request_key: str) -> Made:
        receipt = intake.cancel(
            session,
            trader_id=trader_id,
            order_id=order_id,
            source=Source.API,
            request_key=request_key,
            now=utc_now(),
        )
        return Made([receipt], show(order_id, 202), changed(receipt, order_id))

    return carry_out(make)


@orders.delete("")
@orders.input(schemas.CancelQuery, location="query")
@orders.output(schemas.Canceled, description="Settled: how many orders were canceled.")
@orders.doc(
    security="bearer",
    operation_id="cancel_orders",
    responses={202: taken("Canceled")},
)
def cancel_all(query_data: schemas.CancelQuery) -> Response:
    """Cancel every open order, or those of one market, asset or side."""

    def make(session: Session, trader_id: int, request_key: str) -> Made:
        asset, contract = query_data.asset, None
        if query_data.symbol is not None:
            listed = intake.find_instrument(session, symbol=query_data.symbol)
            asset, contract = listed["asset"], listed["contract"]
        receipts = intake.cancel_all(
            session,
            trader_id=trader_id,
            asset=None if asset is None else asset.lower(),
            contract=contract,
            side=query_data.side,
            source=Source.API,
            request_key=request_key,
            now=utc_now(),
        )
        pending = schemas.Canceled(settled=False, canceled=None)
        return Made(receipts, lambda session, trader_id: pending.response(202), count_canceled(receipts))

    return carry_out(make)


def carry_out(make: Callable[[Session, int, str], Made]) -> Response:
    """Hand a request to the engine's door once, whatever its Idempotency-Key has seen before, and answer it."""
    key, wait_seconds = idempotency_key(), preferred_wait()
    sessions = current_app.extensions["sessions"]
    with sessions.begin() as session:
        _, trader_id = caller.signed_in(session, writing=True)
        request_key = uuid.uuid4().hex
        if key is not None:
            claim = idempotency.begin(session, trader_id, key, fingerprint(), utc_now())
            if claim.answer is not None:
                return Response(claim.answer.body, claim.answer.status, mimetype="application/json")
            request_key = claim.request_key
        made = make(session, trader_id, request_key)
        answer = made.pending(session, trader_id)
        if key is not None and not wait_seconds:
            idempotency.finish(session, trader_id, key, kept(answer))
    for shard_id in sorted({receipt.shard_id for receipt in made.receipts}):
        queues.wake(current_app.extensions["redis"], queues.SETTLE, shard_id)
    if not wait_seconds:
        return answer
    settled = wait_until_settled(trader_id, made.receipts, wait_seconds)
    with sessions.begin() as session:
        answer = (made.settled if settled else made.pending)(session, trader_id)
        if key is not None:
            idempotency.finish(session, trader_id, key, kept(answer))
    return answer


def idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidIdempotencyKey
    return key


def preferred_wait() -> int:
    """Seconds, of RFC 7240's `Prefer: wait=10`; a preference that cannot be met is ignored, as the standard has it."""
    found = PREFERRED_WAIT.search(request.headers.get("Prefer", ""))
    return 0 if found is None else min(int(found[1]), WAIT_SECONDS_MAX)


def fingerprint() -> bytes:
    """What makes two requests the same: where they go, and what they say."""
    return f"{request.method} {request.full_path}\n".encode() + request.get_data()


def kept(answer: Response) -> Answer:
    return Answer(answer.status_code, answer.get_data(as_text=True))


def wait_until_settled(trader_id: int, receipts: Sequence[Receipt], seconds: int) -> bool:
    """Whether the market has taken all of it by then; no connection is held meanwhile."""
    waiting = list(receipts)

    def is_settled() -> bool:
        with current_app.extensions["reads"]() as session:
            waiting[:] = [
                receipt for receipt in waiting if not history.is_settled(session, receipt.shard_id, receipt.command_id)
            ]
        return not waiting

    settled: bool = current_app.extensions["settlements"].wait(trader_id, is_settled, seconds)
    return settled


def show(order_id: int, status: int) -> Callable[[Session, int], Response]:
    def answer(session: Session, trader_id: int) -> Response:
        return catalogue().order(session, history.order(session, trader_id, order_id)).response(status)

    return answer


def changed(receipt: Receipt, order_id: int) -> Callable[[Session, int], Response]:
    """The order after its change; raises OrderRefused where the market refused that."""

    def answer(session: Session, trader_id: int) -> Response:
        for event in history.outcome(session, trader_id, receipt.shard_id, receipt.command_id):
            if isinstance(event, AmendRejected):
                raise OrderRefused(order_id=order_id, reason=event.reason, **event.facts)
            if isinstance(event, CancelRejected):
                raise OrderRefused(order_id=order_id, reason=event.reason)
        return show(order_id, 200)(session, trader_id)

    return answer


def count_canceled(receipts: Sequence[Receipt]) -> Callable[[Session, int], Response]:
    def answer(session: Session, trader_id: int) -> Response:
        done = [
            event.count
            for receipt in receipts
            for event in history.outcome(session, trader_id, receipt.shard_id, receipt.command_id)
            if isinstance(event, CancelAllDone)
        ]
        return schemas.Canceled(settled=True, canceled=sum(done)).response()

    return answer


def order_request(asked: schemas.NewOrder) -> OrderRequest:
    return OrderRequest(
        side=asked.side,
        quantity=asked.quantity,
        symbol=asked.symbol,
        asset=None if asked.asset is None else asked.asset.lower(),
        contract=None if asked.contract is None else asked.contract.capitalize(),
        price=asked.price,
        order_type=asked.type,
        time_in_force=asked.time_in_force,
        expires_at=asked.expires_at,
        post_only=asked.post_only,
        self_trade_prevention=asked.self_trade_prevention,
    )


def order_filter(session: Session, query: schemas.OrderQuery) -> OrderFilter:
    states: tuple[OrderState, ...] = tuple(OrderState)
    if query.status == OrderStatus.OPEN:
        states = tuple(OPEN_STATES)
    elif query.status == OrderStatus.CLOSED:
        states = tuple(set(OrderState) - OPEN_STATES)
    elif query.status is not None:
        states = (OrderState(query.status),)
    instrument_ids = None
    if query.symbol is not None:
        instrument_ids = [catalogue().named(session, query.symbol).instrument_id]
    return OrderFilter(
        instrument_ids=instrument_ids,
        side=query.side,
        states=states,
        updated_since=query.updated_since,
        request_key=None if query.client_order_id is None else CLIENT_ORDER_KEY + query.client_order_id,
    )


def catalogue() -> Catalogue:
    found: Catalogue = current_app.extensions["catalogue"]
    return found
