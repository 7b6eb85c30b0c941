"""What a trader is told of unasked, as they mute, unmute and list it in chat, and the hour of their daily summary."""

from collections.abc import Collection
from datetime import datetime, time

from bot import figures, notifications
from bot.asker import Asker
from bot.languages import translations
from bot.notifications import Notice
from nlp.reading import Intent, Reading


def mute(asker: Asker, reading: Reading) -> str:
    _ = asker.catalog.gettext
    chosen = _chosen(reading)
    muted = notifications.muted_by(asker.conversation) | chosen
    notifications.set_muted(asker.session, asker.conversation["id"], muted)
    shown = kind_names(chosen, asker.language)
    lines = [_("Muted: %(kinds)s.") % {"kinds": shown}]
    if Notice.PARTIAL_FILLS in chosen and Notice.FILLS not in muted:
        lines.append(_("An order's partial fills are told when it is complete or ends."))
    else:
        lines.append(_("What happens can always be seen: *orders*, *my trades*."))
    if Notice.ALERTS in chosen:
        lines.append(_("Your price alerts stay set, and wait until they are unmuted."))
    undoing = asker.examples[Intent.UNMUTE][0] if chosen == {Notice.PARTIAL_FILLS} else _unmuting(asker)
    lines.append(_("To undo it: *%(example)s*") % {"example": undoing})
    return "\n".join(lines)


def unmute(asker: Asker, reading: Reading) -> str:
    chosen = _chosen(reading)
    kept = frozenset(Notice) if reading.topic == "only" else notifications.muted_by(asker.conversation)
    muted = kept - chosen
    notifications.set_muted(asker.session, asker.conversation["id"], muted)
    return "\n".join(_told_and_muted(asker, muted))


def settings(asker: Asker, reading: Reading) -> str:
    _ = asker.catalog.gettext
    lines = _told_and_muted(asker, notifications.muted_by(asker.conversation))
    lines.append(_summary_line(asker, asker.conversation["summary_at"], asker.conversation["summary_due_at"]))
    return "\n".join(
        [*lines, _("To change it, for example: *%(example)s*") % {"example": _example(asker, Intent.MUTE)}]
    )


def daily_summary(asker: Asker, reading: Reading) -> str:
    """Sets the hour that is named; without one tells which it is, and how to set it."""
    _ = asker.catalog.gettext
    if reading.clock is None:
        line = _summary_line(asker, asker.conversation["summary_at"], asker.conversation["summary_due_at"])
        example = _example(asker, Intent.DAILY_SUMMARY)
        return "\n".join([line, _("To set its time, for example: *%(example)s*") % {"example": example}])
    at = time.fromisoformat(reading.clock)
    due_at = notifications.set_summary(asker.session, asker.conversation, at, asker.now)
    return "\n".join(
        [
            _summary_line(asker, at, due_at),
            _("It tells your trades, open orders and positions. On a day without any I say nothing."),
            _("To stop it: *%(example)s*") % {"example": _example(asker, Intent.NO_SUMMARY)},
        ]
    )


def no_summary(asker: Asker, reading: Reading) -> str:
    _ = asker.catalog.gettext
    notifications.drop_summary(asker.session, asker.conversation["id"])
    return _("No daily summary from now on.")


def kind_names(kinds: Collection[Notice], language: str) -> str:
    """The kinds as a trader reads them, one after another."""
    _ = translations(language).gettext
    names = {
        Notice.FILLS: _("complete fills"),
        Notice.PARTIAL_FILLS: _("partial fills"),
        Notice.EXPIRIES: _("expiries"),
        Notice.CANCELLATIONS: _("cancellations"),
        Notice.ALERTS: _("price alerts"),
        Notice.HALTS: _("market halts"),
    }
    return ", ".join(names[kind] for kind in Notice if kind in kinds)


def alerts_are_muted(asker: Asker) -> list[str]:
    """The line below a price alert that would not be told now."""
    _ = asker.catalog.gettext
    if Notice.ALERTS not in notifications.muted_by(asker.conversation):
        return []
    return [
        _("Price alerts are muted: it waits until you unmute them. Say *%(example)s*") % {"example": _unmuting(asker)}
    ]


def _chosen(reading: Reading) -> frozenset[Notice]:
    return frozenset(map(Notice, reading.notices))


def _told_and_muted(asker: Asker, muted: frozenset[Notice]) -> list[str]:
    _ = asker.catalog.gettext
    told = frozenset(Notice) - muted
    lines = [_("I tell you of: %(kinds)s.") % {"kinds": kind_names(told, asker.language)}] if told else []
    return lines + ([_("Muted: %(kinds)s.") % {"kinds": kind_names(muted, asker.language)}] if muted else [])


def _summary_line(asker: Asker, at: time | None, due_at: datetime | None) -> str:
    _ = asker.catalog.gettext
    if at is None or due_at is None:
        return _("There is no daily summary.")
    facts = {"time": figures.clock(at, asker.language), "next": asker.moment(due_at)}
    return _("Daily summary at %(time)s; the next one %(next)s.") % facts


def _unmuting(asker: Asker) -> str:
    """How to unmute everything."""
    return asker.examples[Intent.UNMUTE][-1]


def _example(asker: Asker, intent: Intent) -> str:
    return asker.examples[intent][0]
