import assert from 'node:assert/strict';
import { listening, listeningScores, listeningWindows } from '../../src/tasks/quality/listening-scores.ts';

describe('listening scores', () => {
  it('come from windows of 9.01 s, one a second while a whole one fits', () => {
    const samples = Float32Array.from({ length: 12 * listening.sampleRateHz }, (_, at) => at);
    const windows = [...listeningWindows(samples)];
    assert.deepEqual(
      windows.map((window) => [window[0], window.length]),
      [
        [0, 144_160],
        [16_000, 144_160],
        [32_000, 144_160],
      ],
    );
  });

  it('repeat what is too short, and have no window for nothing', () => {
    const [window, ...more] = [...listeningWindows(Float32Array.from({ length: 80_000 }, (_, at) => at))];
    assert.equal(more.length, 0);
    assert.deepEqual([window?.length, window?.[79_999], window?.[80_000]], [144_160, 79_999, 0]);
    assert.deepEqual([...listeningWindows(new Float32Array())], []);
  });

  it('are the mean over the windows, on the scale of the authors’ polynomials', () => {
    const scores = listeningScores([
      [1, 0, 0],
      [3, 0, 0],
    ]);
    const onScale = (raw: number) => -0.08397278 * raw * raw + 1.22083953 * raw + 0.0052439;
    assert.ok(Math.abs((scores?.speech ?? 0) - (onScale(1) + onScale(3)) / 2) < 1e-12);
    assert.ok(Math.abs((scores?.background ?? 0) + 0.39604546) < 1e-12);
    assert.equal(listeningScores([]), undefined);
  });
});
