import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { choosePort } from '../launcher/free-port.ts';
import { type Haproxy, startHaproxy } from './haproxy.ts';
import { type NetworkCut, startNetworkCut } from './network-cut.ts';
import type { TestPostgres } from './postgres.ts';
import type { S3Server } from './s3/s3-server.ts';
import { type ServiceProcess, startService } from './service-process.ts';
import { waitFor } from './wait-for.ts';

/** What may happen to a part while the others work. */
export const faultKinds = [
  'replica killed',
  'replica stopped in order',
  'replica frozen',
  'database killed',
  'database restarted',
  'S3 stopped',
  'network cut',
] as const;
export type FaultKind = (typeof faultKinds)[number];

type Parts = {
  readonly folder: string;
  readonly env: (replica: number) => Record<string, string>;
  readonly database: TestPostgres;
  readonly s3: S3Server;
  readonly freezeMs: number;
};

type DrillReplica = {
  readonly ports: { http: number; replicas: number };
  readonly toDatabase: NetworkCut;
  readonly toS3: NetworkCut;
  service: ServiceProcess;
};

/** Three replicas behind HAProxy. Each has ways to the database and to S3 that can be cut. */
export class ReplicasDrill implements AsyncDisposable {
  readonly replicas: DrillReplica[] = [];
  readonly #parts: Parts;
  readonly #stack = new AsyncDisposableStack();
  #balancer: Haproxy | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The reason where this machine has no HAProxy. */
  async start(): Promise<{ unavailable: string } | undefined> {
    const { database, s3 } = this.#parts;
    const starting: Promise<DrillReplica>[] = [];
    for (let at = 0; at < 3; at += 1) {
      const ports = { http: await choosePort('127.0.0.1'), replicas: await choosePort('127.0.0.1') };
      const toDatabase = this.#stack.use(await startNetworkCut(database.port));
      const toS3 = this.#stack.use(await startNetworkCut(Number(new URL(s3.endpoint).port)));
      const ways = { ports, toDatabase, toS3 };
      starting.push(this.#serve(at, ways).then((service) => ({ ...ways, service })));
    }
    for (const started of await Promise.allSettled(starting)) {
      if (started.status === 'rejected') throw started.reason;
      this.replicas.push(started.value);
    }
    const [one, two, three] = this.replicas.map(({ service }) => service.url) as [string, string, string];
    const balancer = await startHaproxy([one, two, three]);
    if ('unavailable' in balancer) return balancer;
    this.#balancer = this.#stack.use(balancer);
    return undefined;
  }

  get url(): string {
    return this.#balancer!.url;
  }

  /** Makes one happen and mends it; answers in words what happened. */
  async make(kind: FaultKind, random: () => number): Promise<string> {
    const { database, s3, freezeMs } = this.#parts;
    const at = Math.floor(random() * this.replicas.length);
    const replica = this.replicas[at]!;
    switch (kind) {
      case 'replica killed':
      case 'replica stopped in order':
        await replica.service.kill(kind === 'replica killed' ? 'SIGKILL' : 'SIGTERM');
        // One that is back before the balancer has missed it is sent work that it cannot do yet:
        // docs/balancer.md has supervisors wait as well.
        await waitFor('it to be down', async () => !(await this.#balancer!.isUp(at + 1)), { deadlineMs: 60_000 });
        replica.service = await this.#serve(at, replica);
        await this.untilUp();
        break;
      case 'replica frozen':
        process.kill(replica.service.pid, 'SIGSTOP');
        await pause(freezeMs);
        process.kill(replica.service.pid, 'SIGCONT');
        await this.untilUp();
        break;
      case 'database killed':
        await database.kill();
        await database.start();
        return kind;
      case 'database restarted':
        await database.stop();
        await pause(500 + random() * 1_500);
        await database.start();
        return kind;
      case 'S3 stopped':
        await s3.stop();
        await pause(500 + random() * 1_500);
        await s3.start();
        return kind;
      case 'network cut':
        replica.toDatabase.cut();
        replica.toS3.cut();
        await pause(freezeMs);
        replica.toDatabase.heal();
        replica.toS3.heal();
    }
    return `${kind} (${at + 1})`;
  }

  async untilUp(): Promise<void> {
    await waitFor(
      'all replicas to be up',
      async () => (await Promise.all([1, 2, 3].map((one) => this.#balancer!.isUp(one)))).every(Boolean),
      { deadlineMs: 120_000 },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { service } of this.replicas) await service[Symbol.asyncDispose]();
    await this.#stack.disposeAsync();
  }

  #serve(at: number, { ports, toDatabase, toS3 }: Omit<DrillReplica, 'service'>): Promise<ServiceProcess> {
    const { folder, env, database, s3 } = this.#parts;
    return startService(
      {
        ...env(at),
        ...s3.credentials,
        VITRINE_PORT: String(ports.http),
        VITRINE_REPLICA_PORT: String(ports.replicas),
        VITRINE_DATA: join(folder, `replica-${at + 1}`),
        VITRINE_DATABASE_URL: database.url.replace(`:${database.port}/`, `:${toDatabase.port}/`),
        VITRINE_FILES: `s3://${s3.bucket}/drill`,
        VITRINE_S3_ENDPOINT: `http://127.0.0.1:${toS3.port}`,
      },
      { deadlineMs: 300_000 },
    );
  }
}
