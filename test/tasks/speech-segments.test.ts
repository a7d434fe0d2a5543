import assert from 'node:assert/strict';
import { type SegmentRules, speechSegments } from '../../src/tasks/speech/speech-segments.ts';
import { voiceWindows } from '../../src/tasks/speech/voice-windows.ts';

// One window is ten samples here, so that the numbers can be read.
const rules: SegmentRules = {
  threshold: 0.5,
  endThreshold: 0.3,
  windowSamples: 10,
  speechSamplesMin: 15,
  silenceSamplesMin: 20,
  paddingSamples: 0,
};
const segments = (probabilities: number[], changes: Partial<SegmentRules> = {}, length = probabilities.length * 10) =>
  speechSegments(probabilities, length, { ...rules, ...changes }).map(({ start, end }) => [start, end]);

describe('speech segments', () => {
  it('begin at the threshold and end where the pause began', () => {
    assert.deepEqual(segments([0, 0.4, 0.6, 0.9, 0.9, 0.1, 0, 0, 0]), [[20, 50]]);
  });

  it('go on between the two thresholds', () => {
    assert.deepEqual(segments([0.9, 0.4, 0.4, 0.4, 0.4, 0.4, 0, 0, 0, 0]), [[0, 60]]);
  });

  it('bridge a pause that is too short, and do not when it is long enough', () => {
    assert.deepEqual(segments([0.9, 0.9, 0, 0, 0.9, 0.9, 0, 0, 0]), [[0, 60]]);
    assert.deepEqual(segments([0.9, 0.9, 0, 0, 0, 0.9, 0.9, 0, 0, 0]), [
      [0, 20],
      [50, 70],
    ]);
  });

  it('leave out what is too short to be speech', () => {
    assert.deepEqual(segments([0, 0.9, 0, 0, 0, 0]), []);
  });

  it('end with the sound', () => {
    assert.deepEqual(segments([0, 0.9, 0.9, 0.9], {}, 37), [[10, 37]]);
    assert.deepEqual(segments([]), []);
  });

  it('are padded, but never into each other or beyond the sound', () => {
    const spoken = [0.9, 0.9, 0, 0, 0, 0.9, 0.9, 0, 0, 0];
    assert.deepEqual(segments(spoken, { paddingSamples: 5 }), [
      [0, 25],
      [45, 75],
    ]);
    assert.deepEqual(segments(spoken, { paddingSamples: 1000 }), [
      [0, 35],
      [35, 100],
    ]);
  });
});

describe('the windows of the voice model', () => {
  it('carry the last 64 samples before the new ones and end in silence', () => {
    const samples = Float32Array.from({ length: 1000 }, (_, at) => at + 1);
    const [call, ...more] = [...voiceWindows(samples)];
    assert.equal(more.length, 0);
    assert.equal(call?.rows, 2);
    const [first, second] = [call?.data.subarray(0, 576), call?.data.subarray(576)];
    assert.deepEqual([first?.[63], first?.[64], first?.[575]], [0, 1, 512]);
    assert.deepEqual([second?.[0], second?.[63], second?.[64], second?.[551], second?.[552]], [449, 512, 513, 1000, 0]);
  });

  it('go on over calls as if they were one', () => {
    const samples = Float32Array.from({ length: 600 * 512 }, (_, at) => at);
    const [one, other, ...more] = [...voiceWindows(samples)];
    assert.deepEqual([one?.rows, other?.rows, more.length], [512, 88, 0]);
    assert.equal(other?.data[0], 512 * 512 - 64);
  });
});
