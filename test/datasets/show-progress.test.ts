import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { ProgressLine } from '../../src/datasets/show-progress.ts';

describe('the progress of a dataset', () => {
  const begun = { total: 10, skipped: 2, success: 0, excluded: 0, failed: 0 };

  it('is one line on a terminal, with a bar, the rate and what is left, cut to its width', () => {
    const { line, written } = lineOn({ isTTY: true, columns: 70 });
    line.show(begun);
    line.show({ ...begun, success: 3, excluded: 1 });
    const last = written().split('\r\u001b[K').at(-1) ?? '';
    assert.match(last, /^\[█{12}·{12}\] 4 of 8 · [\d.]+ files\/s · \d+ s left · 2 done/);
    assert.ok(last.length < 70);
    assert.doesNotMatch(written(), /\n/);
    line.end();
    assert.match(written(), /1 excluded\n$/);
  });

  it('is a plain line now and then elsewhere', () => {
    const { line, written } = lineOn({ isTTY: false });
    for (let success = 0; success <= 8; success += 1) line.show({ ...begun, success });
    line.end();
    for (const control of ['\r', '\u001b']) assert.ok(!written().includes(control));
    assert.equal(written().split('\n').length, 3);
    assert.match(written(), /8 of 8 · [\d.]+ files\/s · 2 done before\n$/);
  });
});

function lineOn(terminal: { isTTY: boolean; columns?: number }): { line: ProgressLine; written(): string } {
  let text = '';
  const stream = Object.assign(new PassThrough(), terminal);
  stream.on('data', (chunk) => (text += chunk));
  return { line: new ProgressLine(stream as unknown as NodeJS.WriteStream), written: () => text };
}
