import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const linesMax = 60;

/** Tables in the form of a function. */
const tables = ['src/api/openapi/inference-paths.ts', 'src/api/openapi/job-paths.ts'];

/** Still to be cut. A file that is short now has to leave this list. */
const notCutYet = ['src/dataset.ts', 'src/http/http-server.ts', 'src/receiver.ts', 'src/telemetry/host/gpu/nvml.ts'];

describe('functions', () => {
  it(`have at most ${linesMax} lines each, so that one is read without scrolling`, async () => {
    const long = new Map<string, string>();
    for await (const file of glob('{src,web,launcher,cli,observability,tools}/**/*.ts', { cwd: root })) {
      const found = functionsIn(await readFile(join(root, file), 'utf8')).find(({ lines }) => lines > linesMax);
      if (found && !tables.includes(file)) long.set(file, `${file}:${found.line} has ${found.lines}`);
    }
    assert.deepEqual(
      [...long].filter(([file]) => !notCutYet.includes(file)).map(([, where]) => where),
      [],
    );
    assert.deepEqual(
      notCutYet.filter((file) => !long.has(file)),
      [],
    );
  });

  it('are found in each form that they have here', () => {
    const text = [
      'export function one(a: number): void {',
      '  const two = async (',
      '    b: string,',
      '  ): Promise<void> => {',
      '    if (b) {',
      '    }',
      '  };',
      '}',
      'class Some {',
      '  async #three(): Promise<void> {',
      '    list.forEach((each) => {',
      '    });',
      '  }',
      '}',
      'const table = {',
      '};',
    ].join('\n');
    assert.deepEqual(functionsIn(text), [
      { line: 1, lines: 8 },
      { line: 2, lines: 6 },
      { line: 10, lines: 4 },
      { line: 11, lines: 2 },
    ]);
  });
});

/**
 * Functions with a body, by the formatter's indentation: a body ends with the next brace that
 * stands as far left as its head.
 */
function functionsIn(text: string): { line: number; lines: number }[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    if (!beginsBody(line)) return [];
    const indent = indentOf(line);
    const end = lines.findIndex(
      (each, at) => at > index && indentOf(each) === indent && each.trimStart().startsWith('}'),
    );
    const isMultiline = line.trimStart().startsWith(')');
    const start = isMultiline
      ? lines.findLastIndex((each, at) => at < index && indentOf(each) === indent && each.trim() !== '')
      : index;
    return [{ line: start + 1, lines: end - start + 1 }];
  });
}

const method = /^\s*(?:(?:static|async|get|set|private|readonly|override) )*\*?[#\w[\].]+(?:<.*>)?\(.*\)(?:: .+)? \{$/;
const multiline = /^\s*\)(?:: .+)? (?:=> )?\{$/;
const statement = /^\s*(?:\} )?(?:if|for|while|switch|catch|with|else|do)\b/;

function beginsBody(line: string): boolean {
  if (statement.test(line) || !line.endsWith('{')) return false;
  return /=> \{$/.test(line) || /\bfunction\b/.test(line) || method.test(line) || multiline.test(line);
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}
