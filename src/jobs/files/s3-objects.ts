import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { filesMissing, filesUnreachable } from './files-failure.ts';
import type { ObjectFacts, ObjectStore } from './object-store.ts';

export type S3Config = Pick<
  Config,
  'files' | 's3Endpoint' | 's3Region' | 's3PathStyle' | 's3PartBytes' | 'filesLinkSeconds' | 'filesMsMax'
>;

type Sdk = typeof import('@aws-sdk/client-s3');

/** How often a transfer goes on after an interruption. */
const attemptsMax = 4;

/** Objects in a bucket of S3, or of a server that speaks as S3 does. */
export class S3Objects implements ObjectStore {
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #config: S3Config;
  readonly #bucket: string;
  readonly #prefix: string;

  private constructor(sdk: Sdk, config: S3Config, { bucket, prefix }: { bucket: string; prefix: string }) {
    const { s3Endpoint, s3Region, s3PathStyle, filesMsMax } = config;
    this.#sdk = sdk;
    this.#config = config;
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#client = new sdk.S3Client({
      region: s3Region,
      forcePathStyle: s3PathStyle,
      ...(s3Endpoint !== '' && { endpoint: s3Endpoint }),
      maxAttempts: attemptsMax,
      requestHandler: { connectionTimeout: 5_000, requestTimeout: filesMsMax, throwOnRequestTimeout: true },
    });
  }

  /** The SDK is loaded only where there is a bucket. */
  static async open(config: S3Config): Promise<S3Objects> {
    const { hostname: bucket, pathname } = new URL(config.files);
    const folder = decodeURIComponent(pathname).replace(/^\/+|\/+$/g, '');
    const prefix = folder === '' ? '' : `${folder}/`;
    return new S3Objects(await import('@aws-sdk/client-s3'), config, { bucket, prefix });
  }

  put(key: string, file: string, { contentType, sha256 }: ObjectFacts, signal?: AbortSignal): Promise<void> {
    return named(async () => {
      const { Upload } = await import('@aws-sdk/lib-storage');
      const upload = new Upload({
        client: this.#client,
        partSize: this.#config.s3PartBytes,
        queueSize: 4,
        // A transfer that fails leaves no parts. Parts of a killed process are removed by age.
        leavePartsOnError: false,
        params: {
          Bucket: this.#bucket,
          Key: this.#prefix + key,
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
    // The first bytes are asked for here: a caller hears at once that there are none.
    const first = await this.#ask(key, 0, sizeBytes, signal);
    return Readable.from(this.#bytes(first, { key, sizeBytes, signal }), { objectMode: false });
  }

  async *#bytes(
    first: AsyncIterable<Uint8Array>,
    of: { key: string; sizeBytes: number; signal: AbortSignal | undefined },
  ) {
    const { key, sizeBytes, signal } = of;
    let body = first;
    for (let at = 0, attempt = 1; ; attempt += 1) {
      const before = at;
      try {
        for await (const bytes of body) {
          at += bytes.length;
          yield bytes;
        }
        if (at >= sizeBytes) return;
      } catch (error) {
        if (attempt >= attemptsMax || signal?.aborted) throw asFilesFailure(error);
      }
      if (attempt >= attemptsMax) throw filesUnreachable('the bucket sent less than was stored', undefined);
      if (at > before) attempt = 1;
      body = await this.#ask(key, at, sizeBytes, signal);
    }
  }

  #ask(
    key: string,
    from: number,
    sizeBytes: number,
    signal: AbortSignal | undefined,
  ): Promise<AsyncIterable<Uint8Array>> {
    return named(async () => {
      const { Body } = await this.#client.send(
        new this.#sdk.GetObjectCommand({
          Bucket: this.#bucket,
          Key: this.#prefix + key,
          ...(from > 0 && { Range: `bytes=${from}-${sizeBytes - 1}` }),
        }),
        { ...(signal && { abortSignal: signal }) },
      );
      return Body as unknown as AsyncIterable<Uint8Array>;
    });
  }

  link(key: string, { name, contentType }: { name: string; contentType: string }): Promise<string> {
    return named(async () => {
      const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
      const command = new this.#sdk.GetObjectCommand({
        Bucket: this.#bucket,
        Key: this.#prefix + key,
        ResponseContentType: contentType,
        ResponseContentDisposition: `attachment; filename="${name}"`,
      });
      return await getSignedUrl(this.#client, command, { expiresIn: this.#config.filesLinkSeconds });
    });
  }

  remove(prefix: string): Promise<void> {
    return named(async () => {
      const Bucket = this.#bucket;
      const pages = this.#sdk.paginateListObjectsV2(
        { client: this.#client },
        { Bucket, Prefix: this.#prefix + prefix },
      );
      for await (const { Contents = [] } of pages) {
        const Objects = Contents.map(({ Key }) => ({ Key }));
        if (Objects.length > 0)
          await this.#client.send(new this.#sdk.DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
      }
    });
  }

  async *olderThan(prefix: string, ageMs: number): AsyncIterable<string> {
    const before = Date.now() - ageMs;
    const under = this.#prefix + prefix;
    let last: { name: string; isOld: boolean } | undefined;
    const pages = this.#sdk.paginateListObjectsV2({ client: this.#client }, { Bucket: this.#bucket, Prefix: under });
    for await (const { Contents = [] } of eachNamed(pages))
      for (const { Key = '', LastModified } of Contents) {
        const name = Key.slice(under.length).split('/')[0] ?? '';
        if (last && last.name !== name && last.isOld) yield last.name;
        const isOld = (LastModified?.getTime() ?? Number.POSITIVE_INFINITY) <= before;
        last = { name, isOld: isOld && (last?.name !== name || last.isOld) };
      }
    if (last?.isOld) yield last.name;
  }

  removeUnfinished(ageMs: number): Promise<void> {
    return named(async () => {
      const Bucket = this.#bucket;
      const before = Date.now() - ageMs;
      const answer = await this.#client.send(
        new this.#sdk.ListMultipartUploadsCommand({ Bucket, Prefix: this.#prefix }),
      );
      for (const { Key, UploadId, Initiated } of answer.Uploads ?? [])
        if ((Initiated?.getTime() ?? Number.POSITIVE_INFINITY) <= before)
          await this.#client.send(new this.#sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
    });
  }
}

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

/** The SDK has tried again already what may pass. */
function asFilesFailure(error: unknown): unknown {
  if (error instanceof ServiceError || !(error instanceof Error)) return error;
  const { name, code, $metadata } = error as Error & { code?: string; $metadata?: { httpStatusCode?: number } };
  if (name === 'AbortError') return error;
  if (name === 'NoSuchKey' || name === 'NotFound') return filesMissing(error);
  const status = $metadata?.httpStatusCode;
  if (status === 401 || status === 403 || name === 'CredentialsProviderError')
    return filesUnreachable('the bucket refuses the credentials', error);
  if (name === 'NoSuchBucket') return filesUnreachable('there is no such bucket', error);
  if (status !== undefined && status < 500 && status !== 429 && status !== 408) return error;
  return filesUnreachable(`the bucket cannot be reached (${status ?? code ?? name})`, error);
}
