import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
import { say } from '../sentence.ts';
import { inTransaction } from '../sqlite/in-transaction.ts';
import { openOrSetAside } from '../sqlite/open-or-set-aside.ts';
import { isOfSqlite } from '../sqlite/sqlite-failures.ts';
import type { Alert } from './alert-webhook.ts';
import { oneForEachFault } from './one-fault.ts';
import type { Series } from './series.ts';

/** A firing alert as the list shows it. */
export const forgettable = ['delivery', 'alert', 'series'] as const;

/** Called when the store drops entries to stay within its limits. */
type OnForgotten = (what: (typeof forgettable)[number], count: number) => void;

/** What was taken, for other receivers: the state of an alert, or that a delivery was taken. */
export type Remembered = {
  readonly key: string;
  readonly state: string;
  readonly heardMs: number;
  readonly alert: Alert | undefined;
};

export type FiringAlert = Omit<Alert, 'state' | 'endsAt'> & { toldAt: string };

/**
 * What the receiver must know after a restart: which deliveries it has taken, what is firing, and
 * the sums of pushed series. Each has a limit. It survives the process, not the power supply: there
 * is no fsync at a commit.
 */
export class Store {
  /** Called with what a limit made the store drop. */
  onForgotten: OnForgotten = () => undefined;
  /** Called with what was remembered here. */
  onRemembered: (remembered: readonly Remembered[]) => void = () => undefined;
  /** Where an unreadable store of before was put. */
  readonly setAside: string | undefined;
  readonly #database: DatabaseSync;
  readonly #rememberedMax: number;
  readonly #firingAgeMsMax: number;
  #writable = true;
  #readable = true;

  private constructor(database: DatabaseSync, config: Config, setAside?: string) {
    this.#database = database;
    this.setAside = setAside;
    this.#rememberedMax = config.receiverRememberedMax;
    this.#firingAgeMsMax = config.receiverFiringAgeMsMax;
  }

  /** Opens the store in this folder. A damaged one is set aside: an alert must not be lost for it. */
  static open(folder: string, config: Config): Store {
    const file = join(folder, 'receiver.sqlite');
    const { database, setAside } = openOrSetAside(
      {
        file,
        synchronous: 'NORMAL',
        migrations,
        remedyForNewer: 'start that version, or move the file away, which forgets what was firing',
      },
      { who: 'receiver', setAside: () => moveAside(file) },
    );
    return new Store(database, config, setAside);
  }

  /** False after the database failed, until it works again. */
  get works(): boolean {
    return this.#writable && this.#readable;
  }

  /** All or nothing. A disk that is full is a failure that the sender may try again. */
  inTransaction(write: () => void): void {
    const failure = this.#write(write);
    if (!failure) return;
    throw new ServiceError(
      'not_kept',
      say`Cannot take this now: it cannot be remembered; send it again, and free the disk of VITRINE_DATA.`,
      { cause: failure, retryAfterMs: 1_000 },
    );
  }

  hasDelivery(key: string): boolean {
    return this.#read(() => this.#database.prepare('SELECT 1 FROM delivery WHERE key = ?').get(key)) !== undefined;
  }

  rememberDelivery(key: string, now: number): void {
    this.#rememberState(key, 'taken', now);
    this.#keepWithin('delivery', 'delivery');
    this.onRemembered([{ key, state: 'taken', heardMs: now, alert: undefined }]);
  }

  /** Remembers what other receivers have taken. */
  learn(remembered: readonly Remembered[]): void {
    this.inTransaction(() => {
      for (const { key, state, heardMs, alert } of remembered) {
        this.#rememberState(key, state, heardMs);
        if (alert) this.#list(alert, state, heardMs);
      }
      this.#keepWithin('delivery', 'delivery');
      this.#keepWithin('firing', 'alert');
    });
  }

  /** The last logged state of this alert since it began, so of the same `startsAt`. */
  stateOf(alert: Alert): string | undefined {
    const row = this.#read(() =>
      this.#database.prepare('SELECT state FROM delivery WHERE key = ?').get(deliveryKey(alert)),
    );
    return typeof row?.state === 'string' ? row.state : undefined;
  }

  /**
   * Remembers the states and brings the list up to date; the last word wins. A firing alert that was
   * resolved before is firing again, even with the same `startsAt`: Alertmanager says so when it had
   * lost sight of Prometheus for a while.
   */
  rememberAlerts(alerts: readonly Alert[], now: number): void {
    for (const alert of alerts) {
      this.#rememberState(deliveryKey(alert), alert.state, now);
      this.#list(alert, alert.state, now);
    }
    this.#keepWithin('delivery', 'delivery');
    this.#keepWithin('firing', 'alert');
    this.onRemembered(alerts.map((alert) => ({ key: deliveryKey(alert), state: alert.state, heardMs: now, alert })));
  }

  /** On the list where it fires. */
  #list(alert: Alert, state: string, now: number): void {
    if (state === 'firing')
      this.#database
        .prepare('INSERT OR REPLACE INTO firing (key, starts_at, told_ms, alert) VALUES (?, ?, ?, ?)')
        .run(listKey(alert), alert.startsAt, now, JSON.stringify(alert));
    else this.#database.prepare('DELETE FROM firing WHERE key = ?').run(listKey(alert));
  }

  /** What is firing, the longest first, as far as one answer should go. */
  firing(): FiringAlert[] {
    const rows = this.#read(() =>
      this.#database.prepare('SELECT alert, told_ms FROM firing ORDER BY starts_at, key LIMIT ?').all(listedMax),
    );
    return rows.map((row) => {
      const { state: _state, endsAt: _endsAt, ...alert } = JSON.parse(String(row.alert)) as Alert;
      return { ...alert, toldAt: new Date(Number(row.told_ms)).toISOString() };
    });
  }

  get firingCount(): number {
    return this.#read(() => this.#count('firing'));
  }

  /** How many faults of each name fire, each at its worst. */
  firingByName(): { name: string; severity: string; count: number }[] {
    const rows = this.#read(() => this.#database.prepare('SELECT alert FROM firing').all());
    const faults = oneForEachFault(rows.map((row) => JSON.parse(String(row.alert)) as Alert));
    const groups = Map.groupBy(faults, ({ name, severity }) => JSON.stringify([severity, name]));
    return [...groups.values()]
      .map((group) => ({ name: group[0]!.name, severity: group[0]!.severity, count: group.length }))
      .sort((a, b) => b.count - a.count || a.name.localeCompare(b.name) || a.severity.localeCompare(b.severity));
  }

  /** Takes off the list, and answers, what nobody has repeated for too long. */
  takeExpired(now: number): Alert[] {
    let rows: Record<string, unknown>[] = [];
    const failure = this.#write(() => {
      rows = this.#database
        .prepare('DELETE FROM firing WHERE told_ms < ? RETURNING alert')
        .all(now - this.#firingAgeMsMax);
    });
    // Still on the list then, and tried again at the next look.
    if (failure || rows.length === 0) return [];
    this.onForgotten('alert', rows.length);
    const expired = rows.map((row) => JSON.parse(String(row.alert)) as Alert);
    // To the others it has gone from the list; should it come again, it is an event again.
    this.onRemembered(expired.map((alert) => ({ key: deliveryKey(alert), state: 'expired', heardMs: now, alert })));
    return expired;
  }

  loadSeries(): Series[] {
    const rows = this.#database.prepare('SELECT series FROM series').all();
    return rows.map((row) => JSON.parse(String(row.series)) as Series);
  }

  saveSeries(all: readonly Series[]): void {
    const save = this.#database.prepare('INSERT OR REPLACE INTO series (key, series) VALUES (?, ?)');
    for (const series of all) save.run(series.key, JSON.stringify(series));
  }

  /**
   * As `saveSeries`, outside of a delivery: an export must go on when the disk is full. What is not
   * saved is exported a second time as new.
   */
  saveSeriesIfPossible(all: readonly Series[]): void {
    this.#write(() => this.saveSeries(all));
  }

  /** When that cannot be written, the next start finds them again, and they are as old then. */
  forgetSeries(keys: readonly string[]): void {
    this.#write(() => {
      const forget = this.#database.prepare('DELETE FROM series WHERE key = ?');
      for (const key of keys) forget.run(key);
    });
    this.onForgotten('series', keys.length);
  }

  close(): void {
    this.#database.close();
  }

  /** What cannot be read now is a failure that the asker may try again. */
  #read<Answer>(read: () => Answer): Answer {
    try {
      const answer = read();
      this.#readable = true;
      return answer;
    } catch (error) {
      if (!isOfSqlite(error)) throw error;
      this.#readable = false;
      throw new ServiceError(
        'not_kept',
        say`Cannot answer now: what was taken before cannot be read; ask again, and look at the disk of VITRINE_DATA.`,
        { cause: error, retryAfterMs: 1_000 },
      );
    }
  }

  /** Answers the database's failure, and remembers it for /health. */
  #write(write: () => void): Error | undefined {
    try {
      inTransaction(this.#database, write);
      this.#writable = true;
      return undefined;
    } catch (error) {
      if (!isOfSqlite(error)) throw error;
      this.#writable = false;
      return error;
    }
  }

  #rememberState(key: string, state: string, now: number): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO delivery (key, state, told_ms) VALUES (?, ?, ?)')
      .run(key, state, now);
  }

  /** Drops the oldest. */
  #keepWithin(table: 'delivery' | 'firing', what: 'delivery' | 'alert'): void {
    const over = this.#count(table) - this.#rememberedMax;
    if (over <= 0) return;
    this.#database
      .prepare(`DELETE FROM ${table} WHERE key IN (SELECT key FROM ${table} ORDER BY told_ms LIMIT ?)`)
      .run(over);
    this.onForgotten(what, over);
  }

  #count(table: 'delivery' | 'firing'): number {
    return Number(this.#database.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.count);
  }
}

/** Alerts in one answer of GET /alerts. */
const listedMax = 1_000;

const migrations = [
  `
  CREATE TABLE IF NOT EXISTS delivery (key TEXT PRIMARY KEY, state TEXT NOT NULL, told_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS delivery_by_age ON delivery (told_ms);
  CREATE TABLE IF NOT EXISTS firing (key TEXT PRIMARY KEY, starts_at TEXT NOT NULL, told_ms INTEGER NOT NULL, alert TEXT NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS firing_by_age ON firing (told_ms);
  CREATE TABLE IF NOT EXISTS series (key TEXT PRIMARY KEY, series TEXT NOT NULL) STRICT;
  `,
];

/**
 * The log first. A database without its log is set aside again by the next start; a new one with an
 * old log would mix both.
 */
function moveAside(file: string): string {
  const aside = `${file}.unreadable-${Date.now()}`;
  for (const suffix of ['-wal', ''])
    if (existsSync(`${file}${suffix}`)) renameSync(`${file}${suffix}`, `${aside}${suffix}`);
  return aside;
}

function deliveryKey(alert: Alert): string {
  return `alert:${alert.source}:${alert.fingerprint}:${alert.startsAt}`;
}

function listKey(alert: Alert): string {
  return `${alert.source}:${alert.fingerprint}`;
}
