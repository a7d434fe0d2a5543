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
        .describe(
          'SHA-256 of the key, in lower-case hex. Good enough because a key is 32 random bytes, not a password.',
        ),
      ...keyRights.shape,
    }),
  ),
});

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
  #byHash: ReadonlyMap<string, ApiKey>;
  /** What the file looked like before it was read; only one that could be used is remembered. */
  #mark: string;
  #watch: NodeJS.Timeout | undefined;
  #stale: StaleKeys | undefined;
  #isLooking = false;

  private constructor(file: string, byHash: ReadonlyMap<string, ApiKey>, mark: string) {
    this.#file = file;
    this.#byHash = byHash;
    this.#mark = mark;
  }

  static async open(file: string, { lookAgainMs = 2000 }: { lookAgainMs?: number } = {}): Promise<ApiKeys> {
    try {
      const mark = await markOf(file);
      const keys = new ApiKeys(file, await readKeys(file), mark);
      keys.#watch = setInterval(() => void keys.#lookAgain(), lookAgainMs).unref();
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
    return this.#byHash.size;
  }

  /** Undefined while the keys in force equal the file. */
  get stale(): StaleKeys | undefined {
    return this.#stale;
  }

  find(key: string): ApiKey | undefined {
    return this.#byHash.get(sha256(key));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#watch);
  }

  async #lookAgain(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const mark = await markOf(this.#file);
      if (mark !== this.#mark) {
        this.#byHash = await readKeys(this.#file);
        this.#mark = mark;
        log('security', 'info', `The API keys were read again: ${this.#byHash.size}`, { event_type: 'api_keys_read' });
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

async function readKeys(file: string): Promise<ReadonlyMap<string, ApiKey>> {
  const { keys } = apiKeysSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  if (keys.length === 0) throw new Error('it has no keys');
  const byHash = new Map<string, ApiKey>();
  const names = new Set<string>();
  for (const entry of keys) {
    if (byHash.has(entry.sha256)) throw new Error(`the key of ${entry.name} is there twice`);
    if (reservedTenants.includes(entry.name))
      throw new Error(`the name ${entry.name} is not for keys: it stands for those who have none`);
    if (names.has(entry.name)) throw new Error(`the name ${entry.name} is there twice`);
    names.add(entry.name);
    byHash.set(entry.sha256, rightsOf(entry.name, entry));
  }
  return byHash;
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
