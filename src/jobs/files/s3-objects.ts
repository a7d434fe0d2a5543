import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { S3Bucket, type S3Config } from '../../s3/s3-bucket.ts';
import { s3FailureOf } from '../../s3/s3-failure.ts';
import { filesMissing, filesUnreachable } from './files-failure.ts';
import type { ObjectFacts, ObjectStore } from './object-store.ts';

export type S3FilesConfig = S3Config & Pick<Config, 'files' | 's3PartBytes' | 'filesLinkSeconds'>;

/** Objects in a bucket of S3, or of a server that speaks as S3 does. */
export class S3Objects implements ObjectStore {
  readonly #bucket: S3Bucket;
  readonly #config: S3FilesConfig;

  private constructor(bucket: S3Bucket, config: S3FilesConfig) {
    this.#bucket = bucket;
    this.#config = config;
  }

  static async open(config: S3FilesConfig): Promise<S3Objects> {
    return new S3Objects(await S3Bucket.open(config.files, config), config);
  }

  put(key: string, file: string, { contentType, sha256 }: ObjectFacts, signal?: AbortSignal): Promise<void> {
    return named(async () => {
      const { Upload } = await import('@aws-sdk/lib-storage');
      const upload = new Upload({
        client: this.#bucket.client,
        partSize: this.#config.s3PartBytes,
        queueSize: 4,
        // A transfer that fails leaves no parts. Parts of a killed process are removed by age.
        leavePartsOnError: false,
        params: {
          Bucket: this.#bucket.name,
          Key: this.#bucket.prefix + key,
          Body: createReadStream(file, { highWaterMark: 1024 * 1024 }),
          ContentType: contentType,
          Metadata: { sha256 },
          ChecksumAlgorithm: 'CRC32',
        },
      });
      const abort = () => void upload.abort();
      signal?.addEventListener('abort', abort, { once: true });
      try {
        signal?.throwIfAborted();
        await upload.done();
      } finally {
        signal?.removeEventListener('abort', abort);
      }
    });
  }

  async get(key: string, sizeBytes: number, signal?: AbortSignal): Promise<Readable> {
    const part = { key, sizeBytes, signal };
    // The first bytes are asked for here: a caller hears at once that there are none.
    const first = await named(() => this.#bucket.ask(part));
    return Readable.from(eachNamed(this.#bucket.read(part, first)), { objectMode: false });
  }

  link(key: string, { name, contentType }: { name: string; contentType: string }): Promise<string> {
    return named(async () => {
      const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
      const command = new this.#bucket.sdk.GetObjectCommand({
        Bucket: this.#bucket.name,
        Key: this.#bucket.prefix + key,
        ResponseContentType: contentType,
        ResponseContentDisposition: `attachment; filename="${name}"`,
      });
      return await getSignedUrl(this.#bucket.client, command, { expiresIn: this.#config.filesLinkSeconds });
    });
  }

  remove(prefix: string): Promise<void> {
    return named(async () => {
      let keys: string[] = [];
      for await (const { key } of this.#bucket.list(prefix)) {
        keys.push(key);
        if (keys.length < keysPerRemoval) continue;
        await this.#removeAll(keys);
        keys = [];
      }
      if (keys.length > 0) await this.#removeAll(keys);
    });
  }

  async #removeAll(keys: readonly string[]): Promise<void> {
    const { sdk, client, name: Bucket, prefix } = this.#bucket;
    const Objects = keys.map((key) => ({ Key: prefix + key }));
    await client.send(new sdk.DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
  }

  async *olderThan(prefix: string, ageMs: number): AsyncIterable<string> {
    const before = Date.now() - ageMs;
    let last: { name: string; isOld: boolean } | undefined;
    for await (const { key, modifiedMs } of eachNamed(this.#bucket.list(prefix))) {
      const name = key.slice(prefix.length).split('/')[0] ?? '';
      if (last && last.name !== name && last.isOld) yield last.name;
      const isOld = modifiedMs <= before;
      last = { name, isOld: isOld && (last?.name !== name || last.isOld) };
    }
    if (last?.isOld) yield last.name;
  }

  removeUnfinished(ageMs: number): Promise<void> {
    return named(async () => {
      const { sdk, client, name: Bucket, prefix } = this.#bucket;
      const before = Date.now() - ageMs;
      const answer = await client.send(new sdk.ListMultipartUploadsCommand({ Bucket, Prefix: prefix }));
      for (const { Key, UploadId, Initiated } of answer.Uploads ?? [])
        if ((Initiated?.getTime() ?? Number.POSITIVE_INFINITY) <= before)
          await client.send(new sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
    });
  }
}

/** What S3 removes in one call at most. */
const keysPerRemoval = 1000;

async function* eachNamed<T>(pages: AsyncIterable<T>): AsyncIterable<T> {
  try {
    yield* pages;
  } catch (error) {
    throw asFilesFailure(error);
  }
}

async function named<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw asFilesFailure(error);
  }
}

function asFilesFailure(error: unknown): unknown {
  if (error instanceof ServiceError) return error;
  const failure = s3FailureOf(error);
  if (!failure) return error;
  return failure.kind === 'unreachable' ? filesUnreachable(failure.why, error) : filesMissing(error);
}
