import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const sounds = join(import.meta.dirname, '../fixtures/audio');

/** Tasks with real sounds, and a request that fails. Answers the trace of the one that failed. */
export async function pageTraffic(url: string, key: string): Promise<string> {
  const chord = new Blob([await readFile(join(sounds, 'chord-and-clicks.wav'))]);
  const speech = new Blob([await readFile(join(sounds, 'speech-in-noise.wav'))]);
  const json = (body: unknown) => ({ method: 'POST', body: JSON.stringify(body) });
  const form = (sound: Blob, name: string) => {
    const body = new FormData();
    body.append('file', sound, name);
    return { method: 'POST', body };
  };
  await Promise.all([
    send('/v1/separate', form(chord, 'chord.wav')),
    send('/v1/score', form(speech, 'speech.wav')),
    send('/v1/speech', form(speech, 'speech.wav')),
    send('/v1/microstructure', json({ size: 64, steps: 10, seed: 1 })),
  ]);
  return send('/v2/models/gone/infer', json({ inputs: [] }));

  async function send(path: string, init: RequestInit): Promise<string> {
    const headers = {
      authorization: `Bearer ${key}`,
      ...(typeof init.body === 'string' && { 'content-type': 'application/json' }),
    };
    const response = await fetch(`${url}${path}`, { ...init, headers });
    await response.arrayBuffer();
    return response.headers.get('traceresponse')?.split('-')[1] ?? '';
  }
}
