"""Every kind of recording that phones send is decoded, and whatever is not a whole short recording is refused."""

import io
import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy
import pytest
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from nlp import audio
from nlp.audio import SAMPLE_RATE, Refusal, Unhearable

CLIP = Path(__file__).parents[2] / "data" / "voice" / "d-en-01.ogg"
CLIP_SECONDS = 5.58


def encoded(container_format: str, codec: str, seconds: float, rate: int = SAMPLE_RATE) -> bytes:
    """A tone that sways, as a file of that format."""
    times = numpy.arange(int(seconds * rate)) / rate
    samples = (numpy.sin(2 * numpy.pi * 300 * times) * 0.4 * numpy.abs(numpy.sin(times * 3))).astype(numpy.float32)
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, AudioStream)
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=rate, frame_size=stream.frame_size)
        for resampled in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(resampled))
        container.mux(stream.encode(None))
    return file.getvalue()


def video() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(10):
            picture = numpy.zeros((64, 64, 3), dtype=numpy.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


def refusal_of(data: bytes) -> Refusal:
    with pytest.raises(Unhearable) as raised:
        audio.decode(data)
    return raised.value.refusal


def test_a_whatsapp_note_becomes_mono_samples() -> None:
    samples = audio.decode(CLIP.read_bytes())
    assert samples.dtype == numpy.float32
    assert samples.shape == (pytest.approx(CLIP_SECONDS * SAMPLE_RATE, abs=SAMPLE_RATE // 20),)
    assert 0.1 < numpy.abs(samples).max() <= 1.0


@pytest.mark.parametrize(
    ("container_format", "codec", "rate"),
    [("ogg", "libopus", 16_000), ("mp3", "libmp3lame", 44_100), ("mp4", "aac", 44_100), ("webm", "libopus", 48_000)],
)
def test_phones_formats_are_decoded_to_their_length(container_format: str, codec: str, rate: int) -> None:
    samples = audio.decode(encoded(container_format, codec, 3.0, rate))
    assert len(samples) / SAMPLE_RATE == pytest.approx(3.0, abs=0.15)
    assert not audio.is_silent(samples)


def test_a_wav_file_is_decoded_to_its_samples() -> None:
    file = io.BytesIO()
    samples = numpy.arange(-8000, 8000, dtype="<i2")
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(SAMPLE_RATE)
        recording.writeframes(samples.tobytes())
    assert numpy.allclose(audio.decode(file.getvalue()), samples / 32768, atol=1e-4)
    assert refusal_of(file.getvalue()[:-5000]) == Refusal.UNDECODABLE


# The start of an AMR file and a hundred frames of 20 ms, each a byte that names the 12.2 kbit/s mode and 31 of sound.
AMR = b"#!AMR\n" + (b"\x3c" + bytes(31)) * 100


def test_the_amr_of_old_phones_is_decoded() -> None:
    assert len(audio.decode(AMR)) == pytest.approx(2.0 * SAMPLE_RATE, abs=SAMPLE_RATE // 20)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:1],
        lambda data: b"",
        lambda data: data[: len(data) * 2 // 3],
        lambda data: data[:-1],
        lambda data: b"Buy 100 wheat at 150, please.\n" * 40,
        lambda data: b"#EXTM3U\n#EXTINF:5,\nfile:///etc/hostname\n",
        lambda data: bytes(len(data)),
    ],
    ids=["one byte", "empty", "cut", "cut by a byte", "text", "playlist", "noughts"],
)
def test_what_is_no_whole_recording_is_undecodable(spoil: Callable[[bytes], bytes]) -> None:
    assert refusal_of(spoil(CLIP.read_bytes())) == Refusal.UNDECODABLE


@pytest.mark.parametrize(("container_format", "codec"), [("mp3", "libmp3lame"), ("mp4", "aac")])
def test_a_cut_recording_is_refused_in_other_formats_too(container_format: str, codec: str) -> None:
    data = encoded(container_format, codec, 4.0, 44_100)
    assert refusal_of(data[: len(data) * 2 // 3]) == Refusal.UNDECODABLE


def test_video_is_no_voice_note() -> None:
    assert refusal_of(video()) == Refusal.NO_AUDIO


def test_two_hours_are_refused_after_two_minutes_of_decoding() -> None:
    second = encoded("adts", "aac", 1.0)
    data = second * 7200  # A stream of frames, which nowhere says how long it is.
    with av.open(io.BytesIO(data), mode="r", format="aac") as container:
        with pytest.raises(Unhearable) as raised:
            audio.read_samples(container)
        following = next(packet for packet in container.demux() if packet.pts is not None)
        assert following.time_base is not None
        assert following.pts is not None
        reached_seconds = float(following.pts * following.time_base)
    assert raised.value.refusal == Refusal.TOO_LONG
    assert reached_seconds < audio.SECONDS_MAX + 2
    assert refusal_of(data) == Refusal.TOO_LONG


def test_a_declared_length_is_believed_before_anything_is_decoded() -> None:
    assert refusal_of(encoded("ogg", "libopus", 121.0)) == Refusal.TOO_LONG


def test_too_many_bytes_are_refused_unread() -> None:
    assert refusal_of(CLIP.read_bytes() + bytes(audio.BYTES_MAX)) == Refusal.TOO_LONG


@pytest.mark.parametrize(("loudness", "silent"), [(0.0, True), (0.0005, True), (0.02, False)])
def test_only_what_is_hardly_a_sound_is_silence(loudness: float, silent: bool) -> None:
    samples = (numpy.sin(numpy.arange(SAMPLE_RATE)) * loudness).astype(numpy.float32)
    assert audio.is_silent(samples) == silent


def test_a_short_click_is_silence() -> None:
    assert audio.is_silent(numpy.ones(audio.FRAME_SAMPLES - 1, dtype=numpy.float32))
