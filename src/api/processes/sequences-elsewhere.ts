import type { Request, Response } from 'express';
import type { Config } from '../../config.ts';
import type { RunnableModel } from '../../engine/pipelines/runnable-model.ts';
import { isPassed, joinCaller } from '../../http/passed-request.ts';
import type { RequestTrace } from '../../observe/request-trace.ts';
import type { Seat } from '../../processes/seat.ts';
import type { Word } from '../routes.ts';
import { PassOn } from './pass-on.ts';

/** The process that has the states of sequences; gRPC is served by it too. */
const sequencesProcess = 1;

type ClientWord = Extract<Word, { may: 'client' }>;

/**
 * The sequences of several processes: one process has the states of all, whichever process a
 * connection goes to. The others pass on what is asked of models with a state.
 */
export class SequencesElsewhere {
  readonly #isHere: boolean;
  readonly #way: PassOn;

  constructor(seat: Seat, config: Pick<Config, 'processWaitMsMax'>) {
    this.#isHere = seat.isFirst;
    this.#way = new PassOn(seat, config);
  }

  /** What is passed on to here was taken from its quota, and is recorded, where it came in. */
  wordOf(word: ClientWord, request: Request, response: Response): ClientWord {
    if (!isPassed(request)) return word;
    joinCaller(request, response);
    return { may: 'client' };
  }

  has({ manifest }: RunnableModel): boolean {
    return !this.#isHere && manifest.state !== undefined;
  }

  async pass(request: Request, response: Response, trace: RequestTrace): Promise<void> {
    // Express sets it for what comes by it.
    request.res = response;
    response.once('pipe', () => trace.row?.mark('run'));
    await this.#way.pass(request, response, sequencesProcess);
  }
}
