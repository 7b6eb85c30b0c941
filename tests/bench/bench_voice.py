"""How long a voice note takes from its bytes to its transcript, and how many clips are read with every slot right.

    python -m tests.bench.bench_voice

The wall's and the process's own time are printed: the second does not count other processes' turns on the processor.
"""

import argparse
import json
from datetime import date
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time

from nlp import speech_model
from nlp.catalogue import Catalogue
from nlp.parser import Parser
from nlp.speech import DEMO_CATALOGUE, THREADS, Transcriber, Transcript
from nlp.speech_prompts import read_asset_names

VOICE = Path(__file__).parents[1] / "data" / "voice"
AS_OF = date(2025, 11, 3)


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.bench_voice")
    arguments.add_argument("--rounds", type=int, default=3)
    speech_model.add_model_options(arguments)
    options = arguments.parse_args()
    transcriber = Transcriber(options.model_dir, options.model)
    started = perf_counter()
    transcriber.load(print)
    print(f"model {options.model}, loaded in {perf_counter() - started:.2f} s, {THREADS} threads")
    parser, names = Parser(Catalogue.from_toml(DEMO_CATALOGUE)), read_asset_names(DEMO_CATALOGUE)
    clips = [json.loads(line) for line in (VOICE / "manifest.jsonl").read_text().splitlines()]
    wall: list[float] = []
    own: list[float] = []
    right = {"en": 0, "es": 0, "pt": 0}
    for number in range(options.rounds):
        for clip in clips:
            note = (VOICE / clip["file"]).read_bytes()
            wall_started, own_started = perf_counter(), process_time()
            transcript = transcriber.transcribe(note, as_of=AS_OF, parser=parser, asset_names=names)
            wall.append(perf_counter() - wall_started)
            own.append(process_time() - own_started)
            if number == 0:
                right[clip["lang"]] += is_right(parser, transcript, clip["expect"])
    seconds = sum(clip["seconds"] for clip in clips) / len(clips)
    for name, measured in (("wall", wall), ("process", own)):
        slowest = quantiles(measured, n=20)[-1]
        print(
            f"{name:8} p50 {median(measured):5.2f} s   p95 {slowest:5.2f} s   for notes of {seconds:.1f} s on average"
        )
    spoken = options.rounds * sum(clip["seconds"] for clip in clips)
    print(f"real-time factor {sum(wall) / spoken:.2f} (seconds of work for each second of speech)")
    for language, count in right.items():
        total = sum(clip["lang"] == language for clip in clips)
        print(f"{language}: {count} of {total} clips with every slot right")


def is_right(parser: Parser, transcript: Transcript, expected: dict[str, str]) -> bool:
    reading = parser.read(transcript.text, as_of=AS_OF, last_language=transcript.lang, channel="voice").to_json()
    if reading["intent"] == "confirm_order":
        reading["intent"] = "place_order"
    return {slot: reading.get(slot) for slot in expected} == expected


if __name__ == "__main__":
    main()
