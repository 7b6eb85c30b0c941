"""Voice notes: fetched, heard, and kept as a transcript beside their message; the turn then reads it like text."""

import hashlib
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session, sessionmaker

from bot import metrics, tables, whatsapp
from bot.settings import Settings
from bot.understanding import Understanding
from nlp.speech import Transcriber
from nlp.speech_model import ModelUnavailable

log = structlog.get_logger(__name__)

DOWNLOADS_MAX = 3
VOICE_LOCK = 83  # The class of advisory locks that keeps two workers from hearing one note.


def transcriber(settings: Settings) -> Transcriber | None:
    """Whisper with its model loaded, fetched first if need be; None, and a warning, where it cannot be had."""
    found = Transcriber(Path(settings.whisper_model_dir), settings.whisper_model)
    try:
        found.load(lambda line: log.info("model", progress=line))
    except ModelUnavailable as problem:
        log.warning("model_unavailable", problem=str(problem))
        return None
    return found


class Listener:
    """Hears voice notes with a model that stays loaded."""

    def __init__(self, settings: Settings, sessions: sessionmaker[Session], transcriber: Transcriber | None) -> None:
        self.settings, self.sessions, self.transcriber = settings, sessions, transcriber
        self.understanding = Understanding()

    def hear(self, inbox_id: int, now: datetime) -> int | None:
        """Store what a voice note says, or why it cannot be known; returns its conversation, or None if nothing waited.

        No transaction is open while the note is fetched and heard.
        """
        with self.sessions.begin() as session:
            message = self._waiting(session, inbox_id)
            if message is None:
                return None
            language = session.execute(
                sa.select(tables.conversations.c.language).where(
                    tables.conversations.c.id == message["conversation_id"]
                )
            ).scalar_one()
            self.understanding.refresh(session, now)
        audio: bytes | None = None
        try:
            audio = whatsapp.download(self.settings, message["media_url"])
            transcript = self._transcribe(audio, language, now)
        except whatsapp.MediaRefused as refusal:
            transcript = {"refused": refusal.reason}
        except whatsapp.MediaUnavailable:
            if message["failures"] + 1 < DOWNLOADS_MAX:
                self._count_failure(inbox_id)
                return None  # The sweep brings it back.
            transcript = {"refused": "unavailable"}
        with self.sessions.begin() as session:
            if self._waiting(session, inbox_id) is None:
                return None
            self._keep(session, inbox_id, audio, transcript, now)
        metrics.voice_notes.labels(transcript.get("refused", "heard")).inc()
        conversation_id: int = message["conversation_id"]
        return conversation_id

    def _waiting(self, session: Session, inbox_id: int) -> sa.RowMapping | None:
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(VOICE_LOCK, inbox_id)))
        return (
            session.execute(
                sa.select(tables.inbox).where(
                    tables.inbox.c.id == inbox_id,
                    tables.inbox.c.transcript.is_(None),
                    tables.inbox.c.handled_at.is_(None),
                )
            )
            .mappings()
            .one_or_none()
        )

    def _transcribe(self, audio: bytes, language: str, now: datetime) -> dict[str, object]:
        if self.transcriber is None:
            return {"refused": "no_model"}
        heard = self.transcriber.transcribe(
            audio,
            as_of=now.date(),
            last_language=language,
            parser=self.understanding.parser,
            asset_names=self.understanding.listings.names,
        )
        if heard.refused is not None:
            return {"refused": str(heard.refused), "text": heard.text, "seconds": heard.seconds}
        return {
            "text": heard.text,
            "lang": heard.lang,
            "confidence": heard.confidence,
            "alternatives": list(heard.alternatives),
            "unclear": list(heard.unclear),
            "seconds": heard.seconds,
        }

    def _count_failure(self, inbox_id: int) -> None:
        with self.sessions.begin() as session:
            session.execute(
                sa.update(tables.inbox)
                .where(tables.inbox.c.id == inbox_id)
                .values(failures=tables.inbox.c.failures + 1)
            )

    def _keep(
        self, session: Session, inbox_id: int, audio: bytes | None, transcript: dict[str, object], now: datetime
    ) -> None:
        media_hash = None if audio is None else hashlib.sha256(audio).hexdigest()
        session.execute(
            sa.update(tables.inbox)
            .where(tables.inbox.c.id == inbox_id)
            .values(transcript=transcript, media_hash=media_hash)
        )
        if audio is not None and self.settings.voice_keep_days > 0:
            kept_until = now + timedelta(days=self.settings.voice_keep_days)
            session.execute(sa.insert(tables.recordings).values(inbox_id=inbox_id, audio=audio, kept_until=kept_until))
