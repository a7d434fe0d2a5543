import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import multer, { MulterError, type StorageEngine } from 'multer';
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

/** What a form may hold besides files: parameters are short. */
const formLimits = { fields: 50, fieldSize: 64 * 1024, fieldNameSize: 100, headerPairs: 50, fieldNestingDepth: 0 };

/** What framing, field names and parameters may add to the files of a form. */
export const framingBytesMax = 1024 * 1024;

/**
 * Reads a form into a folder, each file under a name of ours, as it arrives: memory does not depend on its size. What is refused is refused at
 * once, not when the last byte has come. Whatever happens, the folder is its owner's to remove.
 */
export async function receiveUpload(
  request: Request,
  response: Response,
  work: Pick<WorkFolder, 'path' | 'holds'>,
  limits: UploadLimits,
): Promise<Upload> {
  refuseWhatIsNoForm(request);
  const { uploadBytesMax, uploadFilesMax } = limits;
  const refused = Promise.withResolvers<never>();
  const watch = watchProgress(request, limits, refused.reject);
  try {
    const receive = multer({
      storage: storageIn(work, (error) => refused.reject(error)),
      limits: {
        ...formLimits,
        fileSize: uploadBytesMax,
        files: uploadFilesMax,
        parts: uploadFilesMax + formLimits.fields,
      },
    }).any();
    const received = new Promise<void>((resolve, reject) => {
      receive(request, response, (error: unknown) =>
        error === undefined ? resolve() : reject(failureOf(error, limits)),
      );
    });
    await Promise.race([received, refused.promise]);
  } finally {
    clearInterval(watch);
  }
  // Multer passes over what it does not take for a form, without a word.
  if (request.files === undefined) throw notWellFormed();
  const files = (request.files as Express.Multer.File[]).map(
    ({ fieldname, originalname, path, size }): UploadedFile => ({
      field: fieldname,
      name: nameToShow(originalname),
      path,
      sizeBytes: size,
    }),
  );
  return { fields: { ...(request.body as Record<string, unknown>) }, files };
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

function notWellFormed(): ServiceError {
  return new ServiceError(
    'invalid_body',
    say`Cannot read the form: the boundary in its Content-Type is not well-formed; leave the header to your client, as curl -F file=@sound.wav does.`,
  );
}

/** Files are called by their number: what the caller calls them never becomes a path. */
function storageIn(work: Pick<WorkFolder, 'path' | 'holds'>, refuse: (error: unknown) => void): StorageEngine {
  let count = 0;
  let arrived = 0;
  /** Before it is written, so that no more is on disk than may be. */
  async function* counted(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      arrived += chunk.length;
      work.holds(arrived);
      yield chunk;
    }
  }
  return {
    _handleFile: (_request, file, done) => {
      const path = join(work.path, `upload-${count}`);
      count += 1;
      const output = createWriteStream(path, { flags: 'wx' });
      // Multer would tell when the rest of the body has come; its own listener, set first, keeps the code of the refusal.
      file.stream.once('limit', () => refuse(tooLarge('a file that is larger', undefined)));
      pipeline(file.stream, counted, output).then(
        () => done(null, { path, size: output.bytesWritten }),
        (error: unknown) => {
          refuse(asUploadFailure(error));
          done(error);
        },
      );
    },
    // The whole folder goes with its owner.
    _removeFile: (_request, _file, done) => done(null),
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

function failureOf(error: unknown, limits: UploadLimits): unknown {
  if (error instanceof ServiceError) return error;
  if (!(error instanceof MulterError)) return asUploadFailure(error);
  switch (error.code) {
    case 'LIMIT_FILE_SIZE':
      return tooLarge('a file that is larger', limits.uploadBytesMax);
    case 'LIMIT_FILE_COUNT':
    case 'LIMIT_PART_COUNT':
      return new ServiceError(
        'invalid_body',
        say`Cannot read the form: it has more than ${limits.uploadFilesMax} files; send fewer, or raise VITRINE_UPLOAD_FILES_MAX.`,
      );
    default:
      return new ServiceError(
        'invalid_body',
        say`Cannot read the form: ${ours(error.message)}; send parameters as short, plain fields.`,
        { cause: error },
      );
  }
}

/** What busboy and streams throw: a form that is not well-formed, or a caller who has gone. */
function asUploadFailure(error: unknown): unknown {
  const failure = asDiskFailure(error);
  if (failure instanceof ServiceError) return failure;
  const { message, code } = error as NodeJS.ErrnoException;
  if (/^Request (aborted|closed)|aborted|premature close/i.test(message))
    return new ServiceError('body_incomplete', say`Cannot read the form: the caller left before it was complete.`, {
      cause: error,
    });
  if (code !== undefined) return error;
  return new ServiceError(
    'invalid_body',
    say`Cannot read the form: ${message.slice(0, 100)}; send well-formed multipart/form-data with its boundary.`,
    { cause: error },
  );
}

function tooLarge(what: string, bytesMax: number | undefined): ServiceError {
  return new ServiceError(
    'body_too_large',
    say`Cannot read the form: it has ${ours(what)}${ours(bytesMax === undefined ? ' than is taken' : `; at most ${bytesMax} bytes a file are taken`)}; send less, or raise VITRINE_UPLOAD_BYTES_MAX.`,
  );
}

/** The last part of what the caller called the file, for reports: no folders, no control characters. */
function nameToShow(given: string): string {
  const last = given.split(/[/\\]/).at(-1) ?? '';
  return last.replace(/\p{C}/gu, '').slice(0, 200) || 'file';
}
