import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const source = join(import.meta.dirname, '../../src');

/** Calls that put text into a store. */
const recording = /\b(?:log|setStatus|recordException|setAttributes?|recordSpan|reportDefect)\(/g;
/**
 * What an error says to its caller; `recorded`, recordedReason and recordedStack (src/errors.ts)
 * are for records.
 */
const forCallers = /\.(?:message|stack)\b|String\((?:error|cause)\)/;

/**
 * What stands in the call, and why it may: the operator's own files, and events that are recorded
 * on behalf of who sent them.
 */
const allowed: Record<string, string> = {
  'engine/registry/registry.ts': 'is not loaded',
  'receiver/receive-events.ts': 'event.level',
};

describe('texts that are recorded', () => {
  it('are never the message of an error, which may repeat what a caller wrote', async () => {
    const found: string[] = [];
    for (const name of await readdir(source, { recursive: true })) {
      if (!name.endsWith('.ts')) continue;
      const text = await readFile(join(source, name), 'utf8');
      for (const { index } of text.matchAll(recording)) {
        const call = callAt(text, index);
        const mark = allowed[name];
        if (forCallers.test(call) && !(mark !== undefined && call.includes(mark)))
          found.push(`${name}: ${call.slice(0, 200)}`);
      }
    }
    assert.deepEqual(found, []);
  });
});

/** From its name to its closing parenthesis. */
function callAt(text: string, start: number): string {
  let depth = 0;
  for (let at = text.indexOf('(', start); at < text.length; at += 1) {
    if (text[at] === '(') depth += 1;
    if (text[at] === ')') depth -= 1;
    if (depth === 0) return text.slice(start, at + 1);
  }
  return text.slice(start);
}
