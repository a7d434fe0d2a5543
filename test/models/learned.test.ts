import assert from 'node:assert/strict';
import { resample } from '../../src/audio/resample.ts';
import { listeningScores, listeningWindows } from '../../src/tasks/quality/listening-scores.ts';
import { speechSegments } from '../../src/tasks/speech/speech-segments.ts';
import { voice, voiceWindows } from '../../src/tasks/speech/voice-windows.ts';
import { reference, sound } from './reference-sounds.ts';
import { session } from './session.ts';

describe('DNSMOS', () => {
  for (const name of ['speech', 'speech-in-noise'] as const) {
    it(`rates ${name} as the speechmos package does`, async () => {
      const run = await session('dnsmos');
      const rows: number[][] = [];
      for (const window of listeningWindows(sound(name))) {
        const answers = await run({ input_1: { dims: [1, window.length], data: window } });
        rows.push([...(Object.values(answers)[0]?.data ?? [])]);
      }
      const scores = listeningScores(rows);
      const { sig_mos, bak_mos, ovrl_mos } = reference[name].dnsmos;
      for (const [given, wanted] of [
        [scores?.speech, sig_mos],
        [scores?.background, bak_mos],
        [scores?.overall, ovrl_mos],
      ]) {
        assert.ok(Math.abs((given ?? 0) - (wanted ?? 9)) < 1e-3, `${given}, wanted ${wanted}`);
      }
    });
  }
});

describe('Silero VAD', () => {
  const listen = async (samples: Float32Array) => {
    const run = await session('silero-vad');
    const probabilities: number[] = [];
    let [h, c] = [new Float32Array(voice.stateSize), new Float32Array(voice.stateSize)];
    for (const { rows, data } of voiceWindows(samples)) {
      const state = (values: Float32Array) => ({ dims: [1, 1, voice.stateSize], data: values });
      const { speech_probs, hn, cn } = await run({ input: { dims: [rows, 576], data }, h: state(h), c: state(c) });
      probabilities.push(...(speech_probs?.data ?? []));
      [h, c] = [hn?.data as typeof h, cn?.data as typeof c];
    }
    return probabilities;
  };

  for (const name of ['speech', 'speech-in-noise'] as const) {
    it(`finds the stretches in ${name} that the silero-vad package finds`, async () => {
      const samples = sound(name);
      const segments = speechSegments(await listen(samples), samples.length);
      assert.deepEqual(
        segments.map(({ start, end }) => [start, end]),
        reference[name].speech_samples,
      );
    });
  }

  it('hears the same in a long sound, over several calls, as the package', async () => {
    const samples = sound('speech');
    const long = new Float32Array(8 * samples.length);
    for (let at = 0; at < 8; at += 1) long.set(samples, at * samples.length);
    const segments = speechSegments(await listen(long), long.length);
    assert.deepEqual(
      segments.map(({ start, end }) => [start, end]),
      reference.speech.speech_samples_of_eight_in_a_row,
    );
  });

  it('finds no speech in a chord with clicks, nor in silence', async () => {
    const music = resample(sound('chord-and-clicks'), 44_100, 16_000);
    assert.deepEqual(speechSegments(await listen(music), music.length), []);
    assert.deepEqual(speechSegments(await listen(new Float32Array(32_000)), 32_000), []);
  });
});
