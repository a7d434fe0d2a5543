import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

describe('the series of the request path', () => {
  it('keep one shape for V8, whether they have counted nothing, wholes or fractions', async () => {
    // In a process of its own: after a fraction has been counted, all later series have its shape.
    const program = join(import.meta.dirname, 'shapes-of-series.ts');
    const { stdout } = await promisify(execFile)(process.execPath, ['--allow-natives-syntax', program]);
    assert.deepEqual(JSON.parse(stdout), { counter: true, histogram: true, exponential: true });
  });
});
