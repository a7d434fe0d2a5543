import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { choosePort } from '../launcher/free-port.ts';
import { waitFor } from './wait-for.ts';

export type TestPostgres = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  /** A schema that nobody else has. */
  schema(): string;
  /** One question, on a connection of its own. */
  ask(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** SIGKILL: it recovers at the next start. */
  kill(): Promise<void>;
  /** Ends all connections and stops. */
  stop(): Promise<void>;
  start(): Promise<void>;
};

/**
 * A PostgreSQL of its own, in a temporary folder and on a free port. Without `durable` it leaves the
 * disk to the kernel, which outlives every kill of a process.
 */
export async function startPostgres({ durable = false } = {}): Promise<TestPostgres | { unavailable: string }> {
  const bin = await findBinaries();
  if (!bin) return { unavailable: 'PostgreSQL is not installed here (Debian: apt-get install postgresql)' };
  const user = await userOf();
  if (!user) return { unavailable: 'PostgreSQL does not run as root, and there is no user postgres' };
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-postgres-'));
  const data = join(folder, 'data');
  await chmod(folder, 0o755);
  await mkdir(data, { mode: 0o700 });
  if (user.uid !== process.getuid?.()) await chown(data, user.uid, user.gid);
  const as = { uid: user.uid, gid: user.gid, cwd: data, env: { LC_ALL: 'C', PATH: process.env.PATH } };
  const initial = ['-D', data, '-U', 'vitrine', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  await promisify(execFile)(join(bin, 'initdb'), initial, as);
  const port = await choosePort('127.0.0.1');
  const url = `postgres://vitrine@127.0.0.1:${port}/postgres`;
  const options = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '200',
    shared_buffers: '64MB',
    ...(!durable && { fsync: 'off', full_page_writes: 'off' }),
  };
  const line = ['-D', data, ...Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  let server: ChildProcess | undefined;
  let said = '';

  const ask = async (sql: string, values: readonly unknown[] = []) => {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query(sql, [...values])).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  };
  const start = async () => {
    server = spawn(join(bin, 'postgres'), line, { ...as, stdio: ['ignore', 'ignore', 'pipe'] });
    server.stderr?.on('data', (text) => (said = `${said}${text}`.slice(-20_000)));
    await waitFor(`PostgreSQL on ${port}`, async () => (await ask('SELECT 1')).length === 1, {
      deadlineMs: 120_000,
    }).catch((error: Error) => {
      throw new Error(`${error.message}: ${said}`, { cause: error });
    });
  };
  const end = async (signal: NodeJS.Signals) => {
    const ended = server;
    server = undefined;
    if (!ended || ended.exitCode !== null || ended.signalCode !== null) return;
    const exited = once(ended, 'exit');
    ended.kill(signal);
    await exited;
  };
  await start();
  let schemas = 0;
  return {
    url,
    port,
    ask,
    start,
    schema: () => `vitrine_${process.pid}_${++schemas}`,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGINT'),
    [Symbol.asyncDispose]: async () => {
      await end('SIGINT');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function findBinaries(): Promise<string | undefined> {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? (await readdir(debian)).sort((one, two) => Number(two) - Number(one)) : [];
  const folders = [...versions.map((each) => join(debian, each, 'bin')), ...(process.env.PATH ?? '').split(':')];
  return folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))));
}

/** PostgreSQL refuses to run as root. */
async function userOf(): Promise<{ uid: number; gid: number } | undefined> {
  const uid = process.getuid?.() ?? 0;
  if (uid !== 0) return { uid, gid: process.getgid?.() ?? 0 };
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((each) => each.startsWith('postgres:'));
  const [, , id, group] = line?.split(':') ?? [];
  return id === undefined || group === undefined ? undefined : { uid: Number(id), gid: Number(group) };
}
