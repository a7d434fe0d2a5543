import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { headLine, headValue, joinHead } from '../../src/head-lines.ts';
import { chooseExchange } from '../../src/http/choose-exchange.ts';
import { differenceOf } from '../../src/http/compare-exchanges.ts';
import { fastExchange } from '../../src/http/fast-exchange.ts';
import type { HttpExchange, MakeExchange } from '../../src/http/http-exchange.ts';
import { plainExchange } from '../../src/http/plain-exchange.ts';

const sources = join(import.meta.dirname, '../../src');

describe('the fast exchange', () => {
  it('reads and sends on this Node what the plain one does', async () => {
    assert.equal(await differenceOf(fastExchange), undefined);
    assert.equal(await differenceOf(plainExchange), undefined);
  });

  it('is compared in another thread: V8 learns of one kind of messages here', async () => {
    let served = 0;
    const count = () => {
      served += 1;
    };
    subscribe('http.server.request.start', count);
    try {
      assert.equal(await chooseExchange({ httpExchange: 'auto' }), fastExchange);
      assert.equal(served, 0);
      await differenceOf(fastExchange);
      assert.equal(served, 4);
    } finally {
      unsubscribe('http.server.request.start', count);
    }
  });

  for (const { what, change, difference } of [
    {
      what: 'sends another head',
      change: ({ end }: HttpExchange) => ({
        end: (response, head, bytes, size) => end(response, joinHead(head, headLine('Retry-After', 1)), bytes, size),
      }),
      difference: /^the bytes that it sends$/,
    },
    {
      what: 'reads another body',
      change: ({ readBody }: HttpExchange) => ({
        readBody: (request, sink) => readBody(request, { ...sink, add: (chunk) => sink.add(chunk.subarray(1)) }),
      }),
      difference: /^the bodies that it reads$/,
    },
    {
      what: 'takes an answered connection for a busy one',
      change: () => ({ answerOn: () => null }),
      difference: /^the bytes that it sends$/,
    },
    {
      what: 'throws',
      change: () => ({
        end: () => {
          throw new Error('no such member');
        },
      }),
      difference: /^that it fails \(no such member\)$/,
    },
    { what: 'never answers', change: () => ({ end: () => undefined }), difference: /did not answer in time/ },
  ] satisfies { what: string; change: (from: HttpExchange) => Partial<HttpExchange>; difference: RegExp }[])
    it(`is not taken on a Node where it ${what}`, async () => {
      const make: MakeExchange = (app, keepAliveMs) => {
        const from = fastExchange(app, keepAliveMs);
        return { ...from, ...change(from) };
      };
      assert.match((await differenceOf(make, 300)) ?? '', difference);
    });
});

describe('what Node does not document', () => {
  it('is used in one file', async () => {
    const found: string[] = [];
    for (const name of await readdir(sources, { recursive: true })) {
      if (!name.endsWith('.ts') || name === 'http/fast-exchange.ts') continue;
      const text = await readFile(join(sources, name), 'utf8');
      for (const [use] of text.matchAll(/\._[a-z]\w*|\boverride (?:_\w+|push)\b|[{;] *_\w+\??:|shouldKeepAlive/gi))
        found.push(`${name}: ${use}`);
    }
    assert.deepEqual(found, []);
  });
});

describe('a value in a head', () => {
  it('has no end of line, and nothing else that a head may not have', () => {
    for (const text of ['a\r\nSet-Cookie: b', 'a\n', '\r', '\0', 'ž', '\x7f'])
      assert.throws(() => headValue(text), /characters that no header may have/);
    assert.equal(headLine('RateLimit', headValue('"infer";r=1;t=2')), '\r\nRateLimit: "infer";r=1;t=2');
    // @ts-expect-error text that nobody checked
    headLine('RateLimit', 'text');
  });

  it('is made in one file', async () => {
    const found: string[] = [];
    for (const name of await readdir(sources, { recursive: true })) {
      if (!name.endsWith('.ts') || name === 'head-lines.ts') continue;
      if (/ as Head(?:Lines|Value)\b/.test(await readFile(join(sources, name), 'utf8'))) found.push(name);
    }
    assert.deepEqual(found, []);
  });
});
