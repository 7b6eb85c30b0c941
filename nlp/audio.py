"""A voice note's sound: any recording that a phone sends, as 16 kHz mono samples, within bounds of size and time.

Who may be heard in it is for `nlp.speech` to say; here a file is refused that is no whole, short recording of sound.
"""

import io
from collections.abc import Iterator
from enum import StrEnum

import av
import av.error
import numpy
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from numpy.typing import NDArray

Samples = NDArray[numpy.float32]

SAMPLE_RATE = 16_000
SECONDS_MAX = 120
BYTES_MAX = 16 * 1024 * 1024  # Twilio's own limit for media.

# Closed lists: FFmpeg's playlists, subtitles and network formats would read other files than the one given.
FORMATS = "ogg,mp3,mov,aac,amr,wav,matroska"
CODECS = (
    "opus,libopus,vorbis,mp3,mp3float,aac,amrnb,amrwb,libopencore_amrnb,libopencore_amrwb,pcm_s16le,pcm_u8,pcm_f32le"
)

# A recording may end this much before what its header declares: encoders round up to whole frames.
MISSING_SECONDS_MAX = 0.5

# The loudest tenth of a second of a spoken note lies far above this; a pocketed phone's hiss lies below.
FRAME_SAMPLES = SAMPLE_RATE // 10
SILENCE_RMS_MAX = 0.002  # of full scale: -54 dB


class Refusal(StrEnum):
    """Why a voice note has no transcript; stored, logged and translated under this one name."""

    NO_AUDIO = "no_audio"
    UNDECODABLE = "undecodable"
    TOO_LONG = "too_long"
    SILENCE = "silence"
    NOISE = "noise"
    LOW_CONFIDENCE = "low_confidence"
    PROMPT_ECHO = "prompt_echo"
    LOOP = "loop"


class Unhearable(Exception):
    """The recording cannot be turned into words."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


def decode(data: bytes) -> Samples:
    """The recording as mono float32 samples at `SAMPLE_RATE`, in [-1, 1], of shape (samples,).

    Raises `Unhearable`: `no_audio` for video or a file without sound, `too_long` over `SECONDS_MAX` or `BYTES_MAX`,
    and `undecodable` for everything that is not a whole recording, because half an order is another order.
    """
    if len(data) > BYTES_MAX:
        raise Unhearable(Refusal.TOO_LONG)
    if (data.startswith(b"OggS") and not ogg_is_whole(data)) or (data.startswith(b"RIFF") and not wav_is_whole(data)):
        raise Unhearable(Refusal.UNDECODABLE)
    options = {"format_whitelist": FORMATS, "codec_whitelist": CODECS, "protocol_whitelist": ""}
    try:
        with av.open(io.BytesIO(data), mode="r", options=options) as container:
            return read_samples(container)
    except (av.error.FFmpegError, ValueError) as error:
        raise Unhearable(Refusal.UNDECODABLE) from error


def read_samples(container: InputContainer) -> Samples:
    """Decode, stopping as soon as the recording proves too long. Raises `Unhearable` and FFmpeg's errors."""
    # The picture in an MP3's tags also counts as a video stream.
    if any(not stream.disposition & Disposition.attached_pic for stream in container.streams.video):
        raise Unhearable(Refusal.NO_AUDIO)
    if not container.streams.audio:
        raise Unhearable(Refusal.NO_AUDIO)
    stream = container.streams.audio[0]
    declared_seconds = declared_duration(container, stream)
    if declared_seconds > SECONDS_MAX:
        raise Unhearable(Refusal.TOO_LONG)
    pieces: list[Samples] = []
    length = 0
    for piece in resampled(container, stream):
        pieces.append(piece)
        length += len(piece)
        if length > SECONDS_MAX * SAMPLE_RATE:
            raise Unhearable(Refusal.TOO_LONG)
    if length == 0 or length / SAMPLE_RATE < declared_seconds - MISSING_SECONDS_MAX:
        raise Unhearable(Refusal.UNDECODABLE)
    return numpy.concatenate(pieces)


def resampled(container: InputContainer, stream: AudioStream) -> Iterator[Samples]:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    frames: Iterator[AudioFrame] = container.decode(stream)
    for frame in frames:
        for resampled_frame in resampler.resample(frame):
            yield resampled_frame.to_ndarray()[0].astype(numpy.float32, copy=False)
    for resampled_frame in resampler.resample(None):
        yield resampled_frame.to_ndarray()[0].astype(numpy.float32, copy=False)


def declared_duration(container: InputContainer, stream: AudioStream) -> float:
    """Seconds that the file says it has; 0 where it does not say."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None:
        return container.duration / av.time_base
    return 0.0


def ogg_is_whole(data: bytes) -> bool:
    """Whether the file ends with a page's end. FFmpeg decodes a cut file as far as it goes and says nothing.

    A page is 27 bytes with the number of segments last, then a length a segment, then the segments (RFC 3533, 6).
    """
    position = 0
    while position < len(data):
        header = data[position : position + 27]
        if len(header) < 27 or not header.startswith(b"OggS"):
            return False
        segments = data[position + 27 : position + 27 + header[26]]
        if len(segments) < header[26]:
            return False
        position += 27 + len(segments) + sum(segments)
    return position == len(data)


def wav_is_whole(data: bytes) -> bool:
    """Whether the file is as long as its header says; a recorder that streams may write the greatest number instead."""
    declared_bytes = int.from_bytes(data[4:8], "little")
    return declared_bytes == 0xFFFFFFFF or declared_bytes + 8 <= len(data)


def is_silent(samples: Samples) -> bool:
    """Whether not even the loudest tenth of a second is loud enough to be speech."""
    if len(samples) < FRAME_SAMPLES:
        return True
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    loudest = float(numpy.sqrt((frames**2).mean(axis=1)).max())
    return loudest < SILENCE_RMS_MAX
