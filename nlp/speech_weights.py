"""The published faster-whisper file as an openai-whisper checkpoint: the same tensors under the other library's names.

The file is CTranslate2's: little-endian, a header, then one record a variable, then aliases. A record is a name, the
shape, the element type, the length and the data. Source: CTranslate2's model serialisation, version 6.
"""

import re
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy
import torch

FORMAT_VERSION = 6
ELEMENT_TYPES = {0: numpy.float32, 1: numpy.int8, 2: numpy.int16, 3: numpy.int32, 4: numpy.float16}

Checkpoint = dict[str, dict[str, int] | dict[str, torch.Tensor]]
Variables = Mapping[str, torch.Tensor]


class MalformedWeights(Exception):
    """The file is not a Whisper model in CTranslate2's format, version 6."""


def read_checkpoint(path: Path) -> Checkpoint:
    """What `whisper.load_model` reads from a file: the dimensions, and the state dict in the file's own precision.

    Raises `MalformedWeights`, and `KeyError` where a tensor of the architecture is absent.
    """
    variables = read_variables(path.read_bytes())
    encoder_layers = count_layers(variables, "encoder")
    decoder_layers = count_layers(variables, "decoder")
    state: dict[str, torch.Tensor] = {
        "encoder.positional_embedding": variables["encoder/position_encodings/encodings"],
        "decoder.positional_embedding": variables["decoder/position_encodings/encodings"],
        "decoder.token_embedding.weight": variables["decoder/embeddings/weight"],
        **linear(variables, "encoder/conv1", "encoder.conv1"),
        **linear(variables, "encoder/conv2", "encoder.conv2"),
        **norm(variables, "encoder/layer_norm", "encoder.ln_post"),
        **norm(variables, "decoder/layer_norm", "decoder.ln"),
    }
    for layer in range(encoder_layers):
        source, target = f"encoder/layer_{layer}", f"encoder.blocks.{layer}"
        state |= self_attention(variables, source, target) | feed_forward(variables, source, target)
    for layer in range(decoder_layers):
        source, target = f"decoder/layer_{layer}", f"decoder.blocks.{layer}"
        state |= self_attention(variables, source, target) | feed_forward(variables, source, target)
        state |= cross_attention(variables, source, target)
    dimensions = {
        "n_mels": state["encoder.conv1.weight"].shape[1],
        "n_audio_ctx": state["encoder.positional_embedding"].shape[0],
        "n_audio_state": state["encoder.positional_embedding"].shape[1],
        "n_audio_head": int(variables["encoder/num_heads"]),
        "n_audio_layer": encoder_layers,
        "n_vocab": state["decoder.token_embedding.weight"].shape[0],
        "n_text_ctx": state["decoder.positional_embedding"].shape[0],
        "n_text_state": state["decoder.positional_embedding"].shape[1],
        "n_text_head": int(variables["decoder/num_heads"]),
        "n_text_layer": decoder_layers,
    }
    return {"dims": dimensions, "model_state_dict": state}


def read_variables(data: bytes) -> dict[str, torch.Tensor]:
    """Every variable of the file by its name. Raises `MalformedWeights`."""
    try:
        return _Reader(data).variables()
    except (struct.error, UnicodeDecodeError, KeyError, ValueError) as error:
        raise MalformedWeights(f"not a CTranslate2 model: {error}") from error


class _Reader:
    """A place in the file, moved on by what is read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def variables(self) -> dict[str, torch.Tensor]:
        version = self.integer("I")
        if version != FORMAT_VERSION:
            raise ValueError(f"format version {version}")
        self.text()  # the specification's name
        self.integer("I")  # its revision
        return dict(self.variable() for _ in range(self.integer("I")))

    def variable(self) -> tuple[str, torch.Tensor]:
        name = self.text()
        shape = [self.integer("I") for _ in range(self.integer("B"))]
        element_type = ELEMENT_TYPES[self.integer("B")]
        length = self.integer("I")
        count = length // numpy.dtype(element_type).itemsize
        array = numpy.frombuffer(self.data, element_type, count, self.position).reshape(shape)
        self.position += length
        return name, torch.from_numpy(array.copy())

    def text(self) -> str:
        length = self.integer("H")
        text = self.data[self.position : self.position + length - 1].decode()
        self.position += length
        return text

    def integer(self, code: str) -> int:
        (value,) = struct.unpack_from("<" + code, self.data, self.position)
        self.position += struct.calcsize("<" + code)
        return int(value)


def count_layers(variables: Variables, part: str) -> int:
    numbered = re.compile(rf"{part}/(layer_\d+)/")
    return len({match[1] for name in variables if (match := numbered.match(name))})


def linear(variables: Variables, source: str, target: str) -> dict[str, torch.Tensor]:
    return {f"{target}.{name}": variables[f"{source}/{name}"] for name in ("weight", "bias")}


def norm(variables: Variables, source: str, target: str) -> dict[str, torch.Tensor]:
    return {f"{target}.weight": variables[f"{source}/gamma"], f"{target}.bias": variables[f"{source}/beta"]}


def self_attention(variables: Variables, source: str, target: str) -> dict[str, torch.Tensor]:
    """Query, key and value lie stacked in one projection; Whisper's keys have no bias, so theirs is left out."""
    source = f"{source}/self_attention"
    query, key, value = variables[f"{source}/linear_0/weight"].chunk(3)
    query_bias, _, value_bias = variables[f"{source}/linear_0/bias"].chunk(3)
    return {
        f"{target}.attn.query.weight": query,
        f"{target}.attn.query.bias": query_bias,
        f"{target}.attn.key.weight": key,
        f"{target}.attn.value.weight": value,
        f"{target}.attn.value.bias": value_bias,
        **linear(variables, f"{source}/linear_1", f"{target}.attn.out"),
        **norm(variables, f"{source}/layer_norm", f"{target}.attn_ln"),
    }


def cross_attention(variables: Variables, source: str, target: str) -> dict[str, torch.Tensor]:
    """The query has its own projection here; key and value lie stacked."""
    source = f"{source}/attention"
    key, value = variables[f"{source}/linear_1/weight"].chunk(2)
    _, value_bias = variables[f"{source}/linear_1/bias"].chunk(2)
    return {
        **linear(variables, f"{source}/linear_0", f"{target}.cross_attn.query"),
        f"{target}.cross_attn.key.weight": key,
        f"{target}.cross_attn.value.weight": value,
        f"{target}.cross_attn.value.bias": value_bias,
        **linear(variables, f"{source}/linear_2", f"{target}.cross_attn.out"),
        **norm(variables, f"{source}/layer_norm", f"{target}.cross_attn_ln"),
    }


def feed_forward(variables: Variables, source: str, target: str) -> dict[str, torch.Tensor]:
    return {
        **linear(variables, f"{source}/ffn/linear_0", f"{target}.mlp.0"),
        **linear(variables, f"{source}/ffn/linear_1", f"{target}.mlp.2"),
        **norm(variables, f"{source}/ffn/layer_norm", f"{target}.mlp_ln"),
    }
