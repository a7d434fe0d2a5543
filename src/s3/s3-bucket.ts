import type { S3Client } from '@aws-sdk/client-s3';
import type { Config } from '../config.ts';
import { s3FailureOf } from './s3-failure.ts';

export type S3Config = Pick<Config, 's3Endpoint' | 's3Region' | 's3PathStyle' | 'filesMsMax'>;

export type S3Entry = {
  /** Below the prefix. */
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly modifiedMs: number;
};

/** Bytes of an object; with `etag` only while the object has it. */
export type S3Part = {
  /** Below the prefix. */
  readonly key: string;
  readonly sizeBytes: number;
  readonly from?: number;
  readonly etag?: string | undefined;
  readonly signal?: AbortSignal | undefined;
};

type Sdk = typeof import('@aws-sdk/client-s3');

/** How often a transfer goes on after an interruption. */
const attemptsMax = 4;

/** A bucket sent fewer bytes than its object has. */
export class S3Short extends Error {
  override readonly name = 'S3Short';
}

/**
 * A prefix in a bucket of S3, or of a server that speaks as S3 does. Its failures are the SDK's:
 * `s3FailureOf` says what they mean.
 */
export class S3Bucket {
  readonly sdk: Sdk;
  readonly client: S3Client;
  readonly name: string;
  /** Empty, or with a slash at its end. */
  readonly prefix: string;

  private constructor(sdk: Sdk, config: S3Config, address: string) {
    const { s3Endpoint, s3Region, s3PathStyle, filesMsMax } = config;
    const { hostname, pathname } = new URL(address);
    const folder = decodeURIComponent(pathname).replace(/^\/+|\/+$/g, '');
    this.sdk = sdk;
    this.name = hostname;
    this.prefix = folder === '' ? '' : `${folder}/`;
    this.client = new sdk.S3Client({
      region: s3Region,
      forcePathStyle: s3PathStyle,
      ...(s3Endpoint !== '' && { endpoint: s3Endpoint }),
      maxAttempts: attemptsMax,
      requestHandler: { connectionTimeout: 5_000, requestTimeout: filesMsMax, throwOnRequestTimeout: true },
    });
  }

  /** `s3://bucket/prefix`. The SDK is loaded only where there is a bucket. */
  static async open(address: string, config: S3Config): Promise<S3Bucket> {
    return new S3Bucket(await import('@aws-sdk/client-s3'), config, address);
  }

  /** What lies below a prefix, in the order of the keys. */
  async *list(prefix = '', signal?: AbortSignal): AsyncGenerator<S3Entry> {
    const { sdk, client, name: Bucket } = this;
    const abort = signal ? { abortSignal: signal } : {};
    for (let ContinuationToken: string | undefined; ; ) {
      const page = await client.send(
        new sdk.ListObjectsV2Command({ Bucket, Prefix: this.prefix + prefix, ContinuationToken }),
        abort,
      );
      for (const { Key = '', Size = 0, ETag = '', LastModified } of page.Contents ?? [])
        yield {
          key: Key.slice(this.prefix.length),
          sizeBytes: Size,
          etag: ETag,
          modifiedMs: LastModified?.getTime() ?? Number.POSITIVE_INFINITY,
        };
      ContinuationToken = page.NextContinuationToken;
      if (!page.IsTruncated || ContinuationToken === undefined) return;
    }
  }

  /** The bytes of an object from a place on, as one answer of the server gives them. */
  async ask({ key, sizeBytes, from = 0, etag, signal }: S3Part): Promise<AsyncIterable<Uint8Array>> {
    const { Body } = await this.client.send(
      new this.sdk.GetObjectCommand({
        Bucket: this.name,
        Key: this.prefix + key,
        ...(etag !== undefined && { IfMatch: etag }),
        ...(from > 0 && { Range: `bytes=${from}-${sizeBytes - 1}` }),
      }),
      { ...(signal && { abortSignal: signal }) },
    );
    return Body as unknown as AsyncIterable<Uint8Array>;
  }

  /** The same to the end: it goes on after an interruption, where it stopped. */
  async *read(part: S3Part, first?: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { sizeBytes, from = 0, signal } = part;
    let body = first ?? (await this.ask(part));
    for (let at = from, attempt = 1; ; attempt += 1) {
      const before = at;
      try {
        for await (const bytes of body) {
          at += bytes.length;
          yield bytes;
        }
        if (at >= sizeBytes) return;
        if (attempt >= attemptsMax) throw new S3Short('the bucket sent less than was stored');
      } catch (error) {
        if (attempt >= attemptsMax || signal?.aborted || s3FailureOf(error)?.kind === 'changed') throw error;
      }
      if (at > before) attempt = 1;
      body = await this.ask({ ...part, from: at });
    }
  }
}
