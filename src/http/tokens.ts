import { hash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ServiceError } from '../errors.ts';
import { ours, say } from '../sentence.ts';
import type { Caller } from './caller.ts';

const tokenCharsMin = 16;

/** The tokens of a file, one a line. Only their hashes stay in memory. */
export class Tokens {
  readonly #hashes: readonly Buffer[];

  constructor(hashes: readonly Buffer[] = []) {
    this.#hashes = hashes;
  }

  /** Throws where the file cannot be read, has no token, or has one that is easy to guess. */
  static async read(file: string): Promise<Tokens> {
    const tokens = (await readFile(file, 'utf8'))
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
    if (tokens.length === 0) throw new Error(`${file} has no token in it`);
    if (tokens.some((token) => token.length < tokenCharsMin || /\s/.test(token)))
      throw new Error(`${file} has a token that is shorter than ${tokenCharsMin} characters or has spaces in it`);
    return new Tokens(tokens.map(sha256));
  }

  get isEmpty(): boolean {
    return this.#hashes.length === 0;
  }

  /**
   * Compares with every token in constant time, so that the time does not say how near a guess was.
   */
  has(given: string): boolean {
    const hashed = sha256(given);
    let known = false;
    for (const each of this.#hashes) known = timingSafeEqual(each, hashed) || known;
    return known;
  }
}

/** Ends the start: the file of this setting has no tokens that can be used. */
export function unusableTokens(setting: string, cause: unknown): ServiceError {
  return new ServiceError(
    'invalid_setting',
    say`Cannot use ${ours(setting)}: ${cause instanceof Error ? cause.message : String(cause)}; name a file with one token a line.`,
    { cause },
  );
}

/** The token of `Authorization: Bearer …`; empty where the header says something else. */
export function bearerOf({ headers: { authorization } }: Pick<Caller, 'headers'>): string | undefined {
  if (authorization === undefined) return undefined;
  return /^Bearer +(\S{1,8192}) *$/i.exec(authorization)?.[1] ?? '';
}

function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
