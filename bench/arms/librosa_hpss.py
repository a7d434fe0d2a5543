"""librosa's harmonic/percussive separation of a WAV file into two, file to files.

Usage: librosa_hpss.py FILE; says `ready`, then the seconds of a round for every line that it is sent.
"""

import sys
import tempfile
import time

import librosa
import numpy as np
import soundfile

file = sys.argv[1]
# The first call compiles what librosa compiles.
librosa.effects.hpss(np.zeros(22_050, dtype=np.float32))
with tempfile.TemporaryDirectory() as folder:
    print("ready", flush=True)
    for _ in sys.stdin:
        begun = time.perf_counter()
        samples, rate = soundfile.read(file, dtype="float32")
        stems = librosa.effects.hpss(np.ascontiguousarray(samples.T))
        for name, stem in zip(("harmonic", "percussive"), stems):
            soundfile.write(f"{folder}/{name}.wav", stem.T, rate, subtype="PCM_16")
        print(time.perf_counter() - begun, flush=True)
