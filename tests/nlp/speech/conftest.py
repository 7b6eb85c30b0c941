"""Whisper, loaded once for all tests of speech; its weights are fetched on the first run and kept."""

import os
from pathlib import Path

import pytest

from nlp import speech_model
from nlp.speech import DEMO_CATALOGUE, Transcriber
from nlp.speech_prompts import read_asset_names

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def transcriber() -> Transcriber:
    model_dir = Path(os.environ.get("WHISPER_MODEL_DIR") or ROOT / speech_model.MODEL_DIR_DEFAULT)
    transcriber = Transcriber(model_dir)
    transcriber.load(print)
    return transcriber


@pytest.fixture(scope="session")
def asset_names() -> dict[str, dict[str, str]]:
    return read_asset_names(DEMO_CATALOGUE)
