import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
import { migrate } from '../postgres/migrate.ts';
import { type Ask, type Database, openDatabase } from '../postgres/open-database.ts';
import { log } from '../telemetry/logger.ts';
import type { Meter } from '../telemetry/meter.ts';
import type { Alert } from './alert-webhook.ts';
import type { Remembered, Store } from './store.ts';

/** Longer than a receiver that is frozen keeps the lock (idle_in_transaction_session_timeout). */
const lockMsMax = 8_000;
const pulledMax = 10_000;

const deliverySchema = [
  `
  CREATE TABLE receiver_delivery (
    key text COLLATE "C" PRIMARY KEY,
    number bigint NOT NULL,
    state text NOT NULL,
    heard_ms bigint NOT NULL,
    alert text
  );
  CREATE UNIQUE INDEX receiver_delivery_by_number ON receiver_delivery (number);
  CREATE INDEX receiver_delivery_by_age ON receiver_delivery (heard_ms);
  CREATE SEQUENCE receiver_delivery_number;
  `,
];

/**
 * What several receivers of one name have taken, in the database that they share. One takes a
 * delivery at a time, after it has learned what the others took: an alert becomes one event.
 * While the database is silent each goes by its own memory, and an alert may become two.
 */
export class SharedDeliveries implements AsyncDisposable {
  readonly #store: Store;
  readonly #database: Database | undefined;
  readonly #rememberedMax: number;
  /** Called with alerts that another receiver has heard. */
  onHeard: (alerts: readonly Alert[]) => void = () => undefined;
  readonly #looking: NodeJS.Timeout | undefined;
  #prepared = false;
  #seen = 0;
  /** What the others have to learn yet. */
  #unsent: Remembered[] = [];
  #isSilent = false;
  #looked: Promise<void> | undefined;

  private constructor(store: Store, config: Config, database: Database | undefined) {
    this.#store = store;
    this.#database = database;
    this.#rememberedMax = config.receiverRememberedMax;
    if (!database) return;
    store.onRemembered = (remembered) => {
      this.#unsent.push(...remembered);
      this.#unsent.splice(0, this.#unsent.length - this.#rememberedMax);
    };
    this.#looking = setInterval(() => {
      this.#looked ??= this.#look().finally(() => {
        this.#looked = undefined;
      });
    }, config.databasePollMs).unref();
  }

  /** A receiver without a database is alone. */
  static async open(store: Store, config: Config, meter: Meter): Promise<SharedDeliveries> {
    const database = config.databaseUrl === '' ? undefined : await openDatabase(config, meter);
    return new SharedDeliveries(store, config, database);
  }

  /** Takes a delivery while no other receiver takes one. */
  async during<Done>(take: () => Promise<Done>): Promise<Done> {
    const database = this.#database;
    if (!database) return await take();
    let taking: Promise<Done> | undefined;
    try {
      await this.#prepare(database);
      await database.transaction('deliveries', async (ask) => {
        await ask('', `SELECT set_config('lock_timeout', $1, true)`, [`${lockMsMax}ms`]);
        await ask('deliveries_lock', 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
          `vitrine ${database.schema} deliveries`,
        ]);
        await this.#pull(ask);
        taking ??= take();
        // Who fails has remembered nothing, and answers for itself below.
        await taking.catch(() => undefined);
        await this.#push(ask);
      });
      this.#heard();
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      this.#silent(error);
    }
    return await (taking ?? take());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#looking);
    await this.#looked;
    await this.#database?.[Symbol.asyncDispose]();
  }

  /** The list of what fires, and the sign of life, are the same for all receivers. */
  async #look(): Promise<void> {
    const database = this.#database!;
    try {
      await this.#prepare(database);
      if (this.#unsent.length > 0) await this.during(async () => undefined);
      else await this.#pull(database.query);
      this.#heard();
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      this.#silent(error);
    }
  }

  async #prepare(database: Database): Promise<void> {
    if (this.#prepared) return;
    await migrate(database, 'receiver', deliverySchema);
    this.#prepared = true;
  }

  /** Numbers are in the order of the commits, since their writers have the lock. */
  async #pull(ask: Ask): Promise<void> {
    for (;;) {
      const rows = await ask(
        'deliveries_pull',
        `SELECT key, number, state, heard_ms, alert FROM receiver_delivery WHERE number > $1 ORDER BY number LIMIT ${pulledMax}`,
        [this.#seen],
      );
      const pulled = rows.map((row) => ({
        key: String(row.key),
        state: String(row.state),
        heardMs: Number(row.heard_ms),
        alert: typeof row.alert === 'string' ? (JSON.parse(row.alert) as Alert) : undefined,
      }));
      if (pulled.length === 0) return;
      this.#store.learn(pulled);
      this.#seen = Number(rows.at(-1)!.number);
      this.onHeard(pulled.flatMap(({ alert }) => (alert ? [alert] : [])));
    }
  }

  async #push(ask: Ask): Promise<void> {
    const sent = [...new Map(this.#unsent.map((each) => [each.key, each])).values()];
    if (sent.length === 0) return;
    await ask(
      'deliveries_push',
      `INSERT INTO receiver_delivery AS known (key, number, state, heard_ms, alert)
       SELECT key, nextval('receiver_delivery_number'), state, heard_ms, alert
       FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) AS given (key, state, heard_ms, alert)
       ON CONFLICT (key) DO UPDATE SET number = EXCLUDED.number, state = EXCLUDED.state, heard_ms = EXCLUDED.heard_ms,
         alert = EXCLUDED.alert`,
      [
        sent.map(({ key }) => key),
        sent.map(({ state }) => state),
        sent.map(({ heardMs }) => heardMs),
        sent.map(({ alert }) => (alert ? JSON.stringify(alert) : null)),
      ],
    );
    await ask(
      'deliveries_forget',
      `DELETE FROM receiver_delivery WHERE key IN (
         SELECT key FROM receiver_delivery ORDER BY heard_ms DESC OFFSET $1)`,
      [this.#rememberedMax],
    );
    this.#unsent = [];
  }

  #silent(error: ServiceError): void {
    if (!this.#isSilent)
      log('app', 'warn', `Deliveries are remembered by each receiver for itself: ${error.recorded}`, {
        event_type: 'deliveries_local',
      });
    this.#isSilent = true;
  }

  #heard(): void {
    if (this.#isSilent)
      log('app', 'info', 'Deliveries are remembered for all receivers again.', { event_type: 'deliveries_shared' });
    this.#isSilent = false;
  }
}
