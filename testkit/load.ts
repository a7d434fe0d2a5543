import { waitFor } from './wait-for.ts';

/** What the service acknowledged: the trace id that it gave, and when the answer was there. */
export type Answered = { traceId: string; atMs: number };

/**
 * Sends `count` requests, a few at a time, and keeps what was answered. A request that met no
 * service does not count.
 */
export async function sendRequests(
  url: string,
  count: number,
  { atOnce = 4 }: { atOnce?: number } = {},
): Promise<Answered[]> {
  const answered: Answered[] = [];
  let sent = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (sent++ < count) answered.push(await sendOne(url));
    }),
  );
  return answered;
}

/**
 * A steady load that runs until it is stopped; bounded in rate and number. Failed requests are let
 * go: the service may be down on purpose.
 */
export function startLoad(
  url: string,
  { perSecond = 50, countMax = 5_000 }: { perSecond?: number; countMax?: number } = {},
) {
  const answered: Answered[] = [];
  const pending = new Set<Promise<void>>();
  let failed = 0;
  let sent = 0;
  const timer = setInterval(() => {
    if (sent++ >= countMax) {
      clearInterval(timer);
      return;
    }
    const one = sendOne(url).then(
      (each) => void answered.push(each),
      () => {
        failed += 1;
      },
    );
    pending.add(one);
    void one.finally(() => pending.delete(one));
  }, 1000 / perSecond);
  return {
    answered,
    failed: () => failed,
    /** Comes back when so many more requests have been answered. */
    more: (count: number) => {
      const goal = answered.length + count;
      return waitFor(`${count} more answers from ${url}`, () => answered.length >= goal, {
        deadlineMs: 120_000,
        everyMs: 20,
      });
    },
    async stop(): Promise<Answered[]> {
      clearInterval(timer);
      await Promise.all(pending);
      return answered;
    },
  };
}

async function sendOne(url: string): Promise<Answered> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  await response.arrayBuffer();
  const traceId = response.headers.get('traceresponse')?.split('-')[1];
  if (traceId === undefined) throw new Error(`${url} answered ${response.status} without traceresponse`);
  return { traceId, atMs: Date.now() };
}
