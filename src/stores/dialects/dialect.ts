import { ServiceError } from '../../errors.ts';
import { type Sentence, say } from '../../sentence.ts';

/** A question in the language of its signal: the HTTP API of Prometheus, Tempo or Loki. */
export type Question = { path: string; parameters: URLSearchParams };

/**
 * Asks the store itself; a refusal is thrown, and so is what does not exist.
 */
export type Get = (path: string, parameters?: URLSearchParams) => Promise<Buffer>;

/**
 * Asks a store what was asked in the language of its signal, and answers in the shape of that
 * language. What the store cannot answer is thrown as a sentence.
 */
export type Dialect = (question: Question, get: Get) => Promise<Buffer>;

/** For a store whose own language it is. */
export const native: Dialect = ({ path, parameters }, get) => get(path, parameters);

export function cannotAnswer(title: Sentence, because: Sentence): ServiceError {
  return new ServiceError('backend_refused', say`Cannot ask ${title} this: ${because}.`);
}

export function asJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
