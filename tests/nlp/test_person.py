"""Who asks for a person is heard, and nothing that is to be done is read otherwise for it."""

from datetime import date

import pytest

from nlp.parser import Parser
from nlp.reading import Intent, Reading


def read(parser: Parser, language: str, text: str, channel: str = "text") -> Reading:
    return parser.read(text, as_of=date(2025, 11, 3), last_language=language, channel=channel)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "talk to a human"),
        ("en", "I want to speak to someone"),
        ("en", "agent"),
        ("en", "get me a real person please"),
        ("en", "is there a human I can talk to?"),
        ("en", "I don't want a bot, I want a person"),
        ("en", "I want to complain"),
        ("en", "can somebody call me? I need support"),
        ("en", "no, I want to talk to a person"),
        ("en", "this is ridiculous!! three times wrong. put me through to a manager NOW"),
        ("es", "quiero hablar con una persona"),
        ("es", "pásame con un asesor"),
        ("es", "necesito hablar con alguien urgente"),
        ("es", "quiero hacer un reclamo"),
        ("es", "esto no sirve, pásame con alguien de soporte"),
        ("pt", "fala com um atendente"),
        ("pt", "atendente"),
        ("pt", "não quero falar com robô, quero um humano"),
        ("pt", "me passa pra um atendente, por favor"),
        ("pt", "sim, quero falar com um atendente"),
        ("pt", "vocês são péssimos, quero falar com o gerente agora"),
    ],
)
def test_a_call_for_a_person_is_heard(parser: Parser, language: str, text: str) -> None:
    for channel in ("text", "voice"):
        reading = read(parser, language, text, channel)
        assert (reading.intent, reading.lang) == (Intent.PERSON, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "don't put me through to an agent"),
        ("en", "my agent sold 50 wheat"),
        ("en", "someone said buy gold"),
        ("en", "I need help"),
        ("en", "people are buying"),
        ("en", "what is the support level of wheat?"),
        ("es", "no quiero hablar con nadie"),
        ("es", "gente de china compra trigo"),
        ("pt", "não quero falar com um atendente"),
        ("pt", "um operador vendeu 50 trigo"),
        ("pt", "tem alguém aí?"),
    ],
)
def test_who_speaks_of_people_asks_for_none(parser: Parser, language: str, text: str) -> None:
    assert read(parser, language, text).intent != Intent.PERSON


@pytest.mark.parametrize(
    ("language", "text", "intent"),
    [
        ("en", "buy 10 dec25 wheat at 150 and get me a person", Intent.CONFIRM_ORDER),
        ("en", "cancel 1042", Intent.CANCEL_ORDER),
        ("en", "STOP", Intent.PANIC),
        ("es", "compra 10 trigo dic25 a 150", Intent.PLACE_ORDER),
    ],
)
def test_an_order_beside_a_call_for_a_person_is_still_an_order(
    parser: Parser, language: str, text: str, intent: Intent
) -> None:
    assert read(parser, language, text).intent == intent


def test_what_a_message_says_besides_still_tells_whether_an_open_question_stands(parser: Parser) -> None:
    reading = read(parser, "en", "don't buy that, it is wrong again! put me through to support")
    assert reading.intent == Intent.PERSON
    assert "negation" in reading.reasons
