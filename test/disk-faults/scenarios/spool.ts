import assert from 'node:assert/strict';
import { credentials, Metadata } from '@grpc/grpc-js';
import { ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer';
import { choosePort } from '../../../launcher/free-port.ts';
import { DurableExport } from '../../../src/telemetry/export/durable-export.ts';
import { Ledger } from '../../../src/telemetry/export/ledger.ts';
import { bySender } from '../../../src/telemetry/export/live-export.ts';
import type { OtlpRequest } from '../../../src/telemetry/export/otlp-requests.ts';
import { OtlpSender } from '../../../src/telemetry/export/otlp-sender.ts';
import { Spool } from '../../../src/telemetry/export/spool.ts';
import { OtlpReceiver } from '../../../testkit/otlp-receiver.ts';
import type { Ground, Scenario } from '../scenario.ts';

/**
 * One process makes items while the Collector is down, and stops; the next one finds and sends
 * them.
 */
export const spoolScenario: Scenario = {
  name: 'spool',
  async run(ground) {
    const port = await choosePort('127.0.0.1');
    const books = { made: 0, dropped: 0 };
    const first = await open(ground, port);
    for (let batch = 0; batch < 3; batch += 1) {
      first.ledger.account('logs').made += 2;
      await first.durable.accept([request(books.made, 2)], 2);
      books.made += 2;
      assert.equal(first.ledger.missing('logs'), 0);
    }
    await first.close();
    assert.equal(first.ledger.missing('logs'), 0);
    const { memory, spooled } = first.ledger.whereabouts('logs');
    assert.equal(memory, 0, 'what a process takes with it has its word in the ledger');
    books.dropped += books.made - spooled;

    const collector = await OtlpReceiver.start(port);
    try {
      const second = await open(ground, port);
      assert.equal(second.ledger.account('logs').recovered, spooled);
      second.ledger.account('logs').made += 2;
      await second.durable.accept([request(books.made, 2)], 2);
      books.made += 2;
      const emptied = () => second.ledger.whereabouts('logs').spooled + second.ledger.whereabouts('logs').memory === 0;
      await ground.until('the replay', emptied);
      assert.equal(second.ledger.missing('logs'), 0);
      await second.close();
      const { dropped, exported, refused } = second.ledger.account('logs');
      books.dropped += Object.values(dropped).reduce((sum, count) => sum + count, 0);
      assert.equal(refused, 0);
      assert.equal(exported + books.dropped, books.made);
    } finally {
      collector.stop();
    }
    const arrived = new Set(collector.items.logs);
    assert.equal(arrived.size + books.dropped, books.made, 'what is neither there nor in the ledger is lost');
    if (!ground.said.some((sentence) => /next start will send it again/.test(sentence)))
      assert.equal(collector.items.logs.length, arrived.size, 'nothing was sent twice');
    // A disk that failed once, or for a second, drops nothing.
    if (!ground.disk.wasLasting) assert.equal(books.dropped, 0);
    if (!ground.disk.wasShort && ground.disk.failedKinds.some((kind) => kind !== 'stat' && kind !== 'mkdir'))
      assert.ok(ground.said.length > 0, 'it says what was wrong');
  },
};

async function open(ground: Ground, port: number) {
  const ledger = new Ledger();
  const sender = () =>
    new OtlpSender({
      signal: 'logs',
      target: `127.0.0.1:${port}`,
      credentials: credentials.createInsecure(),
      metadata: new Metadata(),
      // A busy machine must not make an answer late: what is sent again then is sent twice, as promised.
      timeoutMs: 15_000,
      deserialize: ProtobufLogsSerializer.deserializeResponse,
    });
  const spool = await ground.start(() =>
    Spool.open({
      folder: ground.folder,
      bytesMax: 100_000_000,
      memoryBytesMax: 100_000_000,
      ageMsMax: 3_600_000,
      ledger,
      onTrouble: (sentence) => ground.said.push(sentence),
    }),
  );
  const durable = new DurableExport<OtlpRequest[]>({
    signal: 'logs',
    live: bySender(sender()),
    sender: sender(),
    serialize: (requests) => requests,
    spool,
    ledger,
    spoolAfterMs: 50,
    onRefused: () => undefined,
  });
  return {
    ledger,
    durable,
    close: async () => {
      await durable.shutdown();
      await spool.close(ground.disk.isLasting ? 150 : 3_000);
    },
  };
}

function request(first: number, count: number): OtlpRequest {
  const words = Array.from({ length: count }, (_, index) => `item-${first + index};`);
  return { bytes: Buffer.from(words.join(' ')), items: count };
}
