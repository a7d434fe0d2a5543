import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import busboy, { type Busboy } from 'busboy';
import type { Request } from 'express';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import type { WorkFolder } from '../../jobs/work-folders.ts';
import { asDiskFailure } from '../../resilience/disk-failure.ts';
import { RateWatch } from '../../resilience/rate-watch.ts';
import { ours, say } from '../../sentence.ts';
import type { UploadedFile } from '../../tasks/task-types.ts';

export type Upload = { readonly fields: Record<string, unknown>; readonly files: readonly UploadedFile[] };

export type UploadLimits = Pick<
  Config,
  'uploadBytesMax' | 'uploadFilesMax' | 'bodyIdleMsMax' | 'bytesPerSecondMin' | 'slowAfterMs'
>;

type Work = Pick<WorkFolder, 'path' | 'holds'>;
type Refuse = (error: unknown) => void;

/** Parameters are short. */
const fieldsMax = 50;
const fieldBytesMax = 64 * 1024;
const fieldNameCharsMax = 100;
const partHeadersMax = 50;
/** A reference comes beside as many files as a task takes. */
const referencesMax = 1;

/** What framing, field names and parameters may add to the files of a form. */
export const framingBytesMax = 1024 * 1024;

/**
 * Reads a form into a folder, each file under a name of ours, as it arrives: memory does not depend
 * on its size. A refusal does not wait for the rest of the body. The owner of the folder removes it
 * in any case.
 */
export async function receiveUpload(request: Request, work: Work, limits: UploadLimits): Promise<Upload> {
  refuseWhatIsNoForm(request);
  const parser = parserFor(request, limits);
  const refused = Promise.withResolvers<never>();
  const watch = watchProgress(request, limits, refused.reject);
  const leave = () => !request.readableEnded && refused.reject(callerLeft());
  request.once('close', leave).once('error', (error) => refused.reject(asUploadFailure(error)));
  const files: Promise<UploadedFile>[] = [];
  try {
    const received = collectForm(parser, files, { work, limits, refuse: refused.reject });
    request.pipe(parser);
    return await Promise.race([received, refused.promise]);
  } finally {
    clearInterval(watch);
    request.off('close', leave).unpipe(parser);
    parser.destroy();
    // Nothing is written any more into a folder that its owner may remove.
    await Promise.all(files);
    // What still arrives is read and dropped, so that the answer can be read.
    request.resume();
  }
}

/** The declared length of a form; 0 where none is declared. */
export function declaredBytes(request: Request, { uploadBytesMax }: UploadLimits): number {
  const declared = request.headers['content-length'];
  if (declared === undefined) return 0;
  if (Number(declared) > uploadBytesMax + framingBytesMax) throw tooLarge(`${declared} bytes`, uploadBytesMax);
  return Number(declared);
}

function refuseWhatIsNoForm(request: Request): void {
  const type = request.headers['content-type'];
  if (!/^multipart\/form-data\b/i.test(type ?? ''))
    throw new ServiceError(
      'media_not_supported',
      say`Cannot read the request: it is no multipart/form-data; send the file as a form, as in curl -F file=@sound.wav.`,
    );
  if (request.headers['content-encoding'] !== undefined)
    throw new ServiceError('encoding_not_supported', say`Cannot read the form: it is compressed; send it as it is.`);
}

function parserFor(request: Request, { uploadBytesMax, uploadFilesMax }: UploadLimits): Busboy {
  try {
    return busboy({
      headers: request.headers,
      // busboy reports these three when they are reached, not when they are passed.
      limits: {
        fields: fieldsMax,
        fieldSize: fieldBytesMax + 1,
        fileSize: uploadBytesMax + 1,
        files: uploadFilesMax + referencesMax,
        parts: uploadFilesMax + referencesMax + fieldsMax + 1,
        headerPairs: partHeadersMax,
      },
    });
  } catch (cause) {
    throw new ServiceError(
      'invalid_body',
      say`Cannot read the form: the boundary in its Content-Type is not well-formed; leave the header to your client, as curl -F file=@sound.wav does.`,
      { cause },
    );
  }
}

/**
 * Fields and files in the order of their arrival, when the form has ended and every file is on
 * disk.
 */
async function collectForm(
  parser: Busboy,
  files: Promise<UploadedFile>[],
  { work, limits, refuse }: { work: Work; limits: UploadLimits; refuse: Refuse },
): Promise<Upload> {
  const fields: Record<string, string | string[]> = Object.create(null);
  const store = storeIn(work, limits, refuse);
  const tooMany = () => refuse(tooManyFiles(limits));
  const filesOf = new Map<string, number>();
  parser
    .on('field', (rawName, value, { valueTruncated }) => {
      const problem = fieldProblem(rawName, valueTruncated);
      if (problem) return refuse(badField(problem));
      const name = unescaped(rawName);
      const before = fields[name];
      fields[name] = before === undefined ? value : [before, value].flat();
    })
    .on('file', (rawName, stream, { filename }) => {
      // A form that ends early fails its file too, and an error without a listener ends the process.
      // What is wrong is said where the file is stored, or by the parser.
      stream.on('error', () => undefined);
      const problem = fieldProblem(rawName, false);
      if (problem) refuse(badField(problem));
      // A form's empty file input has no name.
      if (problem || !filename) return stream.resume();
      const name = unescaped(rawName);
      const count = (filesOf.get(name) ?? 0) + 1;
      filesOf.set(name, count);
      if (count > limits.uploadFilesMax) tooMany();
      files.push(store(name, stream, unescaped(filename)));
    })
    .on('fieldsLimit', () => refuse(badField(`it has more than ${fieldsMax} fields`)))
    .on('filesLimit', tooMany)
    .on('partsLimit', tooMany)
    .on('error', (error) => refuse(asUploadFailure(error)));
  await new Promise((resolve) => parser.once('close', resolve));
  return { fields: { ...fields }, files: await Promise.all(files) };
}

/** Stores files by number: what the caller calls them never becomes a path. */
function storeIn(work: Work, { uploadBytesMax }: UploadLimits, refuse: Refuse) {
  let count = 0;
  let arrived = 0;
  /** Before it is written, so that the disk never holds more than allowed. */
  async function* counted(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      arrived += chunk.length;
      work.holds(arrived);
      yield chunk;
    }
  }
  return async (field: string, stream: Readable, name: string): Promise<UploadedFile> => {
    const path = join(work.path, `upload-${count++}`);
    const output = createWriteStream(path, { flags: 'wx' });
    stream.once('limit', () => refuse(tooLarge('a file that is larger', uploadBytesMax)));
    await pipeline(stream, counted, output).catch((error: unknown) => refuse(asUploadFailure(error)));
    return { field, name: nameToShow(name), path, sizeBytes: output.bytesWritten };
  };
}

/** A caller who stops sending, or sends slower than the least rate, is not waited for. */
function watchProgress(request: Request, limits: UploadLimits, refuse: (error: ServiceError) => void): NodeJS.Timeout {
  const { bodyIdleMsMax, bytesPerSecondMin, slowAfterMs } = limits;
  let seenBytes = request.socket.bytesRead;
  let seenAt = performance.now();
  const rate = new RateWatch(seenAt);
  rate.restart(seenAt, seenBytes);
  return setInterval(
    () => {
      const now = performance.now();
      const { bytesRead } = request.socket;
      // What has come and waits for the disk is not the caller's delay.
      if (request.readableLength > 0) rate.restart(now, bytesRead);
      if (bytesRead !== seenBytes || request.readableLength > 0) {
        seenBytes = bytesRead;
        seenAt = now;
        if (rate.isSlow(now, bytesRead, limits))
          refuse(
            new ServiceError(
              'body_too_slow',
              say`Cannot read the form: it arrives at less than ${bytesPerSecondMin} bytes a second; send it faster, or lower VITRINE_BYTES_PER_SECOND_MIN.`,
            ),
          );
      } else if (now - seenAt > bodyIdleMsMax)
        refuse(
          new ServiceError(
            'body_too_slow',
            say`Cannot read the form: nothing of it arrived for ${bodyIdleMsMax} ms; send it faster, or raise VITRINE_BODY_IDLE_MS_MAX.`,
          ),
        );
    },
    Math.max(10, Math.min(1000, bodyIdleMsMax / 4, slowAfterMs / 4)),
  ).unref();
}

function fieldProblem(name: string | undefined, isTruncated: boolean): string | undefined {
  if (name === undefined) return 'a field has no name';
  if (name.length > fieldNameCharsMax) return `the name of a field has more than ${fieldNameCharsMax} characters`;
  if (name.includes('[')) return 'the name of a field has a bracket';
  return isTruncated ? `a field is larger than ${fieldBytesMax} bytes` : undefined;
}

/** Browsers write these three so in names: HTML, multipart/form-data. */
function unescaped(name: string): string {
  return name.replace(/%0A|%0D|%22/gi, decodeURIComponent);
}

function badField(problem: string): ServiceError {
  return new ServiceError(
    'invalid_body',
    say`Cannot read the form: ${ours(problem)}; send parameters as short, plain fields.`,
  );
}

function tooManyFiles({ uploadFilesMax }: UploadLimits): ServiceError {
  return new ServiceError(
    'invalid_body',
    say`Cannot read the form: it has more than ${uploadFilesMax} files in one field; send fewer, or raise VITRINE_UPLOAD_FILES_MAX.`,
  );
}

function callerLeft(cause?: unknown): ServiceError {
  return new ServiceError('body_incomplete', say`Cannot read the form: the caller left before it was complete.`, {
    cause,
  });
}

/** What busboy and streams throw: a form that is not well-formed, or a caller who has gone. */
function asUploadFailure(error: unknown): unknown {
  const failure = asDiskFailure(error);
  if (failure instanceof ServiceError) return failure;
  const { message, code } = error as NodeJS.ErrnoException;
  if (/aborted|premature close/i.test(message)) return callerLeft(error);
  if (code !== undefined) return error;
  return new ServiceError(
    'invalid_body',
    say`Cannot read the form: ${message.slice(0, 100)}; send well-formed multipart/form-data with its boundary.`,
    { cause: error },
  );
}

function tooLarge(what: string, bytesMax: number): ServiceError {
  return new ServiceError(
    'body_too_large',
    say`Cannot read the form: it has ${ours(what)}; at most ${bytesMax} bytes a file are taken; send less, or raise VITRINE_UPLOAD_BYTES_MAX.`,
  );
}

/**
 * The last part of what the caller called the file, for reports: no folders, no control characters.
 */
function nameToShow(given: string): string {
  const last = given.split(/[/\\]/).at(-1) ?? '';
  return last.replace(/\p{C}/gu, '').slice(0, 200) || 'file';
}
