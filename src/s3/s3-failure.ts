/** What a failed call of S3 means. The SDK has tried again already what may pass. */
export type S3Failure = {
  /** `changed`: the object is no longer the one that was asked for. */
  readonly kind: 'missing' | 'changed' | 'unreachable';
  /** How it ends a sentence about the place. */
  readonly why: string;
};

/** Undefined of what is no failure of S3, and of what asking again would not change. */
export function s3FailureOf(error: unknown): S3Failure | undefined {
  if (!(error instanceof Error) || error.name === 'AbortError') return undefined;
  const { name, code, $metadata } = error as Error & { code?: string; $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  if (name === 'NoSuchKey' || name === 'NotFound') return { kind: 'missing', why: 'an object is not there' };
  if (status === 412 || status === 416) return { kind: 'changed', why: 'an object has changed while it was read' };
  if (name === 'CredentialsProviderError')
    return { kind: 'unreachable', why: 'there are no credentials (AWS_ACCESS_KEY_ID, or the files of AWS’ own tools)' };
  if (status === 401 || status === 403) return { kind: 'unreachable', why: 'the bucket refuses the credentials' };
  if (name === 'S3Short') return { kind: 'unreachable', why: 'the bucket sent less than was stored' };
  if (name === 'NoSuchBucket') return { kind: 'unreachable', why: 'there is no such bucket' };
  if (status !== undefined && status < 500 && status !== 429 && status !== 408) return undefined;
  return { kind: 'unreachable', why: `the bucket cannot be reached (${status ?? code ?? name})` };
}
