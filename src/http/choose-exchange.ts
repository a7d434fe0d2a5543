import type { Config } from '../config.ts';
import { log } from '../telemetry/logger.ts';
import { openThread } from '../threads/open-thread.ts';
import type { Compared } from './compare-exchanges-program.ts';
import { fastExchange } from './fast-exchange.ts';
import type { MakeExchange } from './http-exchange.ts';
import { plainExchange } from './plain-exchange.ts';

const exchanges = { fast: fastExchange, plain: plainExchange } as const;

/** By VITRINE_HTTP_EXCHANGE; on auto the fast one, if this Node makes the same bytes with both. */
export async function chooseExchange({ httpExchange }: Pick<Config, 'httpExchange'>): Promise<MakeExchange> {
  const difference = httpExchange === 'auto' ? await differenceInThread() : undefined;
  const name = httpExchange !== 'auto' ? httpExchange : difference === undefined ? 'fast' : 'plain';
  const fields = { event_type: 'http_exchange', exchange: name } as const;
  if (difference === undefined) log('app', 'info', `Inference is answered by the ${name} HTTP exchange`, fields);
  else
    log(
      'app',
      'warn',
      `Inference is answered by the plain HTTP exchange, which is slower: on Node ${process.version} the fast one differs in ${difference}`,
      fields,
    );
  return exchanges[name];
}

let inThread: Promise<string | undefined> | undefined;

/**
 * Asked once in a process, and in a thread of its own: V8 compiles Node's HTTP for the messages
 * that it has seen, and messages of a second kind make each request dearer for good.
 */
function differenceInThread(): Promise<string | undefined> {
  inThread ??= new Promise((resolve) => {
    const program = new URL('./compare-exchanges-program.ts', import.meta.url);
    let compared: Compared | undefined;
    openThread<never, Compared>(
      program,
      { name: 'compare-exchanges' },
      {
        received: (message) => {
          compared = message;
        },
        ended: (how) => resolve(compared ? compared.difference : `that its trial ends early (${how})`),
      },
    );
  });
  return inThread;
}
