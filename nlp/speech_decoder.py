"""Whisper at work on one recording: encode it once, tell its language, hear it in a prompt's spelling, score a text.

Only this file and `speech_model` know Whisper's insides. The encoder works on the note's own length and a margin of
silence rather than always on 30 seconds, which is several times faster; the figures are in docs/VOICE.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional
import whisper
from torch.utils.hooks import RemovableHandle
from whisper.decoding import BeamSearchDecoder, DecodingOptions, DecodingTask, MaximumLikelihoodRanker, PyTorchInference
from whisper.model import Whisper
from whisper.tokenizer import Tokenizer, get_tokenizer
from whisper.utils import compression_ratio

from nlp.audio import SAMPLE_RATE, Samples
from nlp.hypotheses import Heard

Cache = dict[torch.nn.Module, torch.Tensor]

LANGUAGES = ("en", "es", "pt")
BEAM_SIZE = 5
# Transcripts so much less likely than the best (in natural logarithms) are not worth waiting for.
HOPELESS_MARGIN = 6.0

# Silence after the note. With less, Whisper misses the end and begins again.
MARGIN_SECONDS = 3.0
WINDOW_SECONDS = 30.0
FRAMES_PER_SECOND = 100
FRAMES_PER_POSITION = 2  # The encoder's second convolution halves the mel frames.

# Nobody speaks faster than this; a longer transcript is a loop.
TOKENS_PER_SECOND_MAX = 12
TOKENS_MIN = 12
REPEATED_TOKENS_MIN = 4


@dataclass(frozen=True, slots=True)
class Hearing:
    """How one prompt's spelling heard a recording, likeliest first, and how likely it is that nobody speaks in it.

    `mean_log_probability` is the likeliest transcript's, per token; `compression_ratio` grows as it repeats itself.
    """

    transcripts: tuple[Heard, ...]
    no_speech_probability: float
    mean_log_probability: float
    compression_ratio: float


class Recording:
    """One encoded recording of at most `WINDOW_SECONDS`."""

    def __init__(self, model: Whisper, samples: Samples) -> None:
        self.model = model
        self.seconds = len(samples) / SAMPLE_RATE
        self.features = encode(model, samples)

    @cached_property
    def language_probabilities(self) -> Mapping[str, float]:
        """How likely each of our languages is, as if there were no others."""
        tokenizer = tokenizer_of(self.model, "en")
        start = torch.tensor([[tokenizer.sot]], device=self.model.device)
        with torch.inference_mode():
            logits = self.model.logits(start, self.features)[0, 0]
        tokens = [tokenizer.to_language_token(language) for language in LANGUAGES]
        return dict(zip(LANGUAGES, logits[tokens].softmax(dim=0).tolist(), strict=True))

    def hear(self, language: str, prompt: str) -> Hearing:
        """The likeliest transcripts in the prompt's spelling."""
        options = DecodingOptions(
            language=language,
            prompt=prompt,
            beam_size=BEAM_SIZE,
            fp16=False,
            without_timestamps=True,
            sample_len=TOKENS_MIN + int(self.seconds * TOKENS_PER_SECOND_MAX),
        )
        with torch.inference_mode():
            return _Task(self.model, options).hear(self.features)

    def score(self, language: str, prompt: str, texts: Sequence[str]) -> list[float]:
        """The log-probability of each text, had the recording been heard so."""
        if not texts:
            return []
        tokenizer = tokenizer_of(self.model, language)
        before = [tokenizer.sot_prev, *tokenizer.encode(" " + prompt.strip())]
        before += tokenizer.sot_sequence_including_notimestamps
        spoken = [[*tokenizer.encode(" " + text.strip()), tokenizer.eot] for text in texts]
        longest = max(len(tokens) for tokens in spoken)
        rows = [[*before, *tokens, *[tokenizer.eot] * (longest - len(tokens))] for tokens in spoken]
        with torch.inference_mode():
            logits = decode(
                self.model, torch.tensor(rows, device=self.model.device), self.features, slice(len(before) - 1, -1)
            )
            log_probabilities = logits.log_softmax(dim=-1)
            return [float(log_probabilities[row, range(len(text)), text].sum()) for row, text in enumerate(spoken)]


def encode(model: Whisper, samples: Samples) -> torch.Tensor:
    """The encoder's output for the recording and its margin, of shape (1, positions, state).

    This is Whisper's `AudioEncoder.forward` with the positional embedding cut to the recording.
    """
    seconds = min(len(samples) / SAMPLE_RATE + MARGIN_SECONDS, WINDOW_SECONDS)
    frames = int(seconds * FRAMES_PER_SECOND) // FRAMES_PER_POSITION * FRAMES_PER_POSITION
    padding = int(MARGIN_SECONDS * SAMPLE_RATE) + SAMPLE_RATE
    mel = whisper.log_mel_spectrogram(torch.from_numpy(samples), model.dims.n_mels, padding, model.device)
    mel = whisper.pad_or_trim(mel, frames)[None]
    encoder = model.encoder
    with torch.inference_mode():
        state = torch.nn.functional.gelu(encoder.conv1(mel))
        state = torch.nn.functional.gelu(encoder.conv2(state)).permute(0, 2, 1)
        state = state + encoder.positional_embedding[: state.shape[1]]
        for block in encoder.blocks:
            state = block(state)
        return torch.as_tensor(encoder.ln_post(state))


def decode(
    model: Whisper,
    tokens: torch.Tensor,
    features: torch.Tensor,
    positions: slice | list[int],
    cache: Cache | None = None,
) -> torch.Tensor:
    """The logits that follow the tokens at `positions`, of shape (rows, positions, vocabulary).

    This is Whisper's `TextDecoder.forward`, but all rows listen to the one recording as if they were one row, and the
    logits of the prompt, which cost most and are not needed, are left out.
    """
    decoder = model.decoder
    offset = next(iter(cache.values())).shape[1] if cache else 0
    state = decoder.token_embedding(tokens) + decoder.positional_embedding[offset : offset + tokens.shape[1]]
    for block in decoder.blocks:
        state = state + block.attn(block.attn_ln(state), mask=decoder.mask, kv_cache=cache)[0]
        listening = block.cross_attn_ln(state).reshape(1, -1, state.shape[-1])
        state = state + block.cross_attn(listening, features, kv_cache=cache)[0].reshape(state.shape)
        state = state + block.mlp(block.mlp_ln(state))
    return torch.as_tensor(decoder.ln(state[:, positions]) @ decoder.token_embedding.weight.T)


def tokenizer_of(model: Whisper, language: str) -> Tokenizer:
    return get_tokenizer(model.is_multilingual, num_languages=model.num_languages, language=language, task="transcribe")


class _Task(DecodingTask):  # type: ignore[misc]
    """Whisper's beam search over features that are encoded already, keeping every transcript that it found."""

    sot_index: int

    def __init__(self, model: Whisper, options: DecodingOptions) -> None:
        super().__init__(model, options)
        self.inference = _SharedPrompt(model, len(self.initial_tokens), self.sot_index)
        self.sot_index = 0  # Where the first logits that `_SharedPrompt` gives have it.
        self.decoder = _Beam(options.beam_size, self.tokenizer.eot, self.inference)
        self.sequence_ranker = _Remember(options.length_penalty)
        self.logit_filters.append(_StopLoop(self.sample_begin, self.tokenizer.eot))

    def _get_audio_features(self, features: torch.Tensor) -> torch.Tensor:
        return features

    def hear(self, features: torch.Tensor) -> Hearing:
        no_speech_probability = self.run(features)[0].no_speech_prob
        found: dict[str, Heard] = {}
        best_mean = float("-inf")
        for tokens, log_probability in self.sequence_ranker.found:
            once = without_repeat(tokens)
            text = self.tokenizer.decode(once).strip()
            if text not in found or log_probability > found[text].log_probability:
                found[text] = Heard(text, log_probability)
            best_mean = max(best_mean, log_probability / (len(tokens) + 1))
        transcripts = sorted(found.values(), key=lambda heard: heard.log_probability, reverse=True)
        return Hearing(tuple(transcripts), no_speech_probability, best_mean, compression_ratio(transcripts[0].text))


class _SharedPrompt(PyTorchInference):  # type: ignore[misc]
    """All beams begin with the same prompt, so it is worked out once and shared."""

    kv_cache: Cache
    hooks: list[RemovableHandle]

    def __init__(self, model: Whisper, initial_token_length: int, sot_index: int) -> None:
        super().__init__(model, initial_token_length)
        self.sot_index = sot_index

    def logits(self, tokens: torch.Tensor, audio_features: torch.Tensor) -> torch.Tensor:
        """After the prompt, at the transcript's start (which tells of speech) and its first token; then at the last."""
        if self.kv_cache:
            return decode(self.model, tokens[:, -1:], audio_features, [-1], self.kv_cache)
        self.kv_cache, self.hooks = self.model.install_kv_cache_hooks()
        first = decode(self.model, tokens[:1], audio_features, [self.sot_index, -1], self.kv_cache)
        for module in self.kv_modules:
            self.kv_cache[module] = self.kv_cache[module].expand(len(tokens), -1, -1)
        return first.repeat(len(tokens), 1, 1)


class _Beam(BeamSearchDecoder):  # type: ignore[misc]
    """Stops as soon as no beam can come near the best transcript any more, and never hands out an unfinished one."""

    def update(
        self, tokens: torch.Tensor, logits: torch.Tensor, sum_logprobs: torch.Tensor
    ) -> tuple[torch.Tensor, bool]:
        tokens, completed = super().update(tokens, logits, sum_logprobs)
        (finished,) = self.finished_sequences
        # A sum of log-probabilities only falls.
        hopeless = bool(finished) and float(sum_logprobs.max()) < max(finished.values()) - HOPELESS_MARGIN
        return tokens, completed or hopeless

    def finalize(
        self, preceding_tokens: torch.Tensor, sum_logprobs: torch.Tensor
    ) -> tuple[list[list[torch.Tensor]], list[list[float]]]:
        (finished,) = self.finished_sequences
        if not finished:
            sequences, scores = super().finalize(preceding_tokens, sum_logprobs)
            return list(sequences), list(scores)
        return [[torch.tensor(sequence) for sequence in finished]], [list(finished.values())]


class _Remember(MaximumLikelihoodRanker):  # type: ignore[misc]
    """Ranks as Whisper does, and remembers what there was to rank, with the sum of each one's log-probabilities."""

    found: list[tuple[list[int], float]]

    def rank(self, tokens: list[list[torch.Tensor]], sum_logprobs: list[list[float]]) -> list[int]:
        self.found = [(row.tolist(), score) for row, score in zip(tokens[0], sum_logprobs[0], strict=True)]
        return list(super().rank(tokens, sum_logprobs))


class _StopLoop:
    """A logit filter that ends a transcript which has just said the same thing twice."""

    def __init__(self, begin: int, end_of_text: int) -> None:
        self.begin = begin
        self.end_of_text = end_of_text

    def apply(self, logits: torch.Tensor, tokens: torch.Tensor) -> None:
        for row, beam in enumerate(tokens[:, self.begin :].tolist()):
            if repeat_length(beam) > 0:
                logits[row] = float("-inf")
                logits[row, self.end_of_text] = 0.0


def repeat_length(tokens: Sequence[int]) -> int:
    """How many tokens at the end are the same as those just before them; 0 where none are."""
    for length in range(len(tokens) // 2, REPEATED_TOKENS_MIN - 1, -1):
        if tokens[-length:] == tokens[-2 * length : -length]:
            return length
    return 0


def without_repeat(tokens: Sequence[int]) -> Sequence[int]:
    length = repeat_length(tokens)
    return tokens if length == 0 else without_repeat(tokens[:-length])
