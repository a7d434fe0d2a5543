import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const sounds = join(import.meta.dirname, '../fixtures/audio');

/** A little of everything that the dashboards show: tasks, inferences, and requests that fail. Answers the trace of the last failed one. */
export async function pageTraffic(url: string, rounds: number): Promise<string> {
  const chord = new Blob([await readFile(join(sounds, 'chord-and-clicks.wav'))]);
  const speech = new Blob([await readFile(join(sounds, 'speech-in-noise.wav'))]);
  const json = (body: unknown) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const form = (sound: Blob, name: string) => {
    const body = new FormData();
    body.append('file', sound, name);
    return { method: 'POST', body };
  };
  let failed = '';
  for (let round = 0; round < rounds; round += 1) {
    const answers = await Promise.all([
      send('/v1/separate', form(chord, 'chord.wav')),
      send('/v1/generate', json({ prompt: 'a bright bell', duration_seconds: 1, seed: round })),
      send('/v1/score', form(speech, 'speech.wav')),
      send('/v1/speech', form(speech, 'speech.wav')),
      send('/v1/microstructure', json({ size: 64, steps: 10, seed: round })),
      send('/v2/models/gone/infer', json({ inputs: [] })),
    ]);
    failed = answers.at(-1)!;
  }
  return failed;

  async function send(path: string, init: RequestInit): Promise<string> {
    const response = await fetch(`${url}${path}`, init);
    await response.arrayBuffer();
    return response.headers.get('traceresponse')?.split('-')[1] ?? '';
  }
}
