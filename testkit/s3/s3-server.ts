import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { choosePort } from '../../launcher/free-port.ts';
import { ensureServer, serverFolder } from '../../launcher/servers/ensure-server.ts';
import type { Server } from '../../launcher/servers.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { waitFor } from '../wait-for.ts';

/** An S3 over a folder, from its Go module. For tests only. */
export const s3Program: Server = {
  title: 'versitygw',
  folder: 'testkit/s3/server',
  packages: ['github.com/versity/versitygw/cmd/versitygw'],
  tags: '',
  binaries: ['versitygw'],
  version: '1.8.0',
  versionVariable: 'main.Version',
  versionArguments: ['--version'],
  coldBuildSeconds: 120,
};

export type S3Server = AsyncDisposable & {
  readonly endpoint: string;
  readonly bucket: string;
  /** For the AWS SDK, by environment. */
  readonly credentials: { readonly AWS_ACCESS_KEY_ID: string; readonly AWS_SECRET_ACCESS_KEY: string };
  /** The folder that the bucket is. */
  readonly folder: string;
  stop(): Promise<void>;
  start(): Promise<void>;
};

const credentials = { AWS_ACCESS_KEY_ID: 'vitrine', AWS_SECRET_ACCESS_KEY: 'vitrine-of-a-test' };

/** A real S3 server with one bucket; unavailable where nobody has built it yet. */
export async function startS3(): Promise<S3Server | { unavailable: string }> {
  if (!existsSync(await serverFolder(s3Program)) && process.env.VITRINE_TEST_BUILDS !== '1')
    return { unavailable: 'versitygw is not built: VITRINE_TEST_BUILDS=1 builds it (a minute or two)' };
  const program = join(await ensureServer(s3Program), 'versitygw');
  const files = await temporaryFolder();
  const root = join(files.path, 'buckets');
  const sidecar = join(files.path, 'sidecar');
  const bucket = 'jobs';
  await mkdir(join(root, bucket), { recursive: true });
  await mkdir(sidecar);
  const port = await choosePort('127.0.0.1');
  const endpoint = `http://127.0.0.1:${port}`;
  let server: ChildProcess | undefined;
  const start = async () => {
    const { AWS_ACCESS_KEY_ID: access, AWS_SECRET_ACCESS_KEY: secret } = credentials;
    const line = ['--quiet', '--access', access, '--secret', secret, '--port', `127.0.0.1:${port}`, '--health', '/up'];
    server = spawn(program, [...line, 'posix', '--sidecar', sidecar, root], { stdio: 'ignore' });
    await waitFor('the S3 server', async () => (await fetch(`${endpoint}/up`)).ok);
  };
  const stop = async () => {
    const ended = server;
    server = undefined;
    if (!ended || ended.exitCode !== null || ended.signalCode !== null) return;
    const exited = once(ended, 'exit');
    ended.kill('SIGKILL');
    await exited;
  };
  await start();
  return {
    endpoint,
    bucket,
    credentials,
    folder: join(root, bucket),
    start,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      await files[Symbol.asyncDispose]();
    },
  };
}
