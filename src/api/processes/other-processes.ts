import { request as ask } from 'node:http';
import type { Request } from 'express';
import { isPassed } from '../../http/passed-request.ts';
import type { Seat } from '../../processes/seat.ts';
import { passedHeaders } from './passed-headers.ts';

/** One that does not answer by then is named as missing. */
const answerMsMax = 2_000;
const answerBytesMax = 64 * 1024 * 1024;

/** What the others said: `missing` are those that could not be asked. */
export type OthersSay = { readonly answers: readonly unknown[]; readonly missing: readonly number[] };

/** Asks the other processes what a caller asked this one. */
export class OtherProcesses {
  readonly #seat: Seat;

  constructor(seat: Seat) {
    this.#seat = seat;
  }

  /**
   * The answers of all others to the same request, where they have one. Of a request that another
   * process passed on, it collects the answers itself.
   */
  async same(request: Request): Promise<OthersSay> {
    if (isPassed(request)) return nobody;
    const { facts, whole } = this.#seat;
    const others = whole.processes.filter(({ number }) => number !== facts.number);
    const asked = await Promise.all(
      others.map(async ({ number, state }) => ({
        number,
        // One that is down remembers nothing.
        said:
          state === 'down' || state === 'starting'
            ? undefined
            : await this.#ask(number, request).catch(() => 'missing' as const),
      })),
    );
    return {
      answers: asked.flatMap(({ said }) => (said === undefined || said === 'missing' ? [] : [said])),
      missing: asked.flatMap(({ number, said }) => (said === 'missing' ? [number] : [])),
    };
  }

  /** Undefined where it has no such thing. */
  #ask(number: number, request: Request): Promise<object | undefined> {
    return new Promise((resolve, reject) => {
      const asked = ask({
        socketPath: this.#seat.socketOf(number),
        method: 'GET',
        path: request.originalUrl,
        headers: passedHeaders(request, this.#seat),
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
}

const nobody: OthersSay = { answers: [], missing: [] };
