import assert from 'node:assert/strict';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { credentials, Metadata, status } from '@grpc/grpc-js';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-grpc';
import { ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { DurableExport } from '../../src/telemetry/export/durable-export.ts';
import { Ledger } from '../../src/telemetry/export/ledger.ts';
import { byExporter, bySender } from '../../src/telemetry/export/live-export.ts';
import { logRequests } from '../../src/telemetry/export/otlp-requests.ts';
import { OtlpSender } from '../../src/telemetry/export/otlp-sender.ts';
import { diagnosticLogger, PartialSuccess } from '../../src/telemetry/export/partial-success.ts';
import { Spool } from '../../src/telemetry/export/spool.ts';
import { OtlpReceiver } from '../../testkit/otlp-receiver.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('durable export', () => {
  it('hands items to a Collector that is there, without touching the disk', async () => {
    await using at = await rig();
    await at.tell(10);
    assert.deepEqual(at.receiver.items.logs, itemsUpTo(10));
    assert.equal(at.account().exported, 10);
    assert.equal(at.ledger.missing('logs'), 0);
    assert.deepEqual(await at.filesInSpool(), []);
  });

  it('keeps what it is told while the Collector is away, and replays it in order when it is back', async () => {
    await using at = await rig();
    await at.tell(3);
    at.receiver.stop();
    for (let batch = 0; batch < 5; batch += 1) await at.tell(3);
    assert.equal(at.ledger.whereabouts('logs').spooled, 15);
    assert.equal(at.ledger.missing('logs'), 0);
    const back = await OtlpReceiver.start(at.receiver.port);
    await waitFor('the replay', () => at.account().exported === 18);
    assert.deepEqual([...at.receiver.items.logs, ...back.items.logs], itemsUpTo(18));
    assert.equal(at.account().replayed, 15);
    assert.equal(at.ledger.missing('logs'), 0);
    // What was acknowledged is counted before its file is removed.
    await waitFor('an empty spool', async () => (await at.filesInSpool()).length === 0);
    back.stop();
  });

  it('has an item on disk soon after a Collector stopped answering, though the answer may yet come', async () => {
    await using at = await rig({ spoolAfterMs: 50 });
    at.receiver.answer = 'hang';
    await at.tell(4);
    assert.equal((await at.filesInSpool()).length, 1);
    assert.equal(at.ledger.whereabouts('logs').memory, 0);
    at.receiver.answer = 'accept';
    await waitFor('the time-out of the first attempt and the replay', () => at.account().exported === 4);
    assert.deepEqual(at.receiver.items.logs, itemsUpTo(4));
    assert.equal(at.ledger.missing('logs'), 0);
  });

  it('has what a Collector is too slow for on disk instead of in memory', async () => {
    await using at = await rig({ spoolAfterMs: 20_000, timeoutMs: 20_000 });
    const gate = Promise.withResolvers<void>();
    at.receiver.answer = { acceptAfter: gate.promise };
    await at.tell(4, '', true);
    assert.equal(at.ledger.whereabouts('logs').spooled, 4);
    await at.tell(4, '', true);
    await at.tell(4);
    assert.deepEqual(at.ledger.whereabouts('logs').memory, 0, 'what comes later waits behind it');
    gate.resolve();
    await waitFor('the replay', () => at.account().exported === 12);
    assert.deepEqual(at.receiver.items.logs, itemsUpTo(12));
    assert.equal(at.ledger.missing('logs'), 0);
  });

  it('takes an item off the disk again when the late answer comes', async () => {
    await using at = await rig({ spoolAfterMs: 1, timeoutMs: 20_000 });
    at.receiver.answer = 'accept';
    await at.tell(2);
    await waitFor('the acknowledgement', () => at.account().exported === 2);
    await waitFor('the empty spool', async () => (await at.filesInSpool()).length === 0);
    assert.equal(at.ledger.missing('logs'), 0);
  });

  it('sends what an earlier process left on disk', async () => {
    await using folder = await temporaryFolder();
    {
      await using first = await rig({ folder: folder.path });
      first.receiver.stop();
      await first.tell(6);
    }
    await using second = await rig({ folder: folder.path });
    await waitFor('the recovered items', () => second.account().exported === 6);
    assert.deepEqual(second.receiver.items.logs, itemsUpTo(6));
    assert.equal(second.account().recovered, 6);
    assert.equal(second.ledger.missing('logs'), 0);
  });

  it('counts what the Collector refuses for good, and goes on', async () => {
    await using at = await rig();
    at.receiver.answer = { code: status.INVALID_ARGUMENT };
    await at.tell(5);
    at.receiver.answer = 'accept';
    await at.tell(2);
    assert.equal(at.account().refused, 5);
    assert.equal(at.account().exported, 2);
    assert.equal(at.refusals.length, 1);
    assert.equal(at.ledger.missing('logs'), 0);
  });

  it('gives up a replayed request that meets nothing but internal errors, and sends the next', async () => {
    await using at = await rig();
    at.receiver.answer = { code: status.INTERNAL };
    await at.tell(1);
    await waitFor('the first to be given up', () => at.account().refused === 1);
    at.receiver.answer = 'accept';
    await at.tell(1);
    await waitFor('the second', () => at.account().exported === 1);
  });

  it('keeps trying when the Collector is busy, however often it says so', async () => {
    await using at = await rig();
    at.receiver.answer = { code: status.RESOURCE_EXHAUSTED };
    await at.tell(5);
    await waitFor('three attempts', () => at.receiver.requests >= 3);
    assert.equal(at.account().refused, 0);
    at.receiver.answer = 'accept';
    await waitFor('the replay', () => at.account().exported === 5);
  });

  for (const [way, ownSender] of [
    ['the official exporter', false],
    ['our own sender', true],
  ] as const)
    it(`believes the Collector that accepts a request in part, live, by ${way}`, async () => {
      await using at = await rig({ ownSender });
      at.receiver.answer = { rejected: 2, reason: 'two are bad' };
      await at.tell(5);
      assert.equal(at.account().exported, 3);
      assert.equal(at.account().refused, 2);
      assert.deepEqual(at.refusals, ['two are bad']);
      assert.equal(at.ledger.missing('logs'), 0);
      at.receiver.answer = { code: status.INVALID_ARGUMENT };
      await at.tell(5);
      assert.deepEqual([at.account().exported, at.account().refused], [3, 7]);
      at.receiver.answer = 'accept';
      await at.tell(5);
      assert.deepEqual([at.account().exported, at.account().replayed], [8, 0]);
      assert.deepEqual(await at.filesInSpool(), []);
    });

  it('believes the Collector that accepts a request in part, replayed', async () => {
    await using at = await rig();
    at.receiver.answer = { code: status.UNAVAILABLE };
    await at.tell(5);
    at.receiver.answer = { rejected: 2, reason: 'two are bad' };
    await waitFor('the replay', () => at.account().refused === 2);
    assert.equal(at.account().exported, 3);
    assert.equal(at.ledger.missing('logs'), 0);
  });

  it('drops the oldest when the spool is full, and accounts for every one', async () => {
    await using at = await rig({ bytesMax: 5 * 4096 });
    at.receiver.stop();
    for (let batch = 0; batch < 12; batch += 1) await at.tell(1);
    assert.equal(at.ledger.whereabouts('logs').spooled, 5);
    assert.equal(at.account().dropped.spool_full, 7);
    assert.equal(at.ledger.missing('logs'), 0);
    const back = await OtlpReceiver.start(at.receiver.port);
    await waitFor('the newest five', () => at.account().exported === 5);
    assert.deepEqual(back.items.logs, itemsUpTo(12).slice(7));
    back.stop();
  });

  it('makes no room with what is on its way at that moment: it would be counted as dropped and as exported', async () => {
    await using at = await rig({ bytesMax: 3 * 4096, timeoutMs: 20_000 });
    at.receiver.answer = { code: status.UNAVAILABLE };
    for (let batch = 0; batch < 3; batch += 1) await at.tell(1);
    const gate = Promise.withResolvers<void>();
    at.receiver.answer = { acceptAfter: gate.promise };
    const before = at.receiver.requests;
    await waitFor('a replay on its way', () => at.receiver.requests > before);
    await at.tell(1);
    assert.equal(at.ledger.missing('logs'), 0);
    gate.resolve();
    await waitFor('the rest', () => at.ledger.whereabouts('logs').spooled === 0);
    assert.equal(at.account().dropped.spool_full, 1);
    assert.equal(at.account().exported, 3);
    assert.equal(at.ledger.missing('logs'), 0);
    assert.deepEqual(at.receiver.items.logs, ['item-0;', 'item-2;', 'item-3;']);
  });

  it('drops what is older than the limit, and accounts for it', async () => {
    await using at = await rig({ ageMsMax: 1_000 });
    at.receiver.stop();
    await at.tell(3);
    await waitFor('the age limit', () => at.account().dropped.spool_too_old === 3);
    assert.equal(at.ledger.missing('logs'), 0);
    // Counted at once, removed a moment later.
    await waitFor('its file to be gone', async () => (await at.filesInSpool()).length === 0);
  });

  it('splits what is too large for one message, and drops only an item that is too large alone', async () => {
    await using at = await rig();
    at.receiver.stop();
    const big = 'x'.repeat(1_500_000);
    await at.tell(4, big);
    assert.equal((await at.filesInSpool()).length, 2);
    await at.tell(1, 'x'.repeat(5_000_000));
    assert.equal(at.account().dropped.too_large, 1);
    assert.equal(at.ledger.missing('logs'), 0);
    const back = await OtlpReceiver.start(at.receiver.port);
    await waitFor('the four', () => at.account().exported === 4);
    back.stop();
  });

  it('sends several requests, which may have several fates, by way of the disk', async () => {
    await using at = await rig({ ownSender: true });
    await at.tell(4, 'x'.repeat(1_500_000));
    await at.tell(1, 'x'.repeat(5_000_000));
    await waitFor('the four', () => at.account().exported === 4);
    assert.deepEqual([at.account().replayed, at.account().dropped.too_large], [4, 1]);
    assert.equal(at.ledger.missing('logs'), 0);
  });

  it('keeps a file that cannot be read for a moment, and sends all in order when it can', async () => {
    await using at = await rig({ troubled: true });
    at.receiver.stop();
    for (let batch = 0; batch < 3; batch += 1) await at.tell(2);
    const [first = ''] = await at.filesInSpool();
    const hidden = await hideFile(join(at.folder, 'logs', first));
    const back = await OtlpReceiver.start(at.receiver.port);
    await waitFor('the trouble to be told', () => /Cannot read spooled.*EISDIR/.test(at.troubles.join('\n')));
    assert.match(at.spool.trouble ?? '', /cannot be read.*EISDIR/);
    assert.equal(at.ledger.whereabouts('logs').spooled, 6);
    assert.equal((await at.filesInSpool()).length, 3);
    await hidden.show();
    await waitFor('the replay', () => at.account().exported === 6);
    assert.deepEqual(back.items.logs, itemsUpTo(6));
    assert.equal(at.ledger.missing('logs'), 0);
    assert.equal(at.spool.trouble, undefined);
    back.stop();
  });

  it('lets the next go first when one file stays unreadable, and neither spins nor drops it', async () => {
    await using at = await rig({ troubled: true });
    at.receiver.stop();
    for (let batch = 0; batch < 3; batch += 1) await at.tell(2);
    const [first = ''] = await at.filesInSpool();
    await hideFile(join(at.folder, 'logs', first));
    const back = await OtlpReceiver.start(at.receiver.port);
    await waitFor('the others', () => at.account().exported === 4);
    assert.deepEqual(back.items.logs, itemsUpTo(6).slice(2));
    await at.tell(2);
    assert.equal(at.account().exported, 6, 'what is set aside holds up nobody');
    assert.equal(at.ledger.whereabouts('logs').spooled, 2);
    assert.equal(at.ledger.missing('logs'), 0);
    back.stop();
  });

  it('gives up only a file that is empty or gone, with its word in the ledger', async () => {
    await using at = await rig({ troubled: true });
    at.receiver.stop();
    for (let batch = 0; batch < 3; batch += 1) await at.tell(2);
    const [first = '', second = ''] = await at.filesInSpool();
    await writeFile(join(at.folder, 'logs', first), '');
    await rm(join(at.folder, 'logs', second));
    const back = await OtlpReceiver.start(at.receiver.port);
    await waitFor('the third', () => at.account().exported === 2);
    assert.equal(at.account().dropped.spool_unreadable, 4);
    assert.equal(at.ledger.missing('logs'), 0);
    await waitFor('the third file to be removed', async () => (await at.filesInSpool()).length === 0);
    back.stop();
  });

  it('keeps in memory, in order, what the disk refuses, and writes it when the disk takes it again', async () => {
    await using at = await rig({ troubled: true });
    at.receiver.stop();
    const hidden = await hideFile(join(at.folder, 'logs'), 'file');
    for (let batch = 0; batch < 3; batch += 1) await at.tell(2);
    assert.deepEqual(at.ledger.whereabouts('logs'), { memory: 6, spooled: 0, spooledBytes: 0 });
    assert.equal(at.spool.writable, false);
    assert.equal(await at.spool.settled('logs'), false);
    assert.match(at.spool.trouble ?? '', /cannot be written.*VITRINE_SPOOL_MEMORY_BYTES_MAX/);
    assert.equal(at.ledger.missing('logs'), 0);
    await hidden.show();
    await waitFor('the disk', () => at.ledger.whereabouts('logs').spooled === 6);
    assert.equal(await at.spool.settled('logs'), true);
    assert.equal((await at.filesInSpool()).length, 3);
    const back = await OtlpReceiver.start(at.receiver.port);
    await waitFor('the replay', () => at.account().exported === 6);
    assert.deepEqual(back.items.logs, itemsUpTo(6));
    assert.equal(at.ledger.missing('logs'), 0);
    back.stop();
  });

  it('sends what waits in memory when the Collector comes back before the disk', async () => {
    await using at = await rig({ troubled: true });
    at.receiver.stop();
    await hideFile(join(at.folder, 'logs'), 'file');
    await at.tell(2);
    const back = await OtlpReceiver.start(at.receiver.port);
    await waitFor('the two', () => at.account().exported === 2);
    assert.deepEqual(at.ledger.whereabouts('logs'), { memory: 0, spooled: 0, spooledBytes: 0 });
    assert.equal(at.ledger.missing('logs'), 0);
    back.stop();
  });

  it('drops the newest, with its word, when there is room neither on disk nor in memory', async () => {
    await using at = await rig({ troubled: true, memoryBytesMax: 3_000 });
    at.receiver.stop();
    const hidden = await hideFile(join(at.folder, 'logs'), 'file');
    for (let batch = 0; batch < 5; batch += 1) await at.tell(1, 'x'.repeat(1_000));
    assert.equal(at.account().dropped.spool_unwritable, 3);
    assert.equal(at.ledger.missing('logs'), 0);
    await hidden.show();
    const back = await OtlpReceiver.start(at.receiver.port);
    await waitFor('the oldest two', () => at.account().exported === 2);
    assert.deepEqual(back.items.logs, itemsUpTo(2));
    assert.equal(at.ledger.missing('logs'), 0);
    back.stop();
  });

  it('tries the disk once more at a stop, and counts what it still refuses', async () => {
    await using at = await rig({ troubled: true });
    at.receiver.stop();
    const hidden = await hideFile(join(at.folder, 'logs'), 'file');
    await at.tell(2);
    const closing = at.spool.close(5_000);
    await hidden.show();
    await closing;
    assert.equal(at.ledger.whereabouts('logs').spooled, 2);
    await hideFile(join(at.folder, 'logs'), 'file');
    await at.tell(3);
    await at.spool.close(1);
    assert.equal(at.account().dropped.spool_unwritable, 3);
    assert.equal(at.ledger.missing('logs'), 0);
  });

  for (const [jump, byMs] of [
    ['forwards', 24 * 3_600_000],
    ['backwards', -24 * 3_600_000],
  ] as const)
    it(`drops nothing when the wall clock jumps ${jump}, before or after a restart`, async () => {
      await using folder = await temporaryFolder();
      using clock = wallClock();
      {
        await using at = await rig({ folder: folder.path });
        at.receiver.stop();
        await at.tell(2);
        clock.setTo(Date.now() + byMs);
        await at.tell(2);
        assert.equal(at.ledger.whereabouts('logs').spooled, 4);
      }
      await using next = await rig({ folder: folder.path });
      await waitFor('the recovered items', () => next.account().exported === 4);
      assert.deepEqual(next.receiver.items.logs, itemsUpTo(4));
    });

  it('finds again what was written by a clock that stood before 2001', async () => {
    await using folder = await temporaryFolder();
    using clock = wallClock();
    for (const [at, count] of [
      [12_345_678, 2],
      [-5_000, 3],
    ] as const) {
      clock.setTo(at);
      await using first = await rig({ folder: folder.path });
      first.receiver.stop();
      await first.tell(count);
    }
    await using second = await rig({ folder: folder.path });
    await waitFor('the recovered items', () => second.account().exported === 5);
    assert.equal(second.account().recovered, 5);
  });

  it('leaves on disk, at a stop with a deadline, what could not be sent', async () => {
    await using at = await rig();
    at.receiver.stop();
    await at.tell(4);
    await at.durable.flush(200);
    assert.equal((await at.filesInSpool()).length, 1);
    assert.equal(at.ledger.missing('logs'), 0);
  });
});

/** Something that is no file stands in its place; `file` for a folder. */
async function hideFile(path: string, as: 'file' | 'folder' = 'folder') {
  const kept = join(dirname(path), as === 'file' ? 'kept' : '../kept');
  await rename(path, kept);
  if (as === 'folder') await mkdir(path);
  else await writeFile(path, '');
  return {
    show: async () => {
      await rm(path, { recursive: true });
      await rename(kept, path);
    },
  };
}

function wallClock(): { setTo(ms: number): void } & Disposable {
  const real = Date.now;
  return {
    setTo: (ms) => {
      Date.now = () => ms;
    },
    [Symbol.dispose]: () => {
      Date.now = real;
    },
  };
}

type Rig = AsyncDisposable & {
  receiver: OtlpReceiver;
  spool: Spool;
  folder: string;
  troubles: string[];
  durable: DurableExport<ReadableLogRecord[]>;
  ledger: Ledger;
  refusals: string[];
  account: () => ReturnType<Ledger['account']>;
  tell: (count: number, padding?: string, isBehind?: boolean) => Promise<void>;
  filesInSpool: () => Promise<string[]>;
};

async function rig(
  options: {
    ownSender?: boolean;
    /** Its disk is expected to be in trouble. */
    troubled?: boolean;
    folder?: string;
    spoolAfterMs?: number;
    timeoutMs?: number;
    bytesMax?: number;
    memoryBytesMax?: number;
    ageMsMax?: number;
  } = {},
): Promise<Rig> {
  const ownFolder = await temporaryFolder();
  const folder = options.folder ?? ownFolder.path;
  const receiver = await OtlpReceiver.start();
  const ledger = new Ledger();
  const refusals: string[] = [];
  const partialSuccess = new PartialSuccess();
  diag.setLogger(
    diagnosticLogger(partialSuccess, () => undefined),
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const timeoutMs = options.timeoutMs ?? 1_000;
  const troubles: string[] = [];
  const spool = await Spool.open({
    folder,
    bytesMax: options.bytesMax ?? 100_000_000,
    memoryBytesMax: options.memoryBytesMax ?? 100_000_000,
    ageMsMax: options.ageMsMax ?? 3_600_000,
    ledger,
    onTrouble: (sentence) => troubles.push(sentence),
  });
  const sender = () =>
    new OtlpSender({
      signal: 'logs',
      target: `127.0.0.1:${receiver.port}`,
      credentials: credentials.createInsecure(),
      metadata: new Metadata(),
      timeoutMs,
      doubtfulAnswersMax: 4,
      deserialize: ProtobufLogsSerializer.deserializeResponse,
    });
  const own = bySender(sender());
  const durable = new DurableExport<ReadableLogRecord[]>({
    signal: 'logs',
    live: options.ownSender
      ? {
          send: (records, count) => own.send(logRequests(records), count),
          shutdown: () => own.shutdown(),
        }
      : byExporter(new OTLPLogExporter({ url: `http://127.0.0.1:${receiver.port}`, timeoutMillis: timeoutMs }), {
          signal: 'logs',
          partialSuccess,
        }),
    sender: sender(),
    serialize: logRequests,
    spool,
    ledger,
    spoolAfterMs: options.spoolAfterMs ?? 500,
    onRefused: (_signal, _items, reason) => refusals.push(reason),
  });
  let told = 0;
  return {
    receiver,
    spool,
    folder,
    troubles,
    durable,
    ledger,
    refusals,
    account: () => ledger.account('logs'),
    tell: async (count, padding = '', isBehind = false) => {
      const records = Array.from({ length: count }, () => record(`item-${told++};${padding}`));
      ledger.account('logs').made += count;
      await durable.accept(records, count, isBehind);
    },
    filesInSpool: () => readdir(join(folder, 'logs')),
    [Symbol.asyncDispose]: async () => {
      await durable.shutdown();
      receiver.stop();
      diag.disable();
      await ownFolder[Symbol.asyncDispose]();
      if (!options.troubled) assert.deepEqual(troubles, []);
    },
  };
}

function record(body: string): ReadableLogRecord {
  return {
    body,
    hrTime: [1, 0],
    hrTimeObserved: [1, 0],
    attributes: {},
    droppedAttributesCount: 0,
    resource: resourceFromAttributes({}),
    instrumentationScope: { name: 'test' },
  };
}

function itemsUpTo(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `item-${index};`);
}
