#!/usr/bin/env bash
# Every task with curl. Usage: bash examples/curl.sh DIR, after: node examples/make-sounds.mjs DIR
set -euo pipefail
url=${VITRINE_URL:-http://127.0.0.1:8000}
dir=${1:-.}
ask() { curl --silent --show-error --fail-with-body "$@"; }

# Both stems as a zip, or one of them as a WAV file.
ask -F file=@"$dir/music.wav" "$url/v1/separate" -o "$dir/stems.zip"
ask -F file=@"$dir/music.wav" -F stem=percussive "$url/v1/separate" -o "$dir/percussive.wav"

# A sound from a prompt; what of it had an effect is in X-Vitrine-Facts.
ask "$url/v1/generate" -d '{"prompt": "three bright bells in gusty wind", "duration_seconds": 3, "seed": 7}' \
  -o "$dir/bells.wav" -D "$dir/bells.headers"

# How good a sound is, alone and against another; several are ranked.
ask -F file=@"$dir/noisy.wav" -F reference=@"$dir/music.wav" "$url/v1/score" -o "$dir/score.json"
ask -F file=@"$dir/noisy.wav" -F file=@"$dir/music.wav" "$url/v1/score" -o "$dir/ranking.json"

# A microstructure as a picture, and as JSON with its statistics.
ask "$url/v1/microstructure" -d '{"alloy": "Ti-6Al-4V", "size": 128, "seed": 1}' -o "$dir/titanium.png"
ask "$url/v1/microstructure" -H 'Accept: application/json' -d '{"alloy": "Ti-6Al-4V", "size": 64}' -o "$dir/titanium.json"

# Where there is speech.
ask -F file=@"$dir/music.wav" "$url/v1/speech" -o "$dir/speech.json"

# The same as a job: accepted at once, done even if the service is killed in between.
job=$(ask -H 'Prefer: respond-async' -F file=@"$dir/music.wav" "$url/v1/separate" | sed -E 's/.*"id":"([^"]+)".*/\1/')
until ask "$url/v1/jobs/$job" | grep -q '"state":"done"'; do sleep 0.2; done
ask "$url/v1/jobs/$job/files/harmonic.wav" -o "$dir/harmonic.wav"
echo "All done: $dir"
