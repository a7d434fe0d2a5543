"""Separates a tone with clicks as plain tensors, with Triton's own client. Usage: python3 examples/triton_infer.py"""

import os

import numpy as np
import tritonclient.http as triton

url = os.environ.get("VITRINE_URL", "http://127.0.0.1:8000").removeprefix("http://")
client = triton.InferenceServerClient(url)

time = np.arange(22_050, dtype=np.float32) / 44_100
audio = (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
audio[::5000] += 0.5

tensor = triton.InferInput("audio", [1, audio.size], "FP32")
tensor.set_data_from_numpy(audio[np.newaxis, :])
answer = client.infer("harmonic-percussive", [tensor])

harmonic, percussive = answer.as_numpy("harmonic"), answer.as_numpy("percussive")
print("largest difference of the sum:", float(np.abs(harmonic + percussive - audio).max()))
