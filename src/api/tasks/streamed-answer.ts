import { type FileHandle, open } from 'node:fs/promises';
import type { Request, Response } from 'express';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { chargeAnswer } from '../../http/charge-answer.ts';
import { failureFields } from '../../http/failure-body.ts';
import { requestTrace } from '../../http/trace-request.ts';
import { ours, say } from '../../sentence.ts';
import type { TaskKind } from '../../task-kinds.ts';
import type { GrowingSound, SoundHead } from '../../tasks/growing-sound.ts';
import { factsHeader, factsText } from './facts-header.ts';

/** What a sound can be streamed as. */
const types = ['audio/wav', 'audio/pcm', 'text/event-stream'] as const;
export type StreamType = (typeof types)[number];

/**
 * How the caller wants to hear the sound while it is made; undefined: whole. By the parameter
 * `stream`, or by an Accept that names what only a stream can be.
 */
export function streamWanted(
  kind: TaskKind,
  request: Request,
  { stream, stem, format }: Record<string, unknown>,
): StreamType | undefined {
  if ((kind !== 'generate' && kind !== 'separate') || stream === false) return undefined;
  const accepted = request.accepts([...types]) as StreamType | false;
  const isNamed = (accepted === 'audio/pcm' || accepted === 'text/event-stream') && format === undefined;
  if (stream !== true && !isNamed) return undefined;
  if (accepted === false)
    throw new ServiceError(
      'not_acceptable',
      say`Cannot stream the sound in a way that the header Accept allows: ${ours(types.join(', '))} can be had; name one of them.`,
    );
  if (kind === 'separate' && (stem === undefined || (format !== undefined && format !== 'wav')))
    throw new ServiceError(
      'invalid_input',
      say`Cannot stream several stems: one sound can be streamed; name it in the parameter stem, and leave out format.`,
    );
  return accepted;
}

/** What is read of the file, and on its way to the caller, at a time. */
const blockBytes = 64 * 1024;

/**
 * A sound that is heard while it is made: the file that the task writes, followed to its end. The
 * task never waits for the caller. So a slow reader slows nobody: its file waits for it.
 */
export class StreamedAnswer {
  /** Aborted where the sound cannot be streamed: the task is given up. */
  readonly refused = new AbortController();
  readonly #type: StreamType;
  readonly #response: Response;
  readonly #idleMsMax: number;
  #sound: GrowingSound | undefined;
  #end: number | undefined;
  #isStopped = false;
  #grew = Promise.withResolvers<void>();
  #sent: Promise<void> | undefined;

  constructor(response: Response, type: StreamType, { bodyIdleMsMax }: Pick<Config, 'bodyIdleMsMax'>) {
    this.#type = type;
    this.#response = response;
    this.#idleMsMax = bodyIdleMsMax;
  }

  /** So much of the sound is there. */
  grown(sound: GrowingSound): void {
    const isFirst = this.#sound === undefined;
    this.#sound = sound;
    if (!isFirst) {
      this.#wake();
      return;
    }
    try {
      this.#begin(sound.head);
    } catch (error) {
      this.refused.abort(error);
      return;
    }
    this.#sent = this.#follow(sound);
    // It is awaited when the task has ended.
    this.#sent.catch(() => undefined);
  }

  /** Sends what is still to be sent once the task has ended. */
  async end(facts: Record<string, unknown>): Promise<void> {
    if (this.#sound === undefined) throw new Error('A task that is streamed made no sound');
    const { head, headBytes, bytes } = this.#sound;
    const isWav = this.#type === 'audio/wav';
    const frameBytes = head.channels * bytesOfSample[head.encoding];
    if (isWav && head.frames !== (bytes - headBytes) / frameBytes)
      throw new ServiceError(
        'invalid_audio',
        say`Cannot end the stream: the sound is not as long as its file says; correct the file, or ask for audio/pcm.`,
      );
    // A WAV file has an even number of bytes.
    this.#end = bytes + (isWav ? bytes % 2 : 0);
    this.#wake();
    await this.#sent;
    const response = this.#response;
    if (response.destroyed) return;
    if (this.#type === 'text/event-stream') response.write(event('done', facts));
    else response.addTrailers({ [factsHeader]: factsText(facts) ?? '' });
    response.end();
  }

  /**
   * The task has failed. Whether the caller was sent why: after the beginning, events can say so, and
   * another stream breaks off.
   */
  async failed(thrown: unknown): Promise<boolean> {
    const response = this.#response;
    if (this.#type !== 'text/event-stream' || !response.headersSent) return false;
    this.#isStopped = true;
    this.#wake();
    await this.#sent?.catch(() => undefined);
    if (response.destroyed) return false;
    const { traceId } = requestTrace(response).ids;
    const error =
      thrown instanceof ServiceError
        ? failureFields(thrown.code, thrown.message, traceId)
        : failureFields('internal', 'Cannot go on: a defect in Vitrine; its log has the cause.', traceId);
    response.end(event('failure', error));
    return true;
  }

  #wake(): void {
    this.#grew.resolve();
    this.#grew = Promise.withResolvers<void>();
  }

  #begin(head: SoundHead): void {
    const response = this.#response;
    if (this.#type === 'audio/wav' && head.frames === undefined)
      throw new ServiceError(
        'not_acceptable',
        say`Cannot stream a WAV file: how long the sound is, is known at its end only, and the head of the file says so; ask for audio/pcm.`,
      );
    chargeAnswer(response, 2 * blockBytes);
    response.once('close', () => this.#wake());
    const { row } = requestTrace(response);
    row?.firstPart();
    response.statusCode = 200;
    response.setHeader('Content-Type', contentType(this.#type, head));
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('X-Accel-Buffering', 'no');
    if (row) response.setHeader('Server-Timing', `first_part;dur=${row.firstPartMs.toFixed(3)}`);
    if (this.#type === 'text/event-stream') response.write(event('begin', headFacts(head)));
    else response.setHeader('Trailer', factsHeader);
  }

  async #follow({ file, headBytes }: GrowingSound): Promise<void> {
    await using handle = await open(file, 'r');
    const block = Buffer.allocUnsafeSlow(blockBytes);
    let at = this.#type === 'audio/wav' ? 0 : headBytes;
    while (at !== this.#end && !this.#isStopped) {
      const { promise: grew } = this.#grew;
      const there = this.#end ?? this.#sound!.bytes;
      if (at < there) at += await this.#send(handle, block, at, Math.min(blockBytes, there - at));
      else await grew;
      if (this.#response.destroyed) throw gone();
    }
  }

  async #send(handle: FileHandle, block: Buffer, at: number, length: number): Promise<number> {
    const { bytesRead } = await handle.read(block, 0, length, at);
    const bytes = block.subarray(0, bytesRead);
    await this.#write(this.#type === 'text/event-stream' ? event('part', { audio: bytes.toString('base64') }) : bytes);
    return bytesRead;
  }

  /** Resolves when the connection has taken it: then the block may be read into again. */
  #write(bytes: Buffer | string): Promise<void> {
    const response = this.#response;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const left = () => reject(gone());
    // Time runs only while something is on its way: a task may take its time for more.
    const overtime = setTimeout(() => response.destroy(), this.#idleMsMax);
    response.once('close', left);
    response.write(bytes, (error) => {
      if (error) left();
      else resolve();
    });
    return promise.finally(() => {
      response.off('close', left);
      clearTimeout(overtime);
    });
  }
}

const bytesOfSample = { pcm16: 2, pcm24: 3, float32: 4 } as const;

function contentType(type: StreamType, { encoding, channels, sampleRateHz }: SoundHead): string {
  if (type === 'text/event-stream') return 'text/event-stream; charset=utf-8';
  return type === 'audio/wav' ? type : `${type};rate=${sampleRateHz};channels=${channels};encoding=${encoding}`;
}

function headFacts({ encoding, channels, sampleRateHz, frames }: SoundHead) {
  return { sample_rate_hz: sampleRateHz, channels, encoding, frames: frames ?? null };
}

function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

function gone(): ServiceError {
  return new ServiceError('caller_gone', say`Cannot go on with the stream: the caller has gone.`);
}
