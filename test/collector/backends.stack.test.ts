import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { ensureServer } from '../../launcher/servers/ensure-server.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { backendFile, baseFile, checkout } from './collector-process.ts';

const run = promisify(execFile);
const names = readdirSync(join(checkout, 'otel-collector/backends'))
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => file.slice(0, -'.yaml'.length));

/** What a file needs from the environment; all others need nothing. */
const needs: Record<string, Record<string, string>> = {
  otlp: {
    VITRINE_OTLP_BACKEND_ENDPOINT: 'https://otlp.example.com',
    VITRINE_OTLP_BACKEND_HEADERS: '{api-key: "0123", x-tenant: "one"}',
  },
  tls: {
    VITRINE_COLLECTOR_TLS_CERT_FILE: '/certificates/collector.crt',
    VITRINE_COLLECTOR_TLS_KEY_FILE: '/certificates/collector.key',
  },
  elastic: { VITRINE_ELASTIC_HEADERS: '{Authorization: "ApiKey 0123"}' },
};

/** What a file lies over, and does not go without. */
const beneath: Record<string, string> = { 'loki-by-stream': 'loki' };

describe('the files of otel-collector/backends', function () {
  this.timeout(900_000);
  let program: string;
  before(async () => {
    program = join(await ensureServer('collector'), 'otelcol');
  });

  const validate = async (chosen: readonly string[], env = Object.assign({}, ...chosen.map((name) => needs[name]))) => {
    await using folder = await temporaryFolder();
    const files = [baseFile, ...chosen.map(backendFile)].map((file) => `--config=${file}`);
    await run(program, ['validate', ...files], { env: { PATH: process.env.PATH, VITRINE_DATA: folder.path, ...env } });
  };

  for (const name of names) {
    const under = beneath[name];
    it(`has ${name}, which the Collector accepts`, () => validate(under === undefined ? [name] : [under, name]));
  }

  it('can be none at all', () => validate([]));

  it('can be the default three together', () => validate(['prometheus', 'tempo', 'loki']));

  it('can be all of them together', () => validate(names));

  it('says what is missing when otlp has no endpoint', async () => {
    await assert.rejects(validate(['otlp'], {}), /at least one endpoint must be specified/);
  });

  for (const name of names) {
    describe(name, () => {
      let text: string;
      let file: BackendFile;
      before(async () => {
        text = await readFile(backendFile(name), 'utf8');
        file = parse(text, { merge: true }) as BackendFile;
      });

      it('begins with what it is for, how to choose it, and what it reads from the environment', () => {
        const comment = text.slice(0, text.search(/^[^#\n]/m));
        assert.match(comment, new RegExp(`VITRINE_BACKENDS=[\\w,-]*${name}`));
        assert.match(comment, /The environment:/);
        for (const [, variable = ''] of text.matchAll(/\$\{env:(\w+)/g)) {
          assert.ok(comment.includes(variable), `${variable} is read, but the comment does not name it`);
        }
      });

      it('keeps what it cannot send on disk, without end, in requests below 4 MiB that are not merged', () => {
        for (const [id, exporter] of Object.entries(file.exporters ?? {})) {
          // What it changes of the exporter beneath it is not the queue.
          if (id === `otlp_http/${beneath[name]}` && exporter.sending_queue === undefined) continue;
          // The one behind the relay hands its failures back; files, consoles and scrapes have nothing to
          // wait for.
          if (['prometheus_remote_write', 'prometheus', 'debug'].includes(id) || id.startsWith('file/')) continue;
          const queue = exporter.sending_queue;
          assert.equal(exporter.retry_on_failure?.max_elapsed_time, '0s', id);
          assert.equal(queue?.storage, 'file_storage', id);
          assert.equal(queue?.sizer, 'bytes', id);
          assert.equal(queue?.block_on_overflow, false, id);
          assert.equal(queue?.batch.sizer, 'bytes', id);
          assert.equal(queue?.batch.min_size, 0, id);
          assert.ok((queue?.batch.max_size ?? 0) > 0 && (queue?.batch.max_size ?? 0) < 4 * 1024 ** 2, id);
        }
      });
    });
  }

  it('leaves the pipelines of config.yaml as they are, but for tail_sampling at the end of one', async () => {
    const base = parse(await readFile(baseFile, 'utf8')) as BackendFile;
    for (const name of names) {
      const { service } = parse(await readFile(backendFile(name), 'utf8')) as BackendFile;
      for (const [id, pipeline] of Object.entries(service?.pipelines ?? {})) {
        if (!(id in base.service!.pipelines)) continue;
        assert.deepEqual([name, id], ['tail-sampling', 'traces'], `${name} changes a pipeline of config.yaml`);
        assert.deepEqual(pipeline, {
          processors: [...(base.service!.pipelines[id]?.processors ?? []), 'tail_sampling'],
        });
      }
    }
  });

  it('has in loki-by-stream the pipelines of loki, each behind the filter of its stream', async () => {
    const read = async (name: string) => parse(await readFile(backendFile(name), 'utf8')) as BackendFile;
    const processors = (await read('loki')).service!.pipelines['logs/loki']?.processors ?? [];
    for (const [id, pipeline] of Object.entries((await read('loki-by-stream')).service!.pipelines)) {
      const stream = id === 'logs/loki' ? 'app' : id.slice('logs/loki-'.length);
      assert.deepEqual(pipeline.processors, [`filter/only_${stream}`, ...processors], id);
    }
  });
});

type BackendFile = {
  exporters?: Record<
    string,
    {
      retry_on_failure?: { max_elapsed_time: string };
      sending_queue?: {
        storage: string;
        sizer: string;
        block_on_overflow: boolean;
        batch: { sizer: string; min_size: number; max_size: number };
      };
    }
  >;
  service?: { pipelines: Record<string, { receivers?: string[]; processors?: string[]; exporters?: string[] }> };
};
