import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const sounds = join(import.meta.dirname, '../../testkit/fixtures/audio');

/** A request to a model that does not exist. Answers its trace. */
export async function failingRequest(url: string, key: string): Promise<string> {
  const response = await fetch(`${url}/v2/models/gone/infer`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: '{"inputs":[]}',
  });
  await response.arrayBuffer();
  return response.headers.get('traceresponse')?.split('-')[1] ?? '';
}

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
  return failingRequest(url, key);

  async function send(path: string, init: RequestInit): Promise<void> {
    const headers = {
      authorization: `Bearer ${key}`,
      ...(typeof init.body === 'string' && { 'content-type': 'application/json' }),
    };
    const response = await fetch(`${url}${path}`, { ...init, headers });
    await response.arrayBuffer();
  }
}
