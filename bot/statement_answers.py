"""A statement asked for in chat: its sums in words, the document beside them, and where the spreadsheet is."""

from dataclasses import replace

from bot import linking, periods
from bot.asker import Asker
from bot.attachments import CSV, PDF, Kind, Wanted
from bot.periods import BadPeriod
from bot.statements import StatementText
from engine import statements
from nlp.reading import Reading


def statement(asker: Asker, reading: Reading) -> str:
    """The sums now, and the files as they are made."""
    _ = asker.catalog.gettext
    assert reading.period is not None
    try:
        period = periods.read(reading.period, asker.now.astimezone(asker.zone).date())
    except BadPeriod:
        return _("There is no statement of a time to come.")
    holder = linking.username_of(asker.session, asker.trader_id) or asker.conversation["number"]
    stated = statements.statement(asker.session, asker.trader_id, *period.bounds(asker.zone))
    text = StatementText(stated, period, holder, asker.language, asker.zone)
    document = Wanted(
        kind=Kind.STATEMENT,
        content_type=PDF,
        facts={"period": period.text, "holder": holder},
        language=asker.language,
        zone=asker.zone.key,
    )
    # WhatsApp shows no words beside a document, and takes no spreadsheet of this kind: that is given as a link.
    asker.wanted, asker.document = replace(document, content_type=CSV), (document, text.title)
    return "\n".join(
        [
            f"*{text.title}*",
            *(f"{name}: {value}" for name, value in text.totals()),
            _("As a spreadsheet, for 24 hours:"),
        ]
    )
