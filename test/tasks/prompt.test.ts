import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ServiceError } from '../../src/errors.ts';
import { planSound, synthesis } from '../../src/tasks/generation/plan-sound.ts';
import { promptCharactersMax, readPrompt } from '../../src/tasks/generation/read-prompt.ts';

describe('a prompt', () => {
  it('names sources, in its order, and a bell where it names none', () => {
    assert.deepEqual(readPrompt('Rain on a glass roof, and distant bells').sources, ['rain', 'glass', 'bell']);
    assert.deepEqual(readPrompt('something low and dark').sources, ['bell']);
  });

  it('says what it did not understand', () => {
    const { understood, ignored } = readPrompt('a bright purple bell');
    assert.deepEqual(understood, ['bright', 'bell']);
    assert.deepEqual(ignored, ['purple']);
  });

  it('gives pitches in hertz and as notes', () => {
    assert.equal(readPrompt('a bell at 330.5 Hz').pitchHz, 330.5);
    assert.equal(readPrompt('a tone at 2 kHz').pitchHz, 2000);
    assert.equal(readPrompt('string A4').pitchHz, 440);
    assert.ok(Math.abs((readPrompt('string C#5').pitchHz ?? 0) - 554.365) < 1e-3);
    assert.equal(readPrompt('a bell').pitchHz, undefined);
  });

  it('gives rates and numbers of strokes', () => {
    assert.equal(readPrompt('drum at 90 bpm').strokesPerSecond, 1.5);
    assert.equal(readPrompt('knocks 3 times per second').strokesPerSecond, 3);
    assert.equal(readPrompt('a bell every 2 seconds').strokesPerSecond, 0.5);
    assert.equal(readPrompt('three knocks').strokes, 3);
    assert.equal(readPrompt('7 drums').strokes, 7);
  });

  it('that asks for no strokes in a time gets one', () => {
    for (const prompt of ['000 bpm', '0 strokes per second', 'a bell 0 a minute'])
      assert.ok((readPrompt(prompt).strokesPerSecond ?? 0) > 0, prompt);
    assert.ok(Number.isFinite(readPrompt('a bell every 0 seconds').strokesPerSecond));
  });

  it('adds up its adjectives, within bounds', () => {
    assert.equal(readPrompt('high bell').pitchFactor, 2);
    assert.equal(readPrompt('low low bell').pitchFactor, 0.25);
    assert.equal(readPrompt('low '.repeat(200)).pitchFactor, 1 / 16);
    assert.equal(readPrompt('quiet bell').levelDb, -12);
    assert.ok(readPrompt('bright bell').brightnessDb > readPrompt('dark bell').brightnessDb);
  });

  it('that is empty, too long or holds control characters is refused', () => {
    for (const prompt of [
      '',
      '   ',
      'a'.repeat(promptCharactersMax + 1),
      'bell\u0000',
      'bell\u001b[31m',
      'bell\ud800',
      'bell\u202e',
    ]) {
      assert.throws(
        () => readPrompt(prompt),
        (error) => error instanceof ServiceError && error.code === 'invalid_input',
      );
    }
  });

  it('of which nothing is understood is refused, with what is', () => {
    for (const prompt of ['a cello concerto in the style of Bach', 'the', 'constructor', '你好'])
      assert.throws(
        () => readPrompt(prompt),
        (error) =>
          error instanceof ServiceError &&
          error.code === 'prompt_not_understood' &&
          error.status === 422 &&
          /bell, .*rain.*bright.*440 Hz/.test(error.message),
      );
  });

  it('of any text is read or refused, and what is read can be planned', () => {
    const word = fc.constantFrom(
      'bell',
      'rain',
      '999999 kHz',
      'every 0 seconds',
      '9999 times',
      'C8',
      'high',
      'constructor',
      '__proto__',
      'three',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string({ unit: 'binary' }))), (words) => {
        try {
          const wish = readPrompt(words.join(' '));
          for (const { voices, onsets } of planSound(wish, 0.1, 1)) {
            for (const { modes, noiseLevel } of voices) {
              assert.ok(modes.every(({ hz }) => hz >= 0 && hz < synthesis.sampleRateHz / 2));
              for (let band = 0; band < synthesis.bands; band += 1) assert.ok(Number.isFinite(noiseLevel(band, 0.05)));
            }
            assert.ok(onsets.length > 0 && onsets.every(({ startSample }) => startSample >= 0));
          }
        } catch (error) {
          assert.ok(error instanceof ServiceError, String(error));
        }
      }),
      { numRuns: 60 },
    );
  });
});
