"""``pericope synth``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipelines.synth.chapter import ChapterOptions
from pipelines.synth.corpus import (
    ChapterJob,
    make_chapters,
    write_corpus_toml,
    write_manifest,
)
from pipelines.synth.files import AUDIO_FORMATS, AudioFileOptions
from pipelines.synth.lexicon import languages
from pipelines.synth.presets import demo_jobs, training_jobs
from schemas.errors import ConfigError
from schemas.source import TextFormat

# Words as they come, one verse a clip: what the timed loss of training wants.
_TRAINING_TOML = """
[segment]
mode = "verse"

[shards]
samples_per_shard = 500
"""


def synth(
    folder: Annotated[Path, typer.Argument(help="Where to put the recordings.")],
    preset: Annotated[
        str, typer.Option(help="A ready list of chapters: training or demo.")
    ] = "",
    language: Annotated[
        list[str] | None,
        typer.Option(help=f"ISO 639-3, may be repeated: {' '.join(languages())}."),
    ] = None,
    chapters: Annotated[int, typer.Option(help="Chapters per language.")] = 1,
    minutes: Annotated[
        float, typer.Option(help="Length of a chapter; with --preset training of all.")
    ] = 3.0,
    text: Annotated[
        Path | None, typer.Option(help="Speak this text instead, one verse a line.")
    ] = None,
    voice: Annotated[
        str, typer.Option(help="espeak-ng's name of the voice, for --text (sw, en-us).")
    ] = "",
    variants: Annotated[
        str, typer.Option(help="Voice variants, separated by commas (f2,m3).")
    ] = "",
    drama: Annotated[bool, typer.Option(help="Change the variant by turns.")] = False,
    title: Annotated[
        bool, typer.Option(help="Speak a title that the text does not have.")
    ] = False,
    digits: Annotated[int, typer.Option(help="Verses with a number in digits.")] = 0,
    omit: Annotated[int, typer.Option(help="Verses that the reader leaves out.")] = 0,
    repeat: Annotated[int, typer.Option(help="Verses that are read twice.")] = 0,
    foreign: Annotated[
        bool, typer.Option(help="Give the text of another chapter.")
    ] = False,
    long_pauses: Annotated[int, typer.Option(help="Pauses of 3 to 8 s.")] = 0,
    headings: Annotated[
        int, typer.Option(help="Verses under a spoken heading that the text lacks.")
    ] = 0,
    music_db: Annotated[
        float | None, typer.Option(help="Music bed relative to the speech (-15).")
    ] = None,
    noise_db: Annotated[
        float | None, typer.Option(help="Noise relative to the speech (-20).")
    ] = None,
    reverb_sec: Annotated[float, typer.Option(help="Reverberation time.")] = 0.0,
    audio_format: Annotated[
        str, typer.Option("--format", help=f"One of {', '.join(AUDIO_FORMATS)}.")
    ] = "mp3",
    rate_hz: Annotated[int, typer.Option(help="Sample rate of the files.")] = 22_050,
    channels: Annotated[int, typer.Option(help="1 or 2.")] = 1,
    text_format: Annotated[
        TextFormat, typer.Option(help="How the text is written down.")
    ] = TextFormat.PLAIN,
    seed: Annotated[int, typer.Option(help="Another seed, other words.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes; 0: one a core.")] = 0,
) -> None:
    """Make recordings whose every word's time is known (needs the extra synth).

    Writes audio, text, truth, recordings.csv and corpus.toml: `pericope run` takes the
    folder as it is. Ask "how good is this aligner on my language" with your own text:
    pericope synth out --language swh --text verses.txt --voice sw
    """
    if preset:
        jobs = _preset_jobs(preset, minutes, seed)
    else:
        options = ChapterOptions(
            language="und",
            voice=voice,
            voices=tuple(variants.split(",")),
            minutes=minutes,
            title=title,
            digits=digits,
            omitted=omit,
            repeated=repeat,
            foreign_text=foreign,
            drama=drama,
            long_pauses=long_pauses,
            headings=headings,
            music_db=music_db,
            noise_db=noise_db,
            reverb_sec=reverb_sec,
            seed=seed,
        )
        audio = AudioFileOptions(
            format=audio_format, rate_hz=rate_hz, channels=channels
        )
        jobs = _own_jobs(
            language or ["swh"], chapters, options, audio, text_format, text
        )
    _make(jobs, folder, workers, is_training=preset == "training")


def _preset_jobs(preset: str, minutes: float, seed: int) -> list[ChapterJob]:
    if preset == "training":
        # 3.0 is the default for a chapter; for training it would be far too little.
        return training_jobs(minutes if minutes != 3.0 else 50.0, seed)
    if preset == "demo":
        return demo_jobs()
    raise ConfigError(f"--preset: expected training or demo, got {preset!r}")


def _own_jobs(codes, chapters, options, audio, text_format, text) -> list[ChapterJob]:
    from dataclasses import replace

    own_text: tuple[str, ...] = ()
    unknown = [code for code in codes if code not in languages()]
    if unknown and text is None:
        raise ConfigError(
            f"--language: expected some of {' '.join(languages())}, got "
            f"{unknown[0]!r}; for another one give --text and --voice"
        )
    if text is not None:
        try:
            lines = text.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"--text {text}: expected UTF-8: {error}") from error
        own_text = tuple(line.strip() for line in lines if line.strip())
        if not own_text:
            raise ConfigError(f"{text}: expected one verse a line, got no line")
    return [
        ChapterJob(
            recording_id=f"{code}-{number:03d}",
            options=replace(options, language=code),
            audio=audio,
            text_format=text_format,
            book="MAT",
            chapter=number,
            own_text=own_text,
        )
        for code in codes
        for number in range(1, chapters + 1)
    ]


def _make(jobs, folder: Path, workers: int, *, is_training: bool) -> None:
    from rich.progress import track

    folder.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    truths = make_chapters(jobs, folder, workers)
    seconds = 0.0
    for truth in track(
        truths,
        "speaking",
        total=len(jobs),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ):
        seconds += truth.duration_sec
    write_manifest(jobs, folder, with_timing=is_training)
    extra = _TRAINING_TOML if is_training else ""
    path = write_corpus_toml(folder, folder.name or "synthetic", extra)
    print(f"{len(jobs)} recordings, {seconds / 3600:.2f} h. Now: pericope run {path}")
