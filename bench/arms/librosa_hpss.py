"""librosa's harmonic/percussive separation of a WAV file into two: seconds of each round, without the imports.

Usage: librosa_hpss.py FILE ROUNDS
"""

import sys
import tempfile
import time

import librosa
import numpy as np
import soundfile

file, rounds = sys.argv[1], int(sys.argv[2])
# The first call compiles what librosa compiles.
librosa.effects.hpss(np.zeros(22_050, dtype=np.float32))
with tempfile.TemporaryDirectory() as folder:
    for _ in range(rounds):
        begun = time.perf_counter()
        samples, rate = soundfile.read(file, dtype="float32")
        stems = librosa.effects.hpss(np.ascontiguousarray(samples.T))
        for name, stem in zip(("harmonic", "percussive"), stems):
            soundfile.write(f"{folder}/{name}.wav", stem.T, rate, subtype="PCM_16")
        print(time.perf_counter() - begun, flush=True)
