"""The messages that were understood wrongly, and their export as labelled rows."""

import json

from flask import Blueprint, Response, current_app, render_template

from bot import bad_readings
from bot.security_events import SecurityEvent
from web import staff_access

readings = Blueprint("readings", __name__)


@readings.get("/readings")
def show() -> str:
    with current_app.extensions["reads"]() as session:
        return render_template("support/readings.html", marked=bad_readings.marked(session))


@readings.post("/readings.jsonl")
def export() -> Response:
    """One JSON object a line, in the form of the labelled commands that the parser is tested with."""
    with current_app.extensions["sessions"].begin() as session:
        rows = list(bad_readings.rows(session))
        staff_access.audit(session, SecurityEvent.READINGS_EXPORTED, count=len(rows))
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    headers = {"Content-Disposition": "attachment; filename=bad-readings.jsonl", "Cache-Control": "no-store"}
    return Response(lines, mimetype="application/jsonl", headers=headers)
