import assert from 'node:assert/strict';
import { type Books, findingsOf } from '../../launcher/telemetry-books.ts';

const sender = {
  job: 'vitrine',
  isOwn: true,
  ageSeconds: 4,
  onDisk: 5,
  made: 100,
  recovered: 5,
  exported: 90,
  refused: 0,
  dropped: 0,
  memory: 10,
  spooled: 5,
};
const collector = { accepted: 90, refused: 0, dropped: 0, queuedBytes: 0, sent: 90 };
const books: Books = {
  signal: 'traces',
  senders: [sender],
  collector,
  store: { title: 'Tempo', counts: { taken: 90, discarded: 0 } },
};
const goods = (given: Books) => findingsOf(given).map(({ good }) => good);

describe('the books of the telemetry', () => {
  it('balance when every item is somewhere, and say where', () => {
    assert.deepEqual(goods(books), [true, true]);
    const [own, behind] = findingsOf(books);
    assert.match(
      own?.text ?? '',
      /^traces of vitrine, 4 s ago: 100 made \+ 5 recovered = 90 exported \+ 10 in memory \+ 5 spooled .* the books balance; on its disk 5 wait for the Collector now$/,
    );
    assert.match(behind?.text ?? '', /the Collector took 90 .* Tempo took 90 and discarded 0$/);
  });

  it('are bad when an item is nowhere, given up, or thrown away behind', () => {
    const nowhere = findingsOf({ ...books, senders: [{ ...sender, exported: 88 }] })[0];
    assert.equal(nowhere?.good, false);
    assert.match(nowhere?.text ?? '', /; 2 cannot be accounted for, which is a defect;/);
    assert.deepEqual(goods({ ...books, senders: [{ ...sender, exported: 88, dropped: 2 }] }), [false, true]);
    assert.deepEqual(goods({ ...books, collector: { ...collector, dropped: 1 } }), [true, false]);
    assert.deepEqual(goods({ ...books, store: { title: 'Tempo', counts: { taken: 90, discarded: 1 } } }), [
      true,
      false,
    ]);
  });

  it('are bad when they are old, or a server behind cannot be asked: what is not known is not 0', () => {
    const silent = findingsOf({ ...books, senders: [{ ...sender, ageSeconds: 90 }] })[0];
    assert.equal(silent?.good, false);
    assert.match(silent?.text ?? '', /, 90 s ago: .*nothing newer has arrived/);
    assert.deepEqual(goods({ ...books, senders: [{ ...sender, ageSeconds: undefined, onDisk: 0 }] }), [true, true]);
    const other = findingsOf({ ...books, senders: [{ ...sender, isOwn: false, ageSeconds: 90, onDisk: 0 }] })[0];
    assert.equal(other?.good, true, 'a process that was killed elsewhere is no fault of this stack');
    assert.match(other?.text ?? '', /^traces of another vitrine, 90 s ago: .*not of this data folder/);
    const unknown = findingsOf({ ...books, collector: undefined, store: { title: 'Tempo', counts: undefined } })[1];
    assert.equal(unknown?.good, false);
    assert.match(unknown?.text ?? '', /of the Collector there are no figures now; of Tempo there are no figures now$/);
  });
});
