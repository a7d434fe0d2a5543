import { readFile } from 'node:fs/promises';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import type { Database } from '../../postgres/open-database.ts';
import { replicaAddress } from '../../replica-address.ts';
import { say } from '../../sentence.ts';
import { CertificateFiles, named } from '../../tls/certificate-files.ts';
import type { Other } from '../processes/other.ts';

/** A process that shares the database, as the database has it. */
export type ReplicaStanding = {
  /** Over its restarts. */
  readonly name: string;
  readonly version: string;
  /** Where the others ask it; undefined of one that is not asked. */
  readonly address: string | undefined;
  readonly startedMs: number;
};

const lookEveryMs = 1_000;
const standingsMax = 1_000;
const secretCharsMin = 16;

/** The replicas that share this one's database, and how they are asked. */
export class Replicas implements Disposable {
  /** Proves that a question comes from a replica; undefined where a certificate does. */
  readonly secret: string | undefined;
  /** Certificate, key and authority of the replicas. */
  readonly files: CertificateFiles | undefined;
  readonly #own: string | undefined;
  readonly #database: Database;
  #look: { at: number; found: Promise<readonly ReplicaStanding[]> } | undefined;
  #last: readonly ReplicaStanding[] = [];

  private constructor(
    config: Config,
    database: Database,
    proof: { secret: string | undefined; files: CertificateFiles | undefined },
  ) {
    this.#database = database;
    this.#own = replicaAddress(config);
    this.secret = proof.secret;
    this.files = proof.files;
  }

  /** Ends the start where the settings do not fit together. */
  static async open(config: Config, database: Database | undefined): Promise<Replicas | undefined> {
    if (!database) {
      if (config.replicaPort === 0) return undefined;
      throw new ServiceError(
        'invalid_setting',
        say`Cannot use VITRINE_REPLICA_PORT: replicas find each other in a database; set VITRINE_DATABASE_URL, or leave the port out.`,
      );
    }
    const proof = { secret: await readSecret(config), files: await openFiles(config) };
    if (config.replicaPort !== 0 && proof.secret === undefined && !proof.files)
      throw new ServiceError(
        'invalid_setting',
        say`Cannot use VITRINE_REPLICA_PORT: nothing proves that a question comes from a replica; name VITRINE_REPLICA_SECRET_FILE, or the three files of VITRINE_REPLICA_TLS_….`,
      );
    return new Replicas(config, database, proof);
  }

  /** All, this one included. While the database is silent, the replicas of its last answer. */
  async all(): Promise<readonly ReplicaStanding[]> {
    const now = performance.now();
    if (this.#look === undefined || now - this.#look.at >= lookEveryMs) this.#look = { at: now, found: this.#find() };
    return await this.#look.found;
  }

  /** The other machines, each once however many processes it has. */
  async others(): Promise<Other[]> {
    if (this.#own === undefined) return [];
    const all = await this.all();
    const addresses = new Set(all.flatMap(({ address }) => (address === undefined ? [] : [address])));
    addresses.delete(this.#own);
    const unreached = all.filter(({ address }) => address === undefined).map(({ name }) => ({ name }));
    return [...[...addresses].map((address) => this.#otherAt(address)), ...unreached];
  }

  [Symbol.dispose](): void {
    this.files?.[Symbol.dispose]();
  }

  #otherAt(address: string): Other {
    const { hostname, port } = new URL(`http://${address}`);
    const { cert, key, ca } = this.files?.now ?? {};
    const options = {
      host: hostname.replace(/^\[|\]$/g, ''),
      port,
      // A certificate of the replicas' authority proves a replica, whatever its name.
      ...(this.files && { cert, key, ca, checkServerIdentity: () => undefined }),
    };
    return { name: address, way: { options, isSecure: this.files !== undefined, secret: this.secret ?? '' } };
  }

  async #find(): Promise<readonly ReplicaStanding[]> {
    try {
      const rows = await this.#database.query(
        'replicas',
        `SELECT name, version, address, extract(epoch FROM started_at)::float8 * 1000 AS started FROM replica
         WHERE lease_until > clock_timestamp() ORDER BY name LIMIT ${standingsMax}`,
      );
      this.#last = rows.map(({ name, version, address, started }) => ({
        name: String(name),
        version: String(version),
        address: typeof address === 'string' ? address : undefined,
        startedMs: Number(started),
      }));
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
    }
    return this.#last;
  }
}

async function readSecret({ replicaSecretFile: file }: Config): Promise<string | undefined> {
  if (file === '') return undefined;
  const secret = (await readFile(file, 'utf8').catch(unusable)).trim();
  if (secret.length < secretCharsMin || !/^[\x21-\x7e]+$/.test(secret))
    throw unusable(
      new Error(`it has to be one line of ${secretCharsMin} characters at least, letters, digits and signs`),
    );
  return secret;
}

function unusable(cause: unknown): never {
  throw new ServiceError(
    'invalid_setting',
    say`Cannot use VITRINE_REPLICA_SECRET_FILE: ${cause instanceof Error ? cause.message : String(cause)}; name a file with the secret that all replicas share.`,
    { cause },
  );
}

async function openFiles(config: Config): Promise<CertificateFiles | undefined> {
  const { replicaTlsCertFile: cert, replicaTlsKeyFile: key, replicaTlsCaFile: ca } = config;
  if (cert === '' && key === '' && ca === '') return undefined;
  if (ca === '')
    throw new ServiceError(
      'invalid_setting',
      say`Cannot use VITRINE_REPLICA_TLS_CERT_FILE alone: replicas know each other by their authority; name it in VITRINE_REPLICA_TLS_CA_FILE.`,
    );
  return await CertificateFiles.open({
    of: 'the way to other replicas',
    certificate: named(cert, 'VITRINE_REPLICA_TLS_CERT_FILE'),
    key: named(key, 'VITRINE_REPLICA_TLS_KEY_FILE'),
    authority: named(ca, 'VITRINE_REPLICA_TLS_CA_FILE'),
  });
}
