import { askJson } from '../asking/ask.ts';
import { queryInstant } from '../asking/backends.ts';
import { askStanding, type Standing } from '../frame/standing.ts';
import type { ListedRequest } from '../request/flight-record.ts';

/** What one model took in the last minutes, apart for each kind of task. */
export type ModelUse = {
  model: string;
  task: string | null;
  count: number;
  failures: number;
  by_fault: Partial<Record<'caller' | 'left' | 'server', number>>;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  max_ms: number;
};

/** All that Home says; undefined is what could not be asked. */
export type HomeFacts = {
  standing: Standing;
  uses: readonly ModelUse[] | undefined;
  failed: readonly ListedRequest[] | undefined;
  slowest: readonly ListedRequest[] | undefined;
  refused: readonly ListedRequest[] | undefined;
  /** Jobs of Prometheus that do not answer it. */
  down: readonly string[] | undefined;
};

export const minutes = 15;
const listed = 5;
const refusedMax = 1000;

/** What each model took in the last minutes; undefined where it cannot be asked. */
export async function askUses(signal: AbortSignal): Promise<ModelUse[] | undefined> {
  try {
    return (await askJson<{ models: ModelUse[] }>(`/v1/requests/summary?minutes=${minutes}`, { signal })).models;
  } catch {
    return undefined;
  }
}

export async function askHome(signal: AbortSignal): Promise<HomeFacts> {
  const orNone = <Answer>(asked: Promise<Answer>) => asked.catch(() => undefined);
  const list = (query: string) =>
    askJson<{ requests: ListedRequest[] }>(`/v1/requests?${query}&minutes=${minutes}`, { signal }).then(
      ({ requests }) => requests,
    );
  const [standing, found, failed, slowest, refused, down] = await Promise.all([
    askStanding(),
    askUses(signal),
    orNone(list(`failed=${listed}&fault=server`)),
    orNone(list(`slowest=${listed}`)),
    orNone(list(`failed=${refusedMax}&fault=caller`)),
    orNone(
      queryInstant({ query: 'up == 0' }, signal).then((rows) =>
        rows.map(({ metric }) => metric.job ?? metric.instance ?? ''),
      ),
    ),
  ]);
  return { standing, uses: found, failed, slowest, refused, down };
}
