"""Measures of a sound against another, with plain requests. Usage: python3 examples/score.py DEGRADED REFERENCE"""

import os
import sys

import requests

url = os.environ.get("VITRINE_URL", "http://127.0.0.1:8000")
degraded, reference = sys.argv[1:3]

with open(degraded, "rb") as file, open(reference, "rb") as clean:
    answer = requests.post(f"{url}/v1/score", files={"file": file, "reference": clean}, timeout=60)
if not answer.ok:
    # A failure says what to do about it, and which trace has the rest.
    sys.exit(f"{answer.json()['error']} (trace {answer.json()['trace_id']})")

(scores,) = answer.json()["files"]
print(f"loudness {scores['loudness_lufs']:.1f} LUFS")
for name, value in scores["against_reference"].items():
    print(name, value)
