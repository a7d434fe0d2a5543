import { recordedReason } from '../errors.ts';
import { pauseUnless } from '../resilience/pause-unless.ts';
import { log } from '../telemetry/logger.ts';
import type { Database } from './open-database.ts';

/** As much as one notification takes. */
const payloadBytesMax = 7_900;
const gatherMs = 10;

type Parts<Message> = {
  database: Database;
  name: string;
  /** Names this process: it does not hear itself. */
  owner: string;
  received: (message: Message) => void;
  /** The connection is new: what was sent meanwhile was not heard. */
  connected: () => void;
};

/**
 * Messages between the processes of a database, by LISTEN and NOTIFY on a connection of their own.
 * They may be lost: a listener looks for itself besides. Messages of some milliseconds go
 * together, since every notification takes a lock of the whole server.
 */
export class Channel<Message> implements AsyncDisposable {
  readonly #parts: Parts<Message>;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #client: Awaited<ReturnType<Database['connect']>> | undefined;
  #outgoing: string[] = [];
  #gathering: NodeJS.Timeout | undefined;
  /** One notification at a time on the connection. */
  #sending: Promise<void> | undefined;

  constructor(parts: Parts<Message>) {
    this.#parts = parts;
    this.#running = this.#run();
  }

  send(message: Message): void {
    if (!this.#client || this.#stopping.signal.aborted) return;
    const text = JSON.stringify(message);
    if (Buffer.byteLength(text) > payloadBytesMax - 100 || this.#outgoing.includes(text)) return;
    this.#outgoing.push(text);
    if (!this.#sending) this.#gathering ??= setTimeout(() => this.#flush(), gatherMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sending;
    this.#flush();
    await this.#sending;
    this.#stopping.abort();
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
    await this.#running;
  }

  #flush(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    const client = this.#client;
    const texts = this.#outgoing;
    this.#outgoing = [];
    if (!client || texts.length === 0) return;
    const payloads: string[] = [];
    while (texts.length > 0) {
      const some: string[] = [];
      for (let bytes = 100; texts.length > 0; ) {
        bytes += Buffer.byteLength(texts[0]!) + 1;
        if (bytes > payloadBytesMax) break;
        some.push(texts.shift()!);
      }
      payloads.push(`{"from":${JSON.stringify(this.#parts.owner)},"messages":[${some.join(',')}]}`);
    }
    this.#sending = client
      .query('SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload', [this.#parts.name, payloads])
      .then(
        () => undefined,
        () => client.end().catch(() => undefined),
      )
      .then(() => {
        this.#sending = undefined;
        if (this.#outgoing.length > 0) this.#gathering = setTimeout(() => this.#flush(), gatherMs);
      });
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    for (let waitMs = 100; !signal.aborted; waitMs = Math.min(5_000, waitMs * 2)) {
      try {
        await this.#listen();
        waitMs = 100;
      } catch (error) {
        log('app', 'debug', `The database’s notifications are not heard: ${recordedReason(error)}`, {
          event_type: 'database_not_heard',
        });
      }
      await pauseUnless(signal, waitMs, { ref: false });
    }
  }

  /** Until the connection ends. */
  async #listen(): Promise<void> {
    const { database, name, connected } = this.#parts;
    const client = await database.connect();
    const ended = Promise.withResolvers<void>();
    client.once('end', () => ended.resolve());
    client.once('error', () => ended.resolve());
    client.on('notification', ({ payload = '' }) => this.#hear(payload));
    try {
      await client.query(`LISTEN "${name}"`);
      if (this.#stopping.signal.aborted) return;
      this.#client = client;
      connected();
      await ended.promise;
    } finally {
      if (this.#client === client) this.#client = undefined;
      await client.end().catch(() => undefined);
    }
  }

  #hear(payload: string): void {
    const { owner, received } = this.#parts;
    try {
      const { from, messages } = JSON.parse(payload) as { from: string; messages: Message[] };
      if (from === owner) return;
      for (const message of messages) received(message);
    } catch (error) {
      log('app', 'debug', `A notification of the database was not understood: ${recordedReason(error)}`, {
        event_type: 'database_not_heard',
      });
    }
  }
}
