import { request as askPlain } from 'node:http';
import { request as askSecure } from 'node:https';
import type { Request } from 'express';
import { passerOf } from '../../http/passed-request.ts';
import type { Seat } from '../../processes/seat.ts';
import type { Replicas } from '../replicas/replicas.ts';
import type { Other } from './other.ts';
import { passedHeaders } from './passed-headers.ts';

/** One that does not answer by then is named as missing. */
const answerMsMax = 2_000;
const answerBytesMax = 64 * 1024 * 1024;

/** What the others said. Those that could not be asked are missing. */
export type OthersSay = {
  readonly answers: readonly unknown[];
  readonly missing: { readonly processes: readonly number[]; readonly replicas: readonly string[] };
};

/** Asks the other processes and replicas what a caller asked this one. */
export class Others {
  readonly #seat: Seat | undefined;
  readonly #replicas: Replicas | undefined;

  constructor(seat: Seat | undefined, replicas: Replicas | undefined) {
    this.#seat = seat;
    this.#replicas = replicas;
  }

  /** The answers of all others to the same request, where they have one. */
  async same(request: Request): Promise<OthersSay> {
    const passer = passerOf(request);
    // Who passed it on collects the answers itself: a process of all, a replica of other replicas.
    const processes = passer === 'process' ? [] : this.#processes();
    const replicas = passer === undefined ? ((await this.#replicas?.others()) ?? []) : [];
    const asked = await Promise.all(
      [...processes, ...replicas].map(async ({ name, way }) => ({
        name,
        said: way ? await ask(request, way).catch(() => 'missing' as const) : ('missing' as const),
      })),
    );
    const missing = asked.flatMap(({ name, said }) => (said === 'missing' || lacksParts(said) ? [name] : []));
    return {
      answers: asked.flatMap(({ said }) => (said === undefined || said === 'missing' ? [] : [said])),
      missing: {
        processes: missing.filter((name) => typeof name === 'number'),
        replicas: missing.filter((name) => typeof name === 'string'),
      },
    };
  }

  #processes(): Other[] {
    const seat = this.#seat;
    if (!seat) return [];
    return seat.whole.processes
      .filter(({ number }) => number !== seat.facts.number)
      .flatMap(({ number, state }) =>
        // One that is down remembers nothing.
        state === 'down' || state === 'starting'
          ? []
          : [
              {
                name: number,
                way: { options: { socketPath: seat.socketOf(number) }, isSecure: false, secret: seat.facts.secret },
              },
            ],
      );
  }
}

/** Of another replica, when one of its processes could not be asked. */
function lacksParts(said: object | undefined): boolean {
  return said !== undefined && 'processes_missing' in said;
}

/** Undefined where it has no such thing. */
function ask(request: Request, { options, isSecure, secret }: NonNullable<Other['way']>): Promise<object | undefined> {
  return new Promise((resolve, reject) => {
    const asked = (isSecure ? askSecure : askPlain)({
      ...options,
      method: 'GET',
      path: request.originalUrl,
      headers: passedHeaders(request, secret),
      agent: false,
      signal: AbortSignal.timeout(answerMsMax),
    });
    asked.once('error', reject);
    asked.once('response', (answer) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      answer.on('data', (part: Buffer) => {
        parts.push(part);
        bytes += part.length;
        if (bytes > answerBytesMax) answer.destroy(new Error('the answer is too large'));
      });
      answer.once('error', reject);
      answer.once('end', () => {
        if (answer.statusCode === 404) resolve(undefined);
        else if (answer.statusCode !== 200) reject(new Error(`it answered ${answer.statusCode}`));
        else resolve(JSON.parse(Buffer.concat(parts).toString()) as object);
      });
    });
    asked.end();
  });
}
