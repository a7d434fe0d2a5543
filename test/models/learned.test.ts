import assert from 'node:assert/strict';
import { listeningScores, listeningWindows } from '../../src/tasks/quality/listening-scores.ts';
import { segmentRules, speechSegments } from '../../src/tasks/speech/speech-segments.ts';
import { voiceWindows } from '../../src/tasks/speech/voice-windows.ts';
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
  it('finds the two stretches of speech between the pauses, with and without noise', async () => {
    const run = await session('silero-vad');
    for (const name of ['speech', 'speech-in-noise'] as const) {
      const samples = sound(name);
      const probabilities: number[] = [];
      let state = { dims: [2, 1, 128], data: new Float32Array(256) };
      for (const window of voiceWindows(samples)) {
        const { output, stateN } = await run({
          input: { dims: [1, window.length], data: window },
          state,
          sr: { dims: [], data: BigInt64Array.of(16_000n) },
        });
        probabilities.push(output?.data[0] as number);
        state = { dims: [2, 1, 128], data: stateN?.data as Float32Array<ArrayBuffer> };
      }
      const segments = speechSegments(probabilities, samples.length, segmentRules);
      assert.equal(segments.length, reference.speech.spoken_seconds.length, JSON.stringify(segments));
      segments.forEach(({ start, end }, at) => {
        const [spokenStart, spokenEnd] = reference.speech.spoken_seconds[at] as [number, number];
        // eSpeak ends a sentence with some silence of its own.
        assert.ok(
          Math.abs(start / 16_000 - spokenStart) < 0.15,
          `${name}: starts at ${start / 16_000}, ${spokenStart}`,
        );
        assert.ok(Math.abs(end / 16_000 - spokenEnd) < 0.4, `${name}: ends at ${end / 16_000}, ${spokenEnd}`);
      });
    }
  });
});
