import { context, trace } from '@opentelemetry/api';
import type { Client, ClientConfig, Pool, PoolClient } from 'pg';
import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
import type { Meter } from '../telemetry/meter.ts';
import { attribute } from '../telemetry/names/names.ts';
import { inSpan } from '../telemetry/spans.ts';
import { asDatabaseFailure, isConnectionGood } from './postgres-failures.ts';

export type DatabaseConfig = Pick<
  Config,
  | 'databaseUrl'
  | 'databaseSchema'
  | 'databaseConnectionsMax'
  | 'databaseWaitMsMax'
  | 'databaseStatementMsMax'
  | 'databaseLockMsMax'
>;

export type Row = Record<string, unknown>;

/** Asks on one connection: inside a transaction, or by itself. */
export type Ask = (name: string, text: string, values?: readonly unknown[]) => Promise<Row[]>;

/** PostgreSQL behind a pool of connections that is bounded, timed and measured. */
export type Database = AsyncDisposable & {
  /** `name` says in metrics and spans what is asked. Prepared once for each connection. */
  readonly query: Ask;
  /** All or nothing. The statements of `act` may run a second time after a conflict. */
  transaction<T>(name: string, act: (ask: Ask) => Promise<T>): Promise<T>;
  /** A connection of its own, for LISTEN; its user ends it. */
  connect(): Promise<Client>;
  readonly schema: string;
};

/** The driver is loaded only where there is a database. */
export async function openDatabase(config: DatabaseConfig, meter: Meter): Promise<Database> {
  const { default: pg } = await import('pg');
  const options = connectionOptions(config, pg.types);
  const pool = new pg.Pool({
    ...options,
    max: config.databaseConnectionsMax,
    idleTimeoutMillis: 30_000,
    allowExitOnIdle: true,
  });
  // A connection that ends while nobody uses it is replaced by the next query.
  pool.on('error', () => undefined);
  // One that ends between two statements fails the next of them, and must not end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return new PooledDatabase({
    pool,
    meter,
    schema: config.databaseSchema,
    connect: async () => {
      const client = new pg.Client(options);
      client.on('error', () => undefined);
      try {
        await client.connect();
        return client;
      } catch (error) {
        client.end().catch(() => undefined);
        throw asDatabaseFailure(error);
      }
    },
  });
}

function connectionOptions(config: DatabaseConfig, types: typeof import('pg').types): ClientConfig {
  const { databaseUrl, databaseSchema, databaseStatementMsMax: statementMs } = config;
  if (!/^postgres(ql)?:\/\//.test(databaseUrl))
    throw new ServiceError(
      'invalid_setting',
      'Cannot start: VITRINE_DATABASE_URL is no address of PostgreSQL; write postgres://user@host:5432/database.',
    );
  if (!/^[a-z_][a-z0-9_]{0,50}$/.test(databaseSchema))
    throw new ServiceError(
      'invalid_setting',
      'Cannot start: VITRINE_DATABASE_SCHEMA is no plain name; write small letters, digits and _.',
    );
  return {
    connectionString: databaseUrl,
    application_name: 'vitrine',
    connectionTimeoutMillis: config.databaseWaitMsMax,
    statement_timeout: statementMs,
    lock_timeout: config.databaseLockMsMax,
    // A process that is frozen inside a transaction must not hold its locks.
    idle_in_transaction_session_timeout: Math.min(5_000, statementMs),
    // The server may be frozen, or cut off without a word.
    query_timeout: statementMs + 2_000,
    keepAlive: true,
    options: `-c search_path=${databaseSchema}`,
    types: {
      // Counts and milliseconds since 1970 are exact as numbers.
      getTypeParser: ((oid: number, format?: 'text') =>
        oid === int8 ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
    },
  };
}

const int8 = 20;

type Parts = { pool: Pool; meter: Meter; schema: string; connect: () => Promise<Client> };

class PooledDatabase implements Database {
  readonly #pool: Pool;
  readonly #meter: Meter;
  readonly schema: string;
  readonly connect: () => Promise<Client>;

  constructor({ pool, meter, schema, connect }: Parts) {
    this.#pool = pool;
    this.#meter = meter;
    this.schema = schema;
    this.connect = connect;
    meter.observe((observe) => {
      observe('databaseConnections', pool.idleCount, 'idle');
      observe('databaseConnections', pool.totalCount - pool.idleCount, 'used');
      observe('databaseConnectionsWaiting', pool.waitingCount);
    });
  }

  query: Ask = (name, text, values = []) =>
    this.#measured(name, () => this.#onConnection((client) => ask(client, name, text, values)));

  transaction<T>(name: string, act: (ask: Ask) => Promise<T>): Promise<T> {
    return this.#measured(name, async () => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await this.#onConnection((client) => inTransaction(client, act));
        } catch (error) {
          const isConflict = /^40/.test(String((error as { code?: unknown }).code));
          if (!isConflict || attempt === conflictsMax) throw error;
        }
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.end();
  }

  async #onConnection<T>(act: (client: PoolClient) => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const client = await this.#pool.connect();
    this.#meter
      .histogram('databaseWaitSeconds')
      .series()
      .record((performance.now() - startedAt) / 1000);
    let failure: unknown;
    try {
      return await act(client);
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      // A connection whose state is not known is closed.
      client.release(failure !== undefined && !isConnectionGood(failure));
    }
  }

  /** A span within the work that asks; a query that belongs to no work has none. */
  async #measured<T>(name: string, act: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    let outcome = '';
    try {
      if (!trace.getSpanContext(context.active())) return await act();
      const attributes = { [attribute.dbSystem]: 'postgresql', [attribute.dbOperation]: name };
      return await inSpan('databaseQuery', { attributes }, act);
    } catch (thrown) {
      const error = asDatabaseFailure(thrown);
      outcome = error instanceof ServiceError ? error.code : 'internal';
      throw error;
    } finally {
      this.#meter
        .histogram('databaseQuerySeconds')
        .series(name, outcome)
        .record((performance.now() - startedAt) / 1000);
    }
  }
}

const conflictsMax = 5;

async function ask(client: PoolClient, name: string, text: string, values: readonly unknown[]): Promise<Row[]> {
  return (await client.query<Row>({ name, text, values: [...values] })).rows;
}

async function inTransaction<T>(client: PoolClient, act: (ask: Ask) => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  try {
    const answer = await act((name, text, values = []) => ask(client, name, text, values));
    await client.query('COMMIT');
    return answer;
  } catch (error) {
    if (isConnectionGood(error)) await client.query('ROLLBACK');
    throw error;
  }
}
