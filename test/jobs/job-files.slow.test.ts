import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { readConfig } from '../../src/config.ts';
import type { JobFiles } from '../../src/jobs/files/job-files.ts';
import { openJobFiles } from '../../src/jobs/files/open-job-files.ts';
import type { Job } from '../../src/jobs/job.ts';
import { WorkFolders } from '../../src/jobs/work-folders.ts';
import { Meter } from '../../src/telemetry/meter.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { type S3Server, startS3 } from '../../testkit/s3/s3-server.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { someJob } from './some-job.ts';

let s3: S3Server;

const inFolder = {
  title: 'a folder that replicas share',
  begin: async (_test: Mocha.Context) => undefined,
  end: async () => undefined,
  settings: (data: string): Record<string, string> => ({ VITRINE_FILES: `file://${join(data, 'shared')}` }),
};

const inS3: typeof inFolder = {
  title: 'S3',
  begin: async (test) => {
    test.timeout(300_000);
    s3 = availableOrSkip(test, await startS3());
    Object.assign(process.env, s3.credentials);
    return undefined;
  },
  end: async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) delete process.env[name];
    await s3?.[Symbol.asyncDispose]();
    return undefined;
  },
  settings: () => ({
    VITRINE_FILES: `s3://${s3.bucket}/of/${randomUUID()}`,
    VITRINE_S3_ENDPOINT: s3.endpoint,
    VITRINE_S3_PART_BYTES: String(5 * 1024 ** 2),
  }),
};

for (const kind of [inFolder, inS3])
  describe(`the files of jobs in ${kind.title}`, () => {
    before(async function () {
      await kind.begin(this);
    });
    after(() => kind.end());

    it('bring an upload to another replica, whole and in several parts, and go with it', async () => {
      await using at = await someFiles(kind.settings);
      const upload = randomBytes(12 * 1024 ** 2);
      const { job, request } = await at.upload(upload);
      const elsewhere = await at.folder('elsewhere');
      await at.files.fetchUploads({ ...job, request }, elsewhere, never);
      assert.deepEqual(await readFile(join(elsewhere, 'upload-1')), upload);
      await at.files.removeUploads(job.id);
      await assert.rejects(at.files.fetchUploads({ ...job, request }, elsewhere, never), { code: 'files_missing' });
    });

    it('store each attempt’s result apart, so that a slow one overwrites nothing', async () => {
      await using at = await someFiles(kind.settings);
      const { job } = await at.upload(Buffer.from('x'));
      const first = await at.keep({ ...job, attempt: 1 }, 'of the first');
      const second = await at.keep({ ...job, attempt: 2 }, 'of the second');
      const late = await at.keep({ ...job, attempt: 1 }, 'of the first, late');
      assert.deepEqual([first.attempt, second.attempt, late.attempt], [1, 2, 1]);
      const done: Job = { ...job, state: 'done', attempt: 2, result: second };
      assert.equal(await at.read(done), 'of the second');
      await at.files.removeAttempt(job.id, 1);
      assert.equal(await at.read(done), 'of the second');
      await at.files.removeResult(job.id);
      await assert.rejects(at.read(done), { code: 'files_missing' });
    });

    it('end before the last bytes where these are not what was stored', async () => {
      await using at = await someFiles(kind.settings);
      const { job } = await at.upload(Buffer.from('x'));
      const result = await at.keep({ ...job, attempt: 1 }, 'right');
      const [file] = result.files;
      const wrong = { ...result, files: [{ ...file!, sha256: '0'.repeat(64) }] };
      await assert.rejects(at.read({ ...job, state: 'done', result: wrong }), { code: 'files_missing' });
    });

    it('without a job are removed by age, and no others', async () => {
      await using at = await someFiles(kind.settings, { VITRINE_FILES_ABANDONED_MS: '1000' });
      const [lost, live, ended] = [
        await at.upload(Buffer.from('1')),
        await at.upload(Buffer.from('2')),
        await at.upload(Buffer.from('3')),
      ];
      const result = await at.keep({ ...ended.job, attempt: 1 }, 'kept');
      const asked = new Set<string>();
      const known = async (ids: readonly string[], which: 'all' | 'live') => {
        for (const id of ids) asked.add(id);
        return ids.filter((id) => id === live.job.id || (which === 'all' && id === ended.job.id));
      };
      await (await at.again({ VITRINE_FILES_ABANDONED_MS: '3600000' })).sweep(known);
      assert.equal(asked.size, 0, 'what is young is left alone');
      const fetchable = async ({ job, request }: typeof lost) =>
        at.files.fetchUploads({ ...job, request }, await at.folder('look'), never).then(
          () => true,
          () => false,
        );
      await waitOld();
      await at.files.sweep(known);
      assert.deepEqual([await fetchable(lost), await fetchable(live), await fetchable(ended)], [false, true, false]);
      assert.equal(await at.read({ ...ended.job, state: 'done', result }), 'kept');
    });
  });

describe('the files of jobs in S3', () => {
  before(async function () {
    await inS3.begin(this);
  });
  after(() => inS3.end());

  it('go on where a transfer was cut off', async () => {
    await using cut = await cuttingProxy(s3.endpoint);
    await using at = await someFiles(inS3.settings, { VITRINE_S3_ENDPOINT: cut.endpoint });
    const upload = randomBytes(9 * 1024 ** 2);
    const { job, request } = await at.upload(upload);
    cut.answersToCut = 3;
    const folder = await at.folder('elsewhere');
    await at.files.fetchUploads({ ...job, request }, folder, never);
    assert.deepEqual(await readFile(join(folder, 'upload-1')), upload);
    assert.equal(cut.answersToCut, 0);
    assert.ok(cut.ranges.length >= 3, `asked again from where it stopped: ${cut.ranges}`);
  });

  it('say that the bucket cannot be reached or refuses the credentials, and work again afterwards', async () => {
    await using at = await someFiles(inS3.settings, { VITRINE_FILES_MS_MAX: '2000' });
    await s3.stop();
    await assert.rejects(at.upload(Buffer.from('x')), { code: 'files_unreachable', message: /VITRINE_FILES/ });
    await s3.start();
    await at.upload(Buffer.from('x'));
    process.env.AWS_SECRET_ACCESS_KEY = 'wrong';
    try {
      await using refused = await someFiles(inS3.settings);
      await assert.rejects(refused.upload(Buffer.from('x')), {
        code: 'files_unreachable',
        message: /refuses the credentials/,
      });
    } finally {
      Object.assign(process.env, s3.credentials);
    }
  });

  it('are had by a signed link where the setting says so', async () => {
    await using at = await someFiles(inS3.settings, { VITRINE_FILES_LINKS: 'signed' });
    const { job } = await at.upload(Buffer.from('x'));
    const result = await at.keep({ ...job, attempt: 1 }, 'linked');
    const opened = await at.files.open({ ...job, state: 'done', result }, result.files[0]!, never);
    assert.ok('link' in opened);
    const answer = await fetch(opened.link);
    assert.deepEqual([answer.status, await answer.text()], [200, 'linked']);
    assert.equal(answer.headers.get('content-disposition'), 'attachment; filename="answer.txt"');
  });
});

describe('a folder that replicas share', () => {
  it('is said to fail where it cannot be written, and leaves nothing unfinished', async function () {
    if (process.getuid?.() === 0) this.skip();
    await using at = await someFiles(inFolder.settings);
    await mkdir(join(at.data, 'shared'));
    await chmod(join(at.data, 'shared'), 0o500);
    await assert.rejects(at.upload(Buffer.from('x')), { code: 'files_unreachable' });
    assert.deepEqual(await readdir(join(at.data, 'shared')), []);
  });
});

const never = new AbortController().signal;

/** Older than a second, by the clock of the files. */
const waitOld = () => new Promise((resolve) => setTimeout(resolve, 2_100));

type SomeFiles = AsyncDisposable & {
  readonly files: JobFiles;
  readonly data: string;
  /** The same place, with other settings. */
  again(others: Record<string, string>): Promise<JobFiles>;
  folder(name: string): Promise<string>;
  upload(bytes: Buffer): Promise<{ job: Job; request: Job['request'] }>;
  keep(job: Job, text: string): ReturnType<JobFiles['keepResult']>;
  read(job: Job): Promise<string>;
};

async function someFiles(
  settings: (data: string) => Record<string, string>,
  more: Record<string, string> = {},
): Promise<SomeFiles> {
  const data = await temporaryFolder();
  const place = { VITRINE_DATA: data.path, ...settings(data.path), ...more };
  const again = async (others: Record<string, string>) => {
    const config = readConfig({ ...place, ...others });
    return await openJobFiles(config, await WorkFolders.open(config, new Meter()));
  };
  const files = await again({});
  const folder = async (name: string) => {
    const path = join(data.path, `${name}-${randomUUID()}`);
    await mkdir(path);
    return path;
  };
  return {
    files,
    again,
    data: data.path,
    folder,
    upload: async (bytes) => {
      const from = await folder('from');
      await writeFile(join(from, 'upload-1'), bytes);
      const { id } = someJob();
      const file = { field: 'file', name: 'a.wav', path: 'upload-1', sizeBytes: bytes.length };
      const request = await files.keepUploads(id, from, { kind: 'score', parameters: {}, files: [file] });
      return { job: jobOf(id), request };
    },
    keep: async (job, text) => {
      const from = await folder('attempt');
      await writeFile(join(from, 'answer'), text);
      const result = { contentType: 'text/plain', file: 'answer', fileName: 'answer.txt', facts: {} };
      return await files.keepResult(job, result, from, never);
    },
    read: async (job) => {
      const opened = await files.open(job, job.result!.files[0]!, never);
      assert.ok('bytes' in opened);
      return (await buffer(opened.bytes)).toString();
    },
    [Symbol.asyncDispose]: () => data[Symbol.asyncDispose](),
  };
}

function jobOf(id: string): Job {
  const { idempotency: _, ...made } = someJob({ id });
  return {
    ...made,
    state: 'running',
    attempt: 1,
    failures: 0,
    stalls: 0,
    interruptions: 0,
    suspect: false,
    startedMs: undefined,
    endedMs: undefined,
    expiresMs: undefined,
    cancelWanted: false,
    deleteWanted: false,
    progress: undefined,
    result: undefined,
    failure: undefined,
  };
}

/** Cuts the next answers off in the middle. */
async function cuttingProxy(target: string) {
  const ranges: string[] = [];
  const proxy = { answersToCut: 0 };
  const server = createServer((request, response) => {
    const passed = httpRequest(target + request.url, { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      if (request.method === 'GET' && request.headers.range) ranges.push(request.headers.range);
      if (request.method !== 'GET' || proxy.answersToCut === 0) {
        answer.pipe(response);
        return;
      }
      proxy.answersToCut -= 1;
      let bytes = 0;
      answer.on('data', (some: Buffer) => {
        bytes += some.length;
        response.write(some);
        if (bytes > 1024 ** 2) response.destroy();
      });
    });
    passed.on('error', () => response.destroy());
    request.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ranges,
    get answersToCut() {
      return proxy.answersToCut;
    },
    set answersToCut(count: number) {
      proxy.answersToCut = count;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
