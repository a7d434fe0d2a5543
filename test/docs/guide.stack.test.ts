import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { settings } from '../../src/config.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { type Block, guideBlocks, root } from './blocks.ts';

const run = promisify(execFile);
const blocks = guideBlocks();

/** The ports that pages name by their usual port. */
const doors = {
  servicePort: settings.servicePort.default,
  receiverPort: settings.receiverPort.default,
  prometheusPort: settings.prometheusPort.default,
  tempoPort: settings.tempoPort.default,
  lokiPort: settings.lokiPort.default,
  alertmanagerPort: settings.alertmanagerPort.default,
} as const;

const encoded = encodeURIComponent;
const queries = {
  promql: {
    door: 'prometheus',
    urlOf: (query: string) => `/api/v1/query?query=${encoded(query)}`,
    resultOf: (answer: { data: { result: unknown[] } }) => answer.data.result,
  },
  logql: {
    door: 'loki',
    urlOf: (query: string) => `/loki/api/v1/query_range?since=1h&query=${encoded(query)}`,
    resultOf: (answer: { data: { result: unknown[] } }) => answer.data.result,
  },
  traceql: {
    door: 'tempo',
    urlOf: (query: string) => `/api/search?q=${encoded(query)}`,
    resultOf: (answer: { traces?: unknown[] }) => answer.traces ?? [],
  },
} as const;

describe('the commands and queries of README and the guide', function () {
  this.timeout(900_000);
  let stack: Stack;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  before(async () => {
    folder = await temporaryFolder();
    stack = await startStack({
      env: { VITRINE_TRACE_FIRST_PER_SECOND: '100000', VITRINE_TASKS_PER_MINUTE_MAX: '1000' },
    });
    await makeTraffic(stack);
  });

  after(async () => {
    await stack?.close();
    await folder?.[Symbol.asyncDispose]();
  });

  for (const block of blocks.filter(({ language, words }) => language === 'sh' && words === ''))
    it(`${block.page}:${block.line} runs: ${firstLine(block)}`, () => runScript(block));

  for (const block of blocks.filter(({ language }) => language in queries))
    it(`${block.page}:${block.line} answers: ${firstLine(block)}`, () => answers(block));

  async function runScript({ text }: Block) {
    let script = text;
    for (const [name, port] of Object.entries(doors))
      script = script.replaceAll(`localhost:${port}`, `127.0.0.1:${stack.port(name as keyof typeof doors)}`);
    // What a person types; a status that says failure fails, and the command is that of this checkout.
    const prelude = `set -euo pipefail
      curl() { command curl --fail-with-body --retry 5 --retry-all-errors --retry-delay 1 "$@"; }
      npx() { shift; "${process.execPath}" "${join(root, 'cli/vitrine.mjs')}" "$@"; }
    `;
    await run('bash', ['-c', prelude + script], {
      cwd: folder.path,
      env: { ...process.env, ...stack.env },
      maxBuffer: 64 * 2 ** 20,
    }).catch((error: Error & { stdout: string; stderr: string }) => {
      assert.fail(`${error.message}\n${error.stdout.slice(-2000)}\n${error.stderr.slice(-2000)}`);
    });
  }

  async function answers({ language, words, text }: Block) {
    const { door, urlOf, resultOf } = queries[language as keyof typeof queries];
    const url = `${stack.url(door)}${urlOf(text.trim())}`;
    const ask = async () => {
      const answer = await fetch(url);
      const said = await answer.text();
      assert.equal(answer.status, 200, said);
      return resultOf(JSON.parse(said));
    };
    if (words.startsWith('quiet: ')) await ask();
    else await waitFor(`data for ${text}`, async () => (await ask()).length > 0, { deadlineMs: 60_000 });
  }
});

/** What the queries ask for: inferences, failures, a forced trace. */
async function makeTraffic(stack: Stack) {
  const url = stack.url('service');
  const of = (name: string, shape: readonly number[], data: readonly number[]) => ({
    name,
    datatype: 'FP32',
    shape,
    data,
  });
  const inputs = [
    of('field', [1, 2, 2], [0.1, -0.3, 0.2, 0.5]),
    of('previous_estimate', [1, 2, 2], [0, 0, 0, 0]),
    of('spectrum', [2, 2], [1, 1, 1, 1]),
    ...['signal', 'noise', 'keep', 'pull', 'momentum'].map((name) => of(name, [1], [0.5])),
  ];
  await waitFor('an inference', async () => {
    const answer = await fetch(`${url}/v2/models/gaussian-field/infer`, {
      method: 'POST',
      body: JSON.stringify({ inputs }),
      headers: { 'x-vitrine-trace': '1' },
    });
    await answer.text();
    return answer.status === 200;
  });
  for (const path of ['/v2', '/v2/models/none', '/live', '/nowhere']) await (await fetch(`${url}${path}`)).text();
}

function firstLine({ text }: Block): string {
  return (text.trim().split('\n')[0] ?? '').slice(0, 80);
}
