"""The weights are kept where they were put, and nothing but the published ones is ever taken."""

import struct
from pathlib import Path

import pytest
import torch

from nlp import speech_model, speech_weights
from nlp.speech import Transcriber
from nlp.speech_model import ModelUnavailable


def test_weights_that_are_here_are_not_fetched_again(tmp_path: Path) -> None:
    converted = tmp_path / "base-converted.pt"
    converted.write_bytes(b"weights")
    assert speech_model.fetch(tmp_path, "base", pytest.fail) == converted
    published = tmp_path / "base.pt"
    published.write_bytes(b"weights")
    assert speech_model.fetch(tmp_path, "base", pytest.fail) == published
    own = tmp_path / "own.pt"
    own.write_bytes(b"weights")
    assert speech_model.fetch(tmp_path / "elsewhere", str(own), pytest.fail) == own


def test_what_a_killed_process_fetched_halfway_is_removed(tmp_path: Path) -> None:
    with speech_model.room_to_fetch(tmp_path) as directory:
        left = directory.rename(tmp_path / f"{directory.name}-killed")
        directory.mkdir()
    with speech_model.room_to_fetch(tmp_path) as directory:
        assert not left.exists()
        assert [*tmp_path.glob("fetching-*")] == [directory]
    assert not directory.exists()


def test_a_model_that_nobody_publishes_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="neither a file nor one of Whisper's models"):
        Transcriber(tmp_path, "gigantic").load()


def test_other_weights_than_the_published_ones_are_refused(tmp_path: Path) -> None:
    joined = tmp_path / "model.bin"
    joined.write_bytes(bytes(speech_model.PACKAGED_BYTES))
    with pytest.raises(ModelUnavailable, match="not the published ones"):
        speech_model.check(joined)


def test_the_loaded_model_is_a_multilingual_whisper(transcriber: Transcriber) -> None:
    assert transcriber.model is not None
    assert transcriber.model.is_multilingual
    assert transcriber.model.dims.n_audio_ctx == 1500


def variable(name: str, tensor: torch.Tensor) -> bytes:
    data = tensor.numpy().tobytes()
    encoded = name.encode() + b"\0"
    header = struct.pack("<H", len(encoded)) + encoded + struct.pack("<B", tensor.dim())
    shape = b"".join(struct.pack("<I", size) for size in tensor.shape)
    return header + shape + struct.pack("<BI", 4, len(data)) + data


def test_variables_are_read_by_name_with_their_shape() -> None:
    weight = torch.arange(6, dtype=torch.float16).reshape(2, 3)
    specification = struct.pack("<H", 12) + b"WhisperSpec\0"
    data = struct.pack("<I", 6) + specification + struct.pack("<II", 3, 1) + variable("encoder/conv1/weight", weight)
    variables = speech_weights.read_variables(data)
    assert list(variables) == ["encoder/conv1/weight"]
    assert torch.equal(variables["encoder/conv1/weight"], weight)
    for cut in (b"", data[:3], data[:-1], b"\7" + data[1:]):
        with pytest.raises(speech_weights.MalformedWeights):
            speech_weights.read_variables(cut)
