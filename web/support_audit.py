"""The audit trail: who did what and from where, read and exported; the database lets nobody change it."""

import csv
import io
import json

import sqlalchemy as sa
from flask import Blueprint, Response, current_app, render_template, request

from bot.security_events import SecurityEvent
from bot.staff import Role
from bot.tables import accounts, security_events, staff
from web import staff_access
from web.staff_access import needs

SHOWN_MAX = 100
EXPORTED_MAX = 100_000
COLUMNS = ("id", "occurred_at", "kind", "staff", "account", "ip_address", "facts")

audit_trail = Blueprint("audit", __name__)


@audit_trail.get("/audit")
def show() -> str:
    """The newest first, a page at a time, of one kind or one of our staff where asked."""
    before = request.args.get("before", type=int)
    kind, who = request.args.get("kind", ""), request.args.get("who", "")
    with current_app.extensions["reads"]() as session:
        rows = session.execute(_events(kind, who, before).limit(SHOWN_MAX)).mappings().all()
    return render_template(
        "support/audit.html",
        rows=rows,
        kinds=list(SecurityEvent),
        kind=kind,
        who=who,
        older=rows[-1]["id"] if len(rows) == SHOWN_MAX else None,
    )


@audit_trail.post("/audit.csv")
@needs(Role.RISK)
def export() -> Response:
    """The newest rows as a table."""
    with current_app.extensions["sessions"].begin() as session:
        rows = session.execute(_events("", "", None).limit(EXPORTED_MAX)).mappings().all()
        staff_access.audit(session, SecurityEvent.AUDIT_EXPORTED, count=len(rows))
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for row in rows:
        facts = json.dumps(row["facts"], ensure_ascii=False, sort_keys=True)
        table.writerow([row["id"], row["occurred_at"].isoformat(), *(row[name] for name in COLUMNS[2:-1]), facts])
    headers = {"Content-Disposition": "attachment; filename=audit.csv", "Cache-Control": "no-store"}
    return Response(text.getvalue(), mimetype="text/csv", headers=headers)


def _events(kind: str, who: str, before: int | None) -> sa.Select[tuple[object, ...]]:
    query = (
        sa.select(security_events, staff.c.username.label("staff"), accounts.c.username.label("account"))
        .outerjoin(staff, staff.c.id == security_events.c.staff_id)
        .outerjoin(accounts, accounts.c.id == security_events.c.account_id)
        .order_by(security_events.c.id.desc())
    )
    if before is not None:
        query = query.where(security_events.c.id < before)
    if kind:
        query = query.where(security_events.c.kind == kind)
    if who:
        query = query.where(staff.c.username == who.lower())
    return query
