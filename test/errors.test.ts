import assert from 'node:assert/strict';
import { failures, recordedReason, recordedStack, ServiceError } from '../src/errors.ts';
import { joined, ours, oursIfAmong, say } from '../src/sentence.ts';

describe('a failure’s sentence', () => {
  const name = 'CANARY.wav';

  it('is whole for the caller, and recorded without the caller’s words', () => {
    const error = new ServiceError('invalid_audio', say`Cannot read the file ${name}: it has ${3} channels; send one.`);
    assert.equal(error.message, 'Cannot read the file CANARY.wav: it has 3 channels; send one.');
    assert.equal(error.recorded, 'Cannot read the file (…): it has 3 channels; send one.');
  });

  it('keeps what is ours, and what exists here anyway', () => {
    const models = ['copy', 'other'];
    const sentence = say`Cannot use ${oursIfAmong('copy', models)} or ${oursIfAmong(name, models)}; set ${ours('VITRINE_MODELS')}.`;
    assert.equal(sentence.safe, 'Cannot use copy or (…); set VITRINE_MODELS.');
  });

  it('keeps both forms when it is a part of another', () => {
    const why = say`it is called ${name} and has the shape ${[1, 2]}`;
    const whole = say`Cannot: ${joined([why, say`so`], ', ')}.`;
    assert.equal(whole.text, 'Cannot: it is called CANARY.wav and has the shape 1,2, so.');
    assert.equal(whole.safe, 'Cannot: it is called (…) and has the shape 1,2, so.');
  });

  it('has one gap for the caller’s words that stand side by side, and none for an empty text', () => {
    assert.equal(say`Cannot find ${name}${name}: look.`.safe, 'Cannot find (…): look.');
    assert.equal(say`Cannot find ${name}${''}: look.`.safe, 'Cannot find (…): look.');
    assert.equal(say`Cannot find ${name}${say` version ${name}`}.`.safe, 'Cannot find (…) version (…).');
  });

  it('is recorded as no more than what its code means where nobody marked the caller’s words', () => {
    assert.equal(new ServiceError('invalid_audio', `Cannot read ${name}.`).recorded, failures.invalid_audio.means);
  });

  it('of an error that is not ours is recorded without what it quotes', () => {
    const error = new Error(`ENOENT: no such file, open '/data/${name}'`);
    assert.equal(recordedReason(error), 'ENOENT: no such file, open (…)');
    assert.match(recordedStack(error), /^Error: ENOENT: no such file, open \(…\)\n\s+at .*errors\.test\.ts/);
    const parsing = assertThrows(() => JSON.parse(`{"${name}": ${name}`));
    assert.ok(!recordedStack(parsing).includes('CANARY'), recordedStack(parsing));
  });
});

function assertThrows(act: () => unknown): Error {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  return assert.fail('it did not throw');
}
