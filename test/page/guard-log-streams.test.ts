import assert from 'node:assert/strict';
import fc from 'fast-check';
import { withoutGuardedStreams } from '../../src/api/backends-proxy/guard-log-streams.ts';

const guard = 'log_stream!~"audit|security"';

describe('the guard of the log streams', () => {
  const narrowed: readonly [string, string][] = [
    ['{a="b"}', `{${guard},a="b"}`],
    [
      'sum(rate({a="b"}[1m])) / sum(rate({c="d"}[1m]))',
      `sum(rate({${guard},a="b"}[1m])) / sum(rate({${guard},c="d"}[1m]))`,
    ],
    ['{}', `{${guard}}`],
    ['{ }', `{${guard} }`],
    ['{a="{"} |= `{"` | line_format "{{.b}}"', `{${guard},a="{"} |= \`{"\` | line_format "{{.b}}"`],
    ['{a="\\"{"}', `{${guard},a="\\"{"}`],
    ['{a=`\\`} |= "x"', `{${guard},a=\`\\\`} |= "x"`],
  ];
  for (const [query, expected] of narrowed)
    it(`narrows every selector of ${query}`, () => assert.equal(withoutGuardedStreams(query), expected));

  for (const query of [
    '{a="b"} # "\n{log_stream="audit"}',
    '\'{\' {a="b"}',
    '/* " */ {log_stream="audit"}',
    '// "\n{a="b"}',
    '{a="b',
    '{a=`b',
    '{a="\n"}',
  ])
    it(`refuses what could hide a selector: ${JSON.stringify(query)}`, () => {
      assert.throws(() => withoutGuardedStreams(query), { code: 'invalid_request' });
    });

  it('leaves no opening brace outside of text without its guard, whatever is asked', () => {
    const part = fc.constantFrom('{', '}', '"', '`', '\\', ' ', 'a="b"', '|= ', '\n', ',');
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 14 }).map((parts) => parts.join('')),
        (query) => {
          let answer: string;
          try {
            answer = withoutGuardedStreams(query);
          } catch {
            return;
          }
          const outside = answer.replaceAll(/"(?:\\.|[^"\\])*"|`[^`]*`/gs, '"…"');
          assert.equal(outside.replaceAll('{log_stream!~"…"', '').includes('{'), false, answer);
        },
      ),
    );
  });
});
