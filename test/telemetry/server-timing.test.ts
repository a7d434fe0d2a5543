import assert from 'node:assert/strict';
import { serverTiming } from '../../src/observe/server-timing.ts';
import { type Stages, stageNames } from '../../src/observe/stages.ts';

describe('Server-Timing', () => {
  it('names the seven stages that are over, in milliseconds with three digits, of whatever length', () => {
    const said = timingOf({
      receive: 0.0004,
      decode: 0.0005,
      queue: 0.9994,
      assemble: 0.9996,
      run: 12.3456,
      split: 1_999_999.5,
      encode: 86_400_000.25,
      send: 5,
    });
    assert.equal(
      said,
      'receive;dur=0.000,decode;dur=0.001,queue;dur=0.999,assemble;dur=1.000,run;dur=12.346,split;dur=1999999.500,encode;dur=86400000.250',
    );
  });

  it('says of each request what its own batch took, whoever was answered before it', () => {
    const took: [assemble: number, run: number][] = [
      [0.25, 2],
      [0.25, 2],
      [0.25, 3],
      [0.5, 3],
      [0.25, 2],
      [0, 0],
    ];
    for (const [assemble, run] of took) {
      const said = /assemble;dur=([\d.]+),run;dur=([\d.]+),split/.exec(timingOf({ assemble, run }));
      assert.deepEqual(said?.slice(1).map(Number), [assemble, run]);
    }
  });

  it('rounds as a number is rounded', () => {
    for (let us = 0; us < 30_000; us += 0.3) {
      const said = /receive;dur=([\d.]+)/.exec(timingOf({ receive: us / 1000 }))?.[1];
      assert.ok(Math.abs(Number(said) * 1000 - us) <= 0.5 + 1e-6, `${us} µs are said as ${said} ms`);
    }
  });
});

function timingOf(stages: Partial<Stages>): string {
  return serverTiming(Float64Array.from([0, ...stageNames.map((stage) => stages[stage] ?? 0)]), 1);
}
