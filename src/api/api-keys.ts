import { hash, randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { ServiceError } from '../errors.ts';
import { log } from '../telemetry/logger.ts';

/** What the administrator and callers without a key are called as tenants. */
const reservedTenants = ['admin', 'anonymous'];

const perMinute = z.int().min(1).max(1_000_000_000);

/** The file named by VITRINE_API_KEYS_FILE. It holds no key, only what a key is recognised by. */
export const apiKeysSchema = z.strictObject({
  keys: z.array(
    z.strictObject({
      name: z
        .string()
        .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/)
        .describe('The tenant: what quotas, logs and metrics call the holder.'),
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .describe(
          'SHA-256 of the key, in lower-case hex. Good enough because a key is 32 random bytes, not a password.',
        ),
      models: z.array(z.string().min(1)).default(['*']).describe('Models that may be used; * stands for any text.'),
      infer_per_minute: perMinute.optional().describe('Instead of VITRINE_INFER_PER_MINUTE_MAX.'),
      tasks_per_minute: perMinute.optional().describe('Instead of VITRINE_TASKS_PER_MINUTE_MAX.'),
      may_profile: z.boolean().default(false).describe('May ask for an operator profile of a request.'),
    }),
  ),
});

export type ApiKey = {
  readonly name: string;
  readonly inferPerMinute: number | undefined;
  readonly tasksPerMinute: number | undefined;
  readonly mayProfile: boolean;
  mayUse(model: string): boolean;
};

/** The keys in the file, and again when it has changed. A change that cannot be used is told and leaves the keys as they were. */
export class ApiKeys {
  readonly #file: string;
  #byHash: ReadonlyMap<string, ApiKey>;
  #changedAt: number;
  #watch: NodeJS.Timeout | undefined;
  #toldReason: string | undefined;

  private constructor(file: string, byHash: ReadonlyMap<string, ApiKey>, changedAt: number) {
    this.#file = file;
    this.#byHash = byHash;
    this.#changedAt = changedAt;
  }

  static async open(file: string, { lookAgainMs = 2000 }: { lookAgainMs?: number } = {}): Promise<ApiKeys> {
    try {
      const { mtimeMs } = await stat(file);
      const keys = new ApiKeys(file, await readKeys(file), mtimeMs);
      keys.#watch = setInterval(() => void keys.#lookAgain(), lookAgainMs).unref();
      return keys;
    } catch (cause) {
      throw new ServiceError(
        'invalid_setting',
        `Cannot use VITRINE_API_KEYS_FILE: ${reasonOf(cause)}; correct the file, or leave the setting out for none.`,
        { cause },
      );
    }
  }

  get size(): number {
    return this.#byHash.size;
  }

  find(key: string): ApiKey | undefined {
    return this.#byHash.get(sha256(key));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#watch);
  }

  async #lookAgain(): Promise<void> {
    try {
      const { mtimeMs } = await stat(this.#file);
      if (mtimeMs === this.#changedAt) return;
      this.#changedAt = mtimeMs;
      this.#byHash = await readKeys(this.#file);
      this.#toldReason = undefined;
      log('security', 'info', `The API keys were read anew: ${this.#byHash.size}`, { event_type: 'api_keys_read' });
    } catch (error) {
      // A file that is away for good is told once, as is each change that cannot be used.
      if (reasonOf(error) === this.#toldReason) return;
      this.#toldReason = reasonOf(error);
      log('security', 'error', `Cannot use the changed API keys: ${reasonOf(error)}; the ones before stay in force.`, {
        event_type: 'api_keys_unusable',
      });
    }
  }
}

/** A new key and the entry of the file that knows it. The key is shown once and stored nowhere. */
export function newApiKey(name: string): { key: string; entry: { name: string; sha256: string } } {
  const key = `vitrine_${randomBytes(32).toString('base64url')}`;
  return { key, entry: { name, sha256: sha256(key) } };
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
    const patterns = entry.models.map(asPattern);
    byHash.set(entry.sha256, {
      name: entry.name,
      inferPerMinute: entry.infer_per_minute,
      tasksPerMinute: entry.tasks_per_minute,
      mayProfile: entry.may_profile,
      mayUse: (model) => patterns.some((pattern) => pattern.test(model)),
    });
  }
  return byHash;
}

function asPattern(words: string): RegExp {
  return new RegExp(
    `^${words
      .split('*')
      .map((part) => part.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&'))
      .join('.*')}$`,
  );
}

function sha256(key: string): string {
  return hash('sha256', key, 'hex');
}

function reasonOf(cause: unknown): string {
  if (cause instanceof z.ZodError) return z.prettifyError(cause).replaceAll('\n', ' ');
  return cause instanceof Error ? cause.message : String(cause);
}
