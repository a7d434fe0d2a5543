import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { identity } from '../../testkit/models/models.ts';
import { type ServedApi, serveApi } from '../api/serve-api.ts';

const root = join(import.meta.dirname, '../..');
const sources = pathToFileURL(join(root, 'src')).href;
const rungsMax = 25;
/** What carries, refuses or answers. Records, guards and tools of V8 stand beside the way. */
const isOnTheWay = (file: string) => /^(?:http|api|engine)\//.test(file);

describe('the way of an inference', () => {
  let api: ServedApi;

  before(async () => {
    const manifest = { lanes: { shortcut: false } };
    api = await serveApi({ copy: { onnx: identity('FP32'), manifest } }, {}, { observed: true });
  });

  after(() => api[Symbol.asyncDispose]());

  it(`enters the files that ARCHITECTURE lists, and at most ${rungsMax} of them are rungs`, async () => {
    const { rungs, leaves } = await listed();
    assert.ok(rungs.length <= rungsMax, `${rungs.length} rungs`);
    const entered = await filesEntered(rungs.length + leaves.length);
    assert.deepEqual(entered.filter(isOnTheWay), [...rungs, ...leaves].filter(isOnTheWay).sort());
    assert.deepEqual(
      rungs.filter((file) => !entered.includes(file)),
      [],
    );
  });

  /**
   * The files of src of which a function runs in each of several inferences: what a timer does is in
   * none but some.
   */
  async function filesEntered(count: number): Promise<string[]> {
    for (let times = 0; times < 3; times += 1) await infer();
    const session = new Session();
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true });
    let common: string[] | undefined;
    for (let times = 0; times < 40 && (times < 4 || (common?.filter(isOnTheWay).length ?? 0) >= count); times += 1) {
      await session.post('Profiler.takePreciseCoverage');
      await infer();
      const { result } = await session.post('Profiler.takePreciseCoverage');
      const ran = result.filter(({ functions }) => functions.some(({ ranges }) => (ranges[0]?.count ?? 0) > 0));
      const files = new Set(ran.filter(({ url }) => url.startsWith(sources)).map(({ url }) => fileOf(url)));
      common = common?.filter((file) => files.has(file)) ?? [...files];
    }
    session.disconnect();
    return common!.sort();
  }

  async function infer(): Promise<void> {
    const input = { name: 'x', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: 8 } };
    const json = JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } });
    const body = Buffer.concat([Buffer.from(json), Buffer.alloc(8)]);
    const headers = { 'Inference-Header-Content-Length': String(json.length) };
    // Over a connection that is kept.
    const answer = await api.fetch('/v2/models/copy/infer', { method: 'POST', body, headers });
    assert.equal(answer.status, 200, await answer.text());
  }
});

function fileOf(url: string): string {
  return url.slice(sources.length + 1).replace(/\.ts$/, '');
}

/** The ladder, and the leaves that are called from it. */
async function listed(): Promise<{ rungs: string[]; leaves: string[] }> {
  const text = await readFile(join(root, 'ARCHITECTURE.md'), 'utf8');
  const [, ladder = '', after = ''] =
    /\nPOST \/v2\/models\/:name\/infer\n(.*?)\nany failure.*?```\n(.*?)\n## /s.exec(text) ?? [];
  return {
    rungs: [...ladder.matchAll(/^ {2}[│├▼]▶? +(?:\d{3} )* *([a-z-]+\/[a-z/-]+)/gm)].map(([, file]) => file!),
    leaves: [...after.matchAll(/`((?:http|api|engine)\/[a-z/-]+)`/g)].map(([, file]) => file!),
  };
}
