"""Of the ways in which a note was heard, the one that sound and sense favour together is taken."""

from collections.abc import Sequence
from datetime import date

from nlp.hypotheses import Choice, Heard, choose, weigh
from nlp.parser import Parser

AS_OF = date(2025, 11, 3)


def no_text(texts: Sequence[str]) -> Sequence[float]:
    assert not texts, texts
    return []


def decide(parser: Parser | None, language: str, words: dict[str, float], digits: dict[str, float]) -> Choice:
    """The choice when each text is as likely as given, and every other text is out of the question."""
    hypotheses = weigh(
        [Heard(text, score) for text, score in words.items()],
        [Heard(text, score) for text, score in digits.items()],
        language,
        lambda texts: [words.get(text, -30.0) for text in texts],
        lambda texts: [digits.get(text, -30.0) for text in texts],
    )
    return choose(hypotheses, parser, AS_OF, language)


def test_what_both_ways_hear_outweighs_what_one_prefers(parser: Parser) -> None:
    choice = decide(
        parser,
        "es",
        words={"Vende noventa de ganado, junio veintiséis a ciento noventa y dos.": -5.5},
        digits={"Vende 90 de ganado, junio 26 a 195.": -3.4, "Vende 90 de ganado, junio 26 a 192.": -3.9},
    )
    assert choice.best.text == "Vende 90 de ganado, junio 26 a 192."
    assert choice.unclear == ()


def test_a_text_that_only_one_way_heard_is_put_to_the_other() -> None:
    asked: list[str] = []

    def score(texts: Sequence[str]) -> Sequence[float]:
        asked.extend(texts)
        return [-1.0 for _ in texts]

    hypotheses = weigh([Heard("Cancela la orden trecientos dieciséis.", -2.0)], [], "es", no_text, score)
    assert asked == ["Cancela la orden 316."]
    assert hypotheses[0].log_probability == -3.0


def test_two_spellings_of_one_order_are_one_hypothesis() -> None:
    hypotheses = weigh(
        [Heard("Buy twenty-five copper, March twenty-six at four hundred and ten.", -1.0)],
        [Heard("buy 25 copper March 26, at 410", -2.0), Heard("Buy 25 copper, March 26 at 410.", -1.5)],
        "en",
        no_text,
        no_text,
    )
    assert [hypothesis.log_probability for hypothesis in hypotheses] == [-2.5]


def test_whole_orders_nearly_as_likely_leave_their_number_unclear(parser: Parser) -> None:
    choice = decide(
        parser,
        "en",
        words={"Cancel order three hundred and fifteen.": -0.5, "Cancel order three hundred and fifty.": -1.5},
        digits={"Cancel order 315.": -0.5, "Cancel order 350.": -1.0},
    )
    assert choice.best.text == "Cancel order 315."
    assert choice.unclear == ("order_id",)


def test_a_number_that_sounds_far_less_likely_raises_no_doubt(parser: Parser) -> None:
    choice = decide(
        parser,
        "en",
        words={"Buy 5 copper March 26 at four hundred and ten.": -0.5},
        digits={"Buy 5 copper March 26 at 410.": -0.5, "Buy 5 copper March 26 at 400.": -9.0},
    )
    assert choice.best.text == "Buy 5 copper March 26 at 410."
    assert choice.unclear == ()


def test_close_behind_the_order_that_makes_sense_is_taken(parser: Parser) -> None:
    hopper = {"Buy 25 hopper March 26 at 410.": -1.0, "Buy 25 copper March 26 at 410.": -2.0}
    choice = decide(parser, "en", words={}, digits=hopper)
    assert choice.best.text == "Buy 25 copper March 26 at 410."


def test_far_behind_sense_does_not_outweigh_sound(parser: Parser) -> None:
    chat = {"What a lovely morning that was.": -1.0, "Buy 25 copper March 26 at 410.": -9.0}
    choice = decide(parser, "en", words={}, digits=chat)
    assert choice.best.text == "What a lovely morning that was."


def test_a_pause_is_no_comma(parser: Parser) -> None:
    choice = decide(parser, "es", words={}, digits={"Compra 24, de cobre marzo, 26 a 410.": -1.0})
    assert choice.best.reading is not None
    assert choice.best.reading.missing == ()
    assert str(choice.best.reading.quantity) == "24"
    assert str(choice.best.reading.price) == "410"


def test_without_a_parser_the_likeliest_is_taken() -> None:
    choice = decide(None, "en", words={}, digits={"Buy 25 hopper.": -1.0, "Buy 25 copper.": -2.0})
    assert choice.best.text == "Buy 25 hopper."
    assert choice.unclear == ()
