import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';

/** Streams of Loki that only the administrator reads through the service. */
const guarded = 'audit|security';

/**
 * Whose lines are asked for, where Loki has a tenant for each stream
 * (otel-collector/backends/loki-by-stream.yaml); elsewhere it says nothing.
 */
export function lokiTenants(mayReadGuarded: boolean): string {
  return mayReadGuarded ? `app|${guarded}` : 'app';
}

/**
 * The query with every stream selector narrowed to what anybody may read. What could hide a
 * selector from this reading, but not from Loki's own, is refused: a comment, or a quote that does
 * not end.
 */
export function withoutGuardedStreams(query: string): string {
  let narrowed = '';
  let at = 0;
  while (at < query.length) {
    const character = query[at]!;
    if (character === '"' || character === '`') {
      const end = endOfText(query, at);
      narrowed += query.slice(at, end);
      at = end;
    } else if (character === '#' || character === "'" || /^\/[/*]/.test(query.slice(at, at + 2))) {
      throw unreadable('it has a comment or a single quote outside of text; leave them out');
    } else if (character === '{') {
      const empty = /^\{\s*\}/.test(query.slice(at));
      narrowed += `{log_stream!~"${guarded}"${empty ? '' : ','}`;
      at += 1;
    } else {
      narrowed += character;
      at += 1;
    }
  }
  return narrowed;
}

/**
 * Past the closing quote. Between double quotes a backslash takes the next character with it;
 * between backquotes nothing does.
 */
function endOfText(query: string, start: number): number {
  const quote = query[start]!;
  for (let at = start + 1; at < query.length; at += 1) {
    if (query[at] === '\\' && quote === '"') at += 1;
    else if (query[at] === '\n' && quote === '"') break;
    else if (query[at] === quote) return at + 1;
  }
  throw unreadable('it has text that does not end; close the quote');
}

function unreadable(because: string): ServiceError {
  return new ServiceError('invalid_request', say`Cannot ask Loki this without the administrator’s token: ${because}.`);
}
