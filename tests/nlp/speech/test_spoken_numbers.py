"""Numbers turn from words into digits and back without becoming other numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.spoken_numbers import in_digits, in_words


@pytest.mark.parametrize(
    ("language", "heard", "digits"),
    [
        (
            "en",
            "Buy twenty-five copper, March twenty-six, at four hundred and ten.",
            "Buy 25 copper, March 26, at 410.",
        ),
        ("en", "Sell at 4,010.", "Sell at 4010."),
        ("en", "gas at four point three five", "gas at 4.35"),
        ("en", "sugar at 4.125", "sugar at 4.125"),
        ("en", "at sixty-one fifty", "at 61 50"),
        ("es", "cobre marzo veinticéis a cuatrocientos diez", "cobre marzo 26 a 410"),
        ("es", "orden de venta de trecientos y seis", "orden de venta de 306"),
        ("es", "a 64,5", "a 64,5"),
        ("es", "vende 1.200 a sesenta y cuatro coma cinco", "vende 1200 a 64,5"),
        ("es", "la cuenta de venta", "la cuenta de venta"),
        ("pt", "março 20 e 6 a 400 e 10", "março 26 a 410"),
        ("es", "marzo, veintiséis a 400", "marzo 26 a 400"),
        ("es", "no, 160", "no, 160"),
        ("en", "Sell gold, March, 26, at 4010", "Sell gold, March 26, at 4010"),
        ("pt", "quatro centos e dez", "410"),
        ("pt", "Cancela a ordem trezentos e 17", "Cancela a ordem 317"),
        ("pt", "ordem mil e quarenta e dois", "ordem 1042"),
        ("pt", "100 mil", "100000"),
        ("pt", "vende 10 na quarta-feira", "vende 10 na quarta-feira"),
        ("pt", "compra 5 e 10", "compra 5 e 10"),
    ],
)
def test_number_words_become_the_digits_that_were_meant(language: str, heard: str, digits: str) -> None:
    assert in_digits(heard, language) == digits


@pytest.mark.parametrize(
    ("language", "digits", "words"),
    [
        ("en", "at 64.5", "at sixty-four point five"),
        ("en", "at 64.05", "at sixty-four point zero five"),
        ("es", "a 192", "a ciento noventa y dos"),
        ("es", "a 64,25", "a sesenta y cuatro coma veinticinco"),
        ("pt", "a 2391", "a dois mil trezentos e noventa e um"),
        ("pt", "a 1234567890123", "a 1234567890123"),
    ],
)
def test_digits_become_the_words_that_a_speaker_says(language: str, digits: str, words: str) -> None:
    assert in_words(digits, language) == words


@given(number=st.integers(min_value=4, max_value=999_999), language=st.sampled_from(["en", "es", "pt"]))
def test_a_number_survives_being_spoken(number: int, language: str) -> None:
    assert in_digits(in_words(str(number), language), language) == str(number)
