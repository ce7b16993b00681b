#!/usr/bin/env python3
"""Scores what the far end hears, for every pair of codecs and several losses, and writes docs/audio-quality.md.

    make audio-quality        installs what is missing into target/tools, takes some minutes

PESQ (ITU-T P.862, mapped by P.862.1; P.862.2 where both ends are wideband) compares the sound that arrives with the
sound that was said. It was trained on people: what espeak-ng says scores below 4 through the bare A-law table, so
sentences of a reader are taken, from a Debian package (16 kHz, public domain). The exchange is the real media machine
(benches/audio_quality.rs). Exit code 1 when PCMA straight through is below 4.3.
"""

import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy
import pesq

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "audio-quality.md"
CODECS = ["opus", "G722", "PCMA", "PCMU"]
# Without loss or jitter: the codecs are heard, not the network.
STRAIGHT = "straight"
WAYS = [STRAIGHT, "0", "1", "3", "5"]
REQUIRED = 4.3
# pocketsphinx-testdata, five sentences of LibriVox, 3 to 8 seconds each, as P.862.3 asks for.
SPEECH = pathlib.Path("/usr/share/pocketsphinx/test/data/librivox")


def read(path):
    data = path.read_bytes()
    at = data.index(b"data") + 8
    return numpy.frombuffer(data[at:], dtype="<i2")


def scores(program, folder):
    """MOS-LQO of every case, one value per sentence."""
    found = {}
    sentences = sorted(SPEECH.glob("*.wav"))
    if not sentences:
        sys.exit(f"{SPEECH}: no speech here; make audio-quality installs it")
    for number, speech in enumerate(sentences):
        print(f"sentence {number + 1} of {len(sentences)}", flush=True)
        cases = folder / speech.stem
        cases.mkdir()
        subprocess.run([*program, speech, cases, str(number)], check=True, cwd=ROOT)
        for said in CODECS:
            for heard in CODECS:
                wide = {said, heard} <= {"opus", "G722"}
                rate, mode = (16000, "wb") if wide else (8000, "nb")
                reference = read(cases / f"reference-{rate}.wav")
                for way in WAYS:
                    degraded = read(cases / f"{said}-{heard}-{way}.wav")
                    score = pesq.pesq(rate, reference, degraded, mode)
                    found.setdefault((said, heard, way), []).append(score)
    return found


def page(found):
    count = len(found["PCMA", "PCMA", STRAIGHT])
    rows = []
    for said in CODECS:
        for heard in CODECS:
            cells = [f"{statistics.mean(found[said, heard, way]):.2f}" for way in WAYS]
            scale = "wideband" if {said, heard} <= {"opus", "G722"} else "narrowband"
            rows.append(f"| {said} | {heard} | {scale} | {' | '.join(cells)} |")
    return f"""# What the far end hears

MOS-LQO by PESQ (ITU-T P.862.1; P.862.2 for pairs that are wideband throughout), the mean of {count} sentences of
one reader. One phone speaks, the exchange passes its voice on, transcoding where the codecs differ; the other
phone's own way loses nothing. Straight is a way without loss or jitter; all others have 30 ms of evenly spread jitter
and lose packets at random. The two scales cannot be compared with each other: 4.5 is the most the narrowband one
gives, 4.6 the other.

Written by `make audio-quality`; the sentences are those of Debian's `pocketsphinx-testdata`.

| says | hears | scale | straight | 0 % | 1 % | 3 % | 5 % |
|---|---|---|---|---|---|---|---|
{chr(10).join(rows)}
"""


def main():
    program = sys.argv[1:] or ["cargo", "bench", "--quiet", "--bench", "audio_quality", "--"]
    with tempfile.TemporaryDirectory() as folder:
        found = scores(program, pathlib.Path(folder))
    PAGE.write_text(page(found))
    straight = statistics.mean(found["PCMA", "PCMA", STRAIGHT])
    print(f"PCMA straight through: {straight:.2f}; the table is in {PAGE.relative_to(ROOT)}")
    return 0 if straight >= REQUIRED else 1


if __name__ == "__main__":
    sys.exit(main())
