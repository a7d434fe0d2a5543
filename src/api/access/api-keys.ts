import { hash, randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';
import { log } from '../../telemetry/logger.ts';
import { matchesPattern } from './model-pattern.ts';

/** What the administrator and callers without a key are called as tenants. */
export const reservedTenants = ['admin', 'anonymous'];

const perMinute = z.int().min(1).max(1_000_000_000);

export const tenantPattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** What a key allows; a token's claims may say the same. */
export const keyRights = z.strictObject({
  models: z.array(z.string().min(1)).default(['*']).describe('Models that may be used; * stands for any text.'),
  infer_per_minute: perMinute.optional().describe('Instead of VITRINE_INFER_PER_MINUTE_MAX.'),
  tasks_per_minute: perMinute.optional().describe('Instead of VITRINE_TASKS_PER_MINUTE_MAX.'),
  may_profile: z.boolean().default(false).describe('May ask for an operator profile of a request.'),
});

/** The file named by VITRINE_API_KEYS_FILE. It holds no key, only what a key is recognised by. */
export const apiKeysSchema = z.strictObject({
  keys: z.array(
    z.strictObject({
      name: z.string().regex(tenantPattern).describe('The tenant: what quotas, logs and metrics call the holder.'),
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional()
        .describe(
          'SHA-256 of the key, in lower-case hex. Good enough because a key is 32 random bytes, not a password.',
        ),
      certificate_names: z
        .array(z.string().regex(/^(dns|uri|email|cn):.{1,500}$/))
        .min(1)
        .optional()
        .describe(
          'Names in a client certificate that stand for the key (VITRINE_TLS_CLIENT_CA_FILE): dns:, uri: and email: are its alternative names, cn: its common name.',
        ),
      ...keyRights.shape,
    }),
  ),
});

/** The entries of the file, by what a holder of one shows. */
type Known = { readonly byHash: ReadonlyMap<string, ApiKey>; readonly byCertificateName: ReadonlyMap<string, ApiKey> };

export type ApiKey = {
  readonly name: string;
  readonly inferPerMinute: number | undefined;
  readonly tasksPerMinute: number | undefined;
  readonly mayProfile: boolean;
  readonly mayAdminister: boolean;
  mayUse(model: string): boolean;
};

/** The keys in force differ from the file, which cannot be used. */
export type StaleKeys = { since: Date; reason: string };

/**
 * The keys in the file, and again when it has changed. A change that cannot be used is logged and
 * leaves the keys as they were. It is tried again at each look: a removed key must not stay valid
 * because of one bad moment.
 */
export class ApiKeys {
  readonly #file: string;
  #known: Known;
  /** What the file looked like before it was read; only one that could be used is remembered. */
  #mark: string;
  #watch: NodeJS.Timeout | undefined;
  #stale: StaleKeys | undefined;
  #isLooking = false;
  #onRead: (() => void) | undefined;

  private constructor(file: string, known: Known, mark: string) {
    this.#file = file;
    this.#known = known;
    this.#mark = mark;
  }

  static async open(file: string, { lookAgainMs = 2000 }: { lookAgainMs?: number } = {}): Promise<ApiKeys> {
    try {
      const mark = await markOf(file);
      const keys = new ApiKeys(file, await readKeys(file), mark);
      keys.#watch = setInterval(() => void keys.lookAgain(), lookAgainMs).unref();
      return keys;
    } catch (cause) {
      throw new ServiceError(
        'invalid_setting',
        say`Cannot use VITRINE_API_KEYS_FILE: ${reasonOf(cause)}; correct the file, or leave the setting out for none.`,
        { cause },
      );
    }
  }

  get size(): number {
    return this.#known.byHash.size;
  }

  /** Undefined while the keys in force equal the file. */
  get stale(): StaleKeys | undefined {
    return this.#stale;
  }

  onRead(act: () => void): void {
    this.#onRead = act;
  }

  find(key: string): ApiKey | undefined {
    return this.#known.byHash.get(sha256(key));
  }

  /** By the names in a verified client certificate; undefined also where they belong to several. */
  findByNames(names: readonly string[]): ApiKey | undefined {
    const found = new Set(names.flatMap((name) => this.#known.byCertificateName.get(name) ?? []));
    return found.size === 1 ? [...found][0] : undefined;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#watch);
  }

  /** Reads the file if it has changed. */
  async lookAgain(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const mark = await markOf(this.#file);
      if (mark !== this.#mark) {
        this.#known = await readKeys(this.#file);
        this.#mark = mark;
        this.#onRead?.();
        log('security', 'info', `The API keys were read again: ${this.size}`, { event_type: 'api_keys_read' });
      }
      this.#stale = undefined;
    } catch (error) {
      const reason = reasonOf(error);
      // A file that is gone is logged once, as is each change that cannot be used.
      if (reason !== this.#stale?.reason)
        log(
          'security',
          'error',
          `Cannot use the changed API keys: ${reason}; the ones before stay in force, and it is tried again.`,
          { event_type: 'api_keys_unusable' },
        );
      this.#stale = { since: this.#stale?.since ?? new Date(), reason };
    } finally {
      this.#isLooking = false;
    }
  }
}

/** A new key and the entry of the file that knows it. The key is shown once and stored nowhere. */
export function newApiKey(name: string): { key: string; entry: { name: string; sha256: string } } {
  const key = `vitrine_${randomBytes(32).toString('base64url')}`;
  return { key, entry: { name, sha256: sha256(key) } };
}

/** Changes with the file, also when it is replaced, or when its clock does not move. */
async function markOf(file: string): Promise<string> {
  const { ino, size, mtimeNs } = await stat(file, { bigint: true });
  return `${ino} ${size} ${mtimeNs}`;
}

async function readKeys(file: string): Promise<Known> {
  const { keys } = apiKeysSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  if (keys.length === 0) throw new Error('it has no keys');
  const byHash = new Map<string, ApiKey>();
  const byCertificateName = new Map<string, ApiKey>();
  const names = new Set<string>();
  for (const entry of keys) {
    const { name, sha256: hashed, certificate_names: certificateNames = [] } = entry;
    if (hashed === undefined && certificateNames.length === 0)
      throw new Error(`${name} has neither sha256 nor certificate_names`);
    if (hashed !== undefined && byHash.has(hashed)) throw new Error(`the key of ${name} is there twice`);
    if (reservedTenants.includes(name))
      throw new Error(`the name ${name} is not for keys: it stands for those who have none`);
    if (names.has(name)) throw new Error(`the name ${name} is there twice`);
    names.add(name);
    const key = rightsOf(name, entry);
    if (hashed !== undefined) byHash.set(hashed, key);
    for (const certificateName of certificateNames) {
      if (byCertificateName.has(certificateName)) throw new Error(`a certificate name of ${name} is there twice`);
      byCertificateName.set(certificateName, key);
    }
  }
  return { byHash, byCertificateName };
}

export function rightsOf(name: string, rights: z.output<typeof keyRights>): ApiKey {
  return {
    name,
    inferPerMinute: rights.infer_per_minute,
    tasksPerMinute: rights.tasks_per_minute,
    mayProfile: rights.may_profile,
    mayAdminister: false,
    mayUse: (model) => rights.models.some((pattern) => matchesPattern(pattern, model)),
  };
}

function sha256(key: string): string {
  return hash('sha256', key, 'hex');
}

function reasonOf(cause: unknown): string {
  if (cause instanceof z.ZodError) return z.prettifyError(cause).replaceAll('\n', ' ');
  return cause instanceof Error ? cause.message : String(cause);
}
