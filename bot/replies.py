"""Every sentence of the conversation: what is understood, asked, done or refused, in the trader's language (pure).

WhatsApp renders *bold*; lines are short, so that they read well on a phone.
"""

from collections.abc import Mapping
from decimal import Decimal

from bot import figures, local_time
from bot.estimates import Estimate
from bot.languages import translations
from bot.listings import Listing, Listings
from engine.money import COMMISSION_RATE
from engine.orders import OrderType, Side, TimeInForce
from nlp.reading import Intent, Reading

QUESTION_MINUTES = 2
MONTHS_SHOWN = 4
# Why a message led to nothing, where an example shows what would have.
OPEN_REASONS = frozenset({"ambiguous_number", "zero", "negative", "fractional_quantity", "alternatives"})


def order_line(reading: Reading, listings: Listings, language: str) -> str:
    """The part of an order that is known: *Buy 100 Wheat Dec25 at 150.00*."""
    return "*" + order_words(reading, listings, language) + "*"


def order_words(reading: Reading, listings: Listings, language: str) -> str:
    _ = translations(language).gettext
    words = [{"buy": _("Buy"), "sell": _("Sell"), None: _("Order")}[reading.side]]
    if reading.quantity is not None:
        words.append(figures.quantity(reading.quantity, language))
    if reading.asset is not None:
        words.append(listings.asset_name(reading.asset, language))
    if reading.contract is not None:
        words.append(figures.contract(reading.contract, language))
    if reading.order_type == OrderType.MARKET:
        words.append(_("at market"))
    elif reading.price is not None:
        listing = listings.find(reading.asset, reading.contract)
        tick_size = listing.tick_size if listing else None
        words.append(_("at %(price)s") % {"price": figures.price(reading.price, language, tick_size)})
    return " ".join(words)


def lifetime(reading: Reading, language: str) -> str:
    """How long the order stands: good for 24 h, until canceled, immediate or cancel."""
    catalog = translations(language)
    _ = catalog.gettext
    if reading.expires_at is not None:
        return _("until %(time)s") % {"time": figures.moment(local_time.moment_of(reading.expires_at), language)}
    if reading.expires_in is not None:
        hours, minutes = divmod(reading.expires_in, 60)
        if minutes or not hours:
            return catalog.ngettext("good for %(count)s minute", "good for %(count)s minutes", reading.expires_in) % {
                "count": figures.quantity(reading.expires_in, language)
            }
        return catalog.ngettext("good for %(count)s hour", "good for %(count)s hours", hours) % {
            "count": figures.quantity(hours, language)
        }
    if reading.time_in_force is None and reading.order_type == OrderType.MARKET:
        return time_in_force(TimeInForce.IOC, language)
    return time_in_force(TimeInForce(reading.time_in_force or TimeInForce.DAY), language)


def time_in_force(value: TimeInForce, language: str) -> str:
    _ = translations(language).gettext
    return {
        TimeInForce.DAY: _("good for 24 h"),
        TimeInForce.GTC: _("until canceled"),
        TimeInForce.GTT: _("until its time"),
        TimeInForce.IOC: _("fill now or cancel the rest"),
        TimeInForce.FOK: _("fill all now or nothing"),
    }[value]


def slot_question(missing: tuple[str, ...], listings: Listings, language: str) -> str:
    """Asks for what an order still lacks."""
    _ = translations(language).gettext
    if len(missing) > 1:
        names = {
            "side": _("buy or sell"),
            "quantity": _("how many"),
            "asset": _("which product"),
            "contract": _("which month"),
            "price": _("the price"),
        }
        return _("I still need: %(slots)s.") % {"slots": ", ".join(names[slot] for slot in missing)}
    if missing[0] == "contract":
        return _which_month(listings, language)
    return {
        "side": _("Buy or sell?"),
        "quantity": _("How many?"),
        "asset": _("Which product?"),
        "price": _("At what price? Or say *market*."),
    }[missing[0]]


def _which_month(listings: Listings, language: str) -> str:
    """With the nearest month that is listed, where there is one."""
    _ = translations(language).gettext
    for code in listings.months_ahead[:1]:
        return _("Which month? For example %(month)s.") % {"month": figures.contract(code, language)}
    return _("Which month?")


def ask_missing(reading: Reading, missing: tuple[str, ...], listings: Listings, language: str) -> str:
    _ = translations(language).gettext
    lines = [order_line(reading, listings, language)]
    if reading.unlisted is not None and "asset" in missing:
        lines = [unlisted(reading, listings, language)]
    elif "contract" in missing and reading.asset is not None:
        lines += _nearest_months(reading.asset, listings, language)
    return "\n".join([*lines, slot_question(missing, listings, language)])


def unlisted(reading: Reading, listings: Listings, language: str) -> str:
    _ = translations(language).gettext
    text = _("We do not list “%(product)s”.") % {"product": (reading.unlisted or "")[:40]}
    if reading.nearest:
        nearest = ", ".join(listings.asset_name(code, language) for code in reading.nearest)
        return text + " " + _("Nearest to it we have: %(products)s.") % {"products": nearest}
    names = ", ".join(listings.asset_name(code, language) for code in listings.assets())
    return text + "\n" + _("We list: %(products)s.") % {"products": names}


def ask_confirm(
    reading: Reading,
    listings: Listings,
    language: str,
    *,
    why: str | None = None,
    about: Reading | None = None,
    estimate: Estimate | None = None,
) -> str:
    """The readback: all of what would be done, what it costs, and how to say yes.

    `about` is the order that would be changed or canceled, as it stands; `estimate` what one at market would come to.
    """
    _ = translations(language).gettext
    lines = [] if why is None else [why]
    lines.append(action_line(reading, listings, language))
    if reading.intent == Intent.PLACE_ORDER:
        lines[-1] += ", " + lifetime(reading, language) + "."
        if (cost := cost_line(reading, listings, language)) is not None:
            lines.append(cost)
        if estimate is not None:
            lines += estimate_lines(estimate, reading, listings, language)
    if about is not None:
        lines.append(_("Now: %(order)s") % {"order": order_words(about, listings, language)})
    if (
        reading.intent == Intent.PLACE_ORDER
        and reading.asset
        and listings.find(reading.asset, reading.contract) is None
    ):
        return "\n".join(
            [
                *lines,
                *_nearest_months(reading.asset, listings, language),
                slot_question(("contract",), listings, language),
            ]
        )
    lines.append(
        _("Reply *YES* or *NO* (%(minutes)s min).") % {"minutes": figures.quantity(QUESTION_MINUTES, language)}
    )
    return "\n".join(lines)


def action_line(reading: Reading, listings: Listings, language: str) -> str:
    """What would be done, in one bold line."""
    _ = translations(language).gettext
    if reading.intent == Intent.CANCEL_ORDER:
        return "*" + _("Cancel order %(number)s") % {"number": reading.order_id} + "*"
    if reading.intent == Intent.CANCEL_LAST:
        return "*" + _("Cancel your last order") + "*"
    if reading.intent == Intent.CANCEL_ALL:
        return "*" + _("Cancel all open orders%(which)s") % {"which": _narrowed(reading, listings, language)} + "*"
    if reading.intent == Intent.PANIC:
        return "*" + _("Cancel everything and freeze chat trading") + "*"
    if reading.intent == Intent.AMEND_ORDER:
        which = (
            _("your last order")
            if reading.order_id in (None, "last")
            else _("order %(number)s") % {"number": reading.order_id}
        )
        changes = []
        if reading.quantity is not None:
            changes.append(_("quantity %(quantity)s") % {"quantity": figures.quantity(reading.quantity, language)})
        if reading.price is not None:
            changes.append(_("price %(price)s") % {"price": figures.price(reading.price, language)})
        return "*" + _("Change %(which)s: %(changes)s") % {"which": which, "changes": ", ".join(changes)} + "*"
    return order_line(reading, listings, language)


def _narrowed(reading: Reading, listings: Listings, language: str) -> str:
    _ = translations(language).gettext
    names = [] if reading.asset is None else [listings.asset_name(reading.asset, language)]
    if reading.contract is not None:
        names.append(figures.contract(reading.contract, language))
    words = [" ".join(names)] if names else []
    if reading.side is not None:
        words.append(_("buys only") if reading.side == Side.BUY else _("sells only"))
    return ": " + ", ".join(words) if words else ""


def cost_line(reading: Reading, listings: Listings, language: str) -> str | None:
    """15,000.00 + 15.00 commission; nothing at market, where the price is not known before."""
    _ = translations(language).gettext
    if reading.price is None or reading.quantity is None:
        return None
    listing = listings.find(reading.asset, reading.contract)
    if listing is None:
        return None
    notional = reading.price * reading.quantity
    return _("%(notional)s + %(commission)s commission.") % {
        "notional": figures.money(notional, language),
        "commission": figures.money(listing.commission(notional), language),
    }


def estimate_lines(estimate: Estimate, order: Reading, listings: Listings, language: str) -> list[str]:
    """What an order at market would come to by the book as it stands, and what the book lacks for it."""
    _ = translations(language).gettext
    listing = listings.find(order.asset, order.contract)
    if estimate.average_price is None or listing is None:
        return [_("There is nothing in the book for it to trade with now.")]
    lines = [
        _("Estimate by the book now: %(quantity)s at %(price)s on average = %(notional)s + %(commission)s commission.")
        % {
            "quantity": figures.quantity(estimate.traded, language),
            "price": figures.price(estimate.average_price, language, listing.tick_size),
            "notional": figures.money(estimate.notional, language),
            "commission": figures.money(estimate.commission, language),
        }
    ]
    if estimate.lacking:
        lacking = {"quantity": figures.quantity(estimate.lacking, language)}
        if order.time_in_force == TimeInForce.FOK:
            return [_("The book lacks %(quantity)s for it, so nothing would trade now.") % lacking]
        lines.append(_("The book lacks the other %(quantity)s: they would be canceled.") % lacking)
    return lines


def why_asked(reasons: tuple[str, ...], language: str) -> str | None:
    """Why a readback is shown, where saying so helps."""
    _ = translations(language).gettext
    sentences = {
        "retried": _("I could not handle this earlier message of yours at the time. Do you still want it?"),
        "identical_resend": _("You have just placed this very order. Once more?"),
        "above_own_limit": _("This is above the size you want to be asked about."),
        "far_from_market": _("That price is far from the market:"),
        "sign_alone": _("A sign may only say that you have read it. Please answer with a word:"),
        "price_moved": _("The market has moved since I asked."),
        "ambiguous_number": _("I am not sure about a number:"),
        "typo_fits_two_assets": _("I am not sure about the product:"),
        "expired_contract": _("That month is over:"),
        "ambiguous_month": _("I am not sure about the month:"),
        "absurd_number": _("That is unusually large:"),
        "beside_notifications": _("I do one thing at a time: your notifications stay as they are."),
        "two_orders": _("I can place one order at a time. First:"),
    }
    return next((sentences[reason] for reason in reasons if reason in sentences), None)


def heard(transcript: str) -> str:
    """What a voice note was understood to say, above the reply to it."""
    return f"🎤 “{transcript}”"


def too_many_messages(messages_per_minute_max: int, language: str) -> str:
    """Told once a minute to whoever floods us: what came above the limit was not read."""
    catalog = translations(language)
    return catalog.ngettext(
        "That was more than %(count)s message in a minute. I did not read the rest: please wait, then resend it.",
        "That was more than %(count)s messages in a minute. I did not read the rest: please wait, then resend it.",
        messages_per_minute_max,
    ) % {"count": figures.quantity(messages_per_minute_max, language)}


def listening(language: str) -> str:
    _ = translations(language).gettext
    return _("Listening to your voice note…")


def unheard(reason: str, language: str) -> str:
    """Why a voice note led to nothing, by the refusal's code, and what to do instead."""
    _ = translations(language).gettext
    unclear = _("I could not hear that clearly. Please send it again, or as text.")
    unfetched = _("I could not fetch that voice note. Please send it again, or as text.")
    return {
        "silence": _("I could not hear anything in that voice note. Please send it again, or as text."),
        "noise": _("I could not hear that for the noise. Please send it again, or as text."),
        "low_confidence": unclear,
        "prompt_echo": unclear,
        "loop": unclear,
        "too_long": _("That voice note is too long: two minutes at most."),
        "too_large": _("That file is too large. Please send a shorter voice note, or text."),
        "no_audio": _("There is no sound in that file. Please send it as text."),
        "undecodable": _("I could not open that file. Please send it again, or as text."),
        "wrong_type": _("I can listen to voice notes, but not open that kind of file."),
        "wrong_host": unfetched,
        "gone": unfetched,
        "unavailable": unfetched,
        "no_model": _("I cannot listen to voice notes just now. Please send it as text."),
    }[reason]


def ask_change(language: str) -> str:
    """What a tap on Change is answered with."""
    _ = translations(language).gettext
    return _(
        "What should change? Say only that, for example: *price 151* or *50 lots*. Nothing is placed until you confirm."
    )


def discarded(asked: Reading | None, language: str) -> str:
    """A question that is dropped, about an order or about a change of one that stands."""
    _ = translations(language).gettext
    if asked is not None and asked.intent != Intent.PLACE_ORDER:
        return _("Dropped. Your orders stay as they are.")
    return _("Dropped. Nothing was placed.")


def nothing_open(intent: Intent, language: str, *, expired: bool, example: str) -> str:
    """A yes, no or number to which no question is open."""
    _ = translations(language).gettext
    if expired:
        return _("That question has expired and nothing was done. Please send the order again.")
    if intent == Intent.YES:
        return _("There is nothing to confirm. Nothing was done.")
    if intent == Intent.NO:
        return _("There is nothing open. Nothing was done.")
    return _("I have no open question for that. Say the whole order, for example: %(example)s") % {"example": example}


def not_understood(
    reading: Reading, listings: Listings, language: str, *, example: str | None, dropped: bool = False
) -> str:
    """Says that nothing was done, why if that is known, and what would work; `dropped`: an open question went too.

    Without an `example`, where the last one did not help or a question stands, help is pointed at.
    """
    _ = translations(language).gettext
    if reading.unlisted is not None:
        return unlisted(reading, listings, language)
    if "price_or_quantity" in reading.reasons:
        return _either(reading, language)
    as_question = _("I read that as a question, so I did nothing.")
    above_zero = _("Quantity and price must be above zero.")
    unsure = _("You do not sound sure, so I did nothing.")
    reasons = {
        "conditional": _("I cannot wait for a condition. You can set an alert, or place a limit order."),
        "negation": _("I read that as *not* to be done, so I did nothing."),
        "past": _("I read that as something past, so I did nothing."),
        "question": as_question,
        "question_word": as_question,
        "opinion": _("I cannot give advice, and did nothing. I can tell you prices: say *market*."),
        "reported": _("I read that as somebody else's words, so I did nothing."),
        "hesitation": unsure,
        "yes_and_no": unsure,
        "joke": _("I took that for a joke, and did nothing."),
        "machine": _("I only take orders, and did nothing."),
        "later": _("I cannot wait until later. Send it when it is time, or place a limit order."),
        "alternatives": _("You named two alternatives, so I did nothing. Please send the one you want."),
        "zero": above_zero,
        "negative": above_zero,
        "fractional_quantity": _("Quantities are whole lots."),
        "too_long": _("That message is too long for me. Please send one short order."),
        "relative": _("Please say the new total, for example: change 1042 to 50 lots."),
        "ambiguous_number": _("I am not sure about a number in that, so I did nothing."),
        "no_last_order": _("You have no earlier order here that I could repeat or change."),
        "which_order": _("Which order? Say its number, for example *cancel 1042*, or *orders* to see them all."),
        "too_early": _("You wrote that before you could read my question, so I did nothing. Please answer it now."),
        "no_such_button": _("That button is no longer valid. Nothing was done."),
    }
    sentence = next((reasons[reason] for reason in reading.reasons if reason in reasons), None)
    lines = [sentence or _("I did not understand that, and did nothing.")]
    if dropped:
        lines.append(question_dropped(language))
    if sentence is None or OPEN_REASONS & set(reading.reasons):
        hint = _("Say *help* to see what I can do.")
        lines.append(hint if example is None else _("Try: %(example)s — or say *help*.") % {"example": example})
    return "\n".join(lines)


def _either(reading: Reading, language: str) -> str:
    """Asks which of an order's figures is to be changed, and tells how to say so."""
    _ = translations(language).gettext
    assert reading.quantity is not None
    assert reading.price is not None
    return "\n".join(
        [
            _("Is that the price or the quantity of order %(number)s?") % {"number": reading.order_id},
            _("Say *price %(price)s* or *quantity %(quantity)s*.")
            % {
                "price": figures.price(reading.price, language),
                "quantity": figures.quantity(reading.quantity, language),
            },
        ]
    )


def about_draft(reading: Reading, listings: Listings, language: str) -> str:
    """What a question about an order that is still being put together can be told of it."""
    cost = cost_line(reading, listings, language) or commission_rule(language)
    draft = order_line(reading, listings, language) + ", " + lifetime(reading, language) + "."
    return "\n".join([nothing_done_yet(language), draft, cost])


def commission_rule(language: str) -> str:
    _ = translations(language).gettext
    return _("Commission: %(rate)s of what each trade is worth.") % {"rate": figures.percent(COMMISSION_RATE, language)}


def complaint(last_order: str | None, language: str, *, person: str) -> str:
    """To whoever is angry: calmly what stands and how to take it back, and how to get to a `person`."""
    _ = translations(language).gettext
    lines = [_("I am sorry that this is not as you want it. Nothing was done now.")]
    if last_order is not None:
        lines += [_("Your last order:"), last_order]
    return "\n".join([*lines, _("To reach our support, say: *%(example)s*") % {"example": person}])


def question_dropped(language: str) -> str:
    _ = translations(language).gettext
    return _("The order I was asking about is dropped.")


def nothing_to_drop(last_order: str, language: str) -> str:
    """A "no" to which nothing is open may well be about what was just placed."""
    _ = translations(language).gettext
    return "\n".join([_("There is nothing open, and nothing was done now."), _("Your last order:"), last_order])


def nothing_done_yet(language: str) -> str:
    _ = translations(language).gettext
    return _("Nothing is placed yet.")


def still_open(question: str, language: str) -> str:
    """Reminds of the question that an information request left standing."""
    _ = translations(language).gettext
    return _("Still open:") + "\n" + question


def refused(code: str, facts: Mapping[str, object], listings: Listings, language: str) -> str:
    """What a trader can put right, by the code of the engine's TradingError or of the conversation's own."""
    _ = translations(language).gettext

    def price(name: str) -> str:
        value = facts.get(name)
        return figures.price(value, language) if isinstance(value, Decimal) else str(value)

    def count(name: str) -> str:
        value = facts.get(name)
        return figures.quantity(value, language) if isinstance(value, Decimal | int) else str(value)

    def allowed(show) -> str:
        return " / ".join(show(name) for name in ("below", "above") if facts.get(name) is not None)

    sentences = {
        "unknown_market": lambda: _unknown_market(facts, listings, language),
        "invalid_price": lambda: _("The price must be a number above zero."),
        "invalid_quantity": lambda: _("The quantity must be a number above zero."),
        "off_tick": lambda: (
            _("Prices here move in steps of %(tick)s. Nearest: %(allowed)s.")
            % {"tick": figures.quantity(facts["tick_size"], language), "allowed": allowed(price)}
        ),
        "off_lot": lambda: (
            _("Quantities are multiples of %(lot)s. Nearest: %(allowed)s.")
            % {"lot": count("lot_size"), "allowed": allowed(count)}
        ),
        "too_large": lambda: _("That number is too large. The most is %(most)s.") % {"most": count("allowed_max")},
        "invalid_time_in_force": lambda: _("This order cannot have that lifetime."),
        "order_not_found": lambda: _("You have no order %(number)s.") % {"number": facts.get("order_id", "")},
        "order_closed": lambda: _("Order %(number)s is already closed.") % {"number": facts.get("order_id", "")},
        "no_orders": lambda: _("You have no orders yet."),
        "no_position": lambda: _no_position(facts, listings, language),
        "no_single_position": lambda: _which_position(facts, listings, language),
        "no_open_orders": lambda: _("There was no open order to cancel."),
        "too_many_alerts": lambda: (
            _("You have as many alerts as one may: %(most)s. Delete one first.") % {"most": count("allowed_max")}
        ),
        "alert_not_found": lambda: _("You have no such alert."),
        "unknown_link_code": lambda: _("That code is not good, or no longer. Ask the web for a new one."),
        "too_many_link_tries": lambda: _("Too many wrong codes. Wait ten minutes and ask the web for a new one."),
        "already_linked": lambda: _("That account already has a number. Unlink it on the web first."),
        "number_already_linked": lambda: _("This number already trades for an account. Unlink it on the web first."),
        "link_both_traded": lambda: _(
            "This number and that account both have orders of their own, which cannot be put together."
            " Nothing was changed."
        ),
        "trader_frozen": lambda: "\n".join(
            [_("You said STOP, so nothing was done."), frozen(str(facts["web"]), facts["username"], language)]
        ),
    }
    return sentences[code]()


def _no_position(facts: Mapping[str, object], listings: Listings, language: str) -> str:
    """What is not there to be closed: "You hold no Wheat Dec26 to sell." """
    _ = translations(language).gettext
    asset, contract = facts.get("asset"), facts.get("contract")
    names = [] if asset is None else [listings.asset_name(str(asset), language)]
    product = " ".join([*names, *([] if contract is None else [figures.contract(str(contract), language)])])
    side = facts.get("side")
    if not product:
        return {
            Side.BUY: _("You have no short position to buy back."),
            Side.SELL: _("You have no long position to sell."),
        }.get(side) or _("You have no position to close.")
    sentence = {
        Side.BUY: _("You have no short position in %(product)s to buy back."),
        Side.SELL: _("You have no long position in %(product)s to sell."),
    }.get(side) or _("You have no position in %(product)s to close.")
    return sentence % {"product": product}


def _which_position(facts: Mapping[str, object], listings: Listings, language: str) -> str:
    """Positions are closed one at a time: which ones there are, and how to name one."""
    _ = translations(language).gettext
    found = [listings.by_id[instrument_id] for instrument_id in facts.get("instruments", ())]
    names = [f"{listings.asset_name(one.asset, language)} {figures.contract(one.contract, language)}" for one in found]
    lines = [_("I close one position at a time. Which one? You have: %(products)s.") % {"products": ", ".join(names)}]
    return "\n".join([*lines, *(_("For example: *close %(product)s*") % {"product": name} for name in names[:1])])


def frozen(web: str, username: object, language: str) -> str:
    """Where a STOP is lifted: on the web, by the account that the number is linked to; a guest makes one first."""
    _ = translations(language).gettext
    if username is None:
        return _(
            "Chat trading is frozen. To lift it: open %(web)s, create an account, link this number to it and"
            " lift it there."
        ) % {"web": web}
    return _("Chat trading is frozen. To lift it: open %(web)s and sign in as *%(username)s*.") % {
        "web": web,
        "username": username,
    }


def _unknown_market(facts: Mapping[str, object], listings: Listings, language: str) -> str:
    _ = translations(language).gettext
    contract, _dash, asset = str(facts["symbol"]).partition("-")
    asset = asset.lower()
    if asset not in listings.names:
        return _("%(symbol)s is not listed.") % {"symbol": facts["symbol"]}
    name = f"{listings.asset_name(asset, language)} {figures.contract(contract, language)}"
    text = _("%(symbol)s is not listed.") % {"symbol": name}
    return " ".join([text, *_nearest_months(asset, listings, language)])


def _nearest_months(asset: str, listings: Listings, language: str) -> list[str]:
    _ = translations(language).gettext
    months = ", ".join(figures.contract(code, language) for code in listings.contracts(asset)[:MONTHS_SHOWN])
    return [_("Nearest months: %(months)s.") % {"months": months}] if months else []


def allowed_range(facts: Mapping[str, object], listing: Listing, language: str) -> str | None:
    """The facts of an engine's refusal that help: the band, or the most that is allowed."""
    _ = translations(language).gettext
    low, high = facts.get("low_ticks"), facts.get("high_ticks")
    if isinstance(low, int) and isinstance(high, int):
        return _("Allowed now: %(low)s to %(high)s.") % {
            "low": figures.price(low * listing.tick_size, language, listing.tick_size),
            "high": figures.price(high * listing.tick_size, language, listing.tick_size),
        }
    return None
