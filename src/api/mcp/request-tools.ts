import { z } from 'zod';
import { faults } from '../../errors.ts';
import { taskKinds } from '../../task-kinds.ts';
import { requestSet } from '../requests/compare-queries.ts';
import { minutesMax } from '../requests/flight-queries.ts';
import { type Tool, tool } from './tool.ts';

const listMax = 50;

const id = z.string().min(1).max(256).describe('A request id (X-Request-Id) or trace id.');
const minutes = (fallback: number) =>
  z.int().min(1).max(minutesMax).default(fallback).describe('Of how many minutes until now.');

/** What the flight recorder knows. */
export const requestTools: readonly Tool[] = [
  tool({
    name: 'find_requests',
    title: 'Find requests',
    description:
      'Lists requests that the service remembers: the slowest, the last that failed, or the most recent. Begin here, then ask `why` about one of them.',
    input: z.object({
      order: z.enum(['slowest', 'failed', 'recent']).default('slowest'),
      minutes: minutes(15),
      model: z.string().max(256).optional().describe('Only of this model.'),
      task: z.enum(taskKinds).optional().describe('Only of this kind of task.'),
      fault: z.enum(faults).optional().describe('Whose failure it was; server is what to look at first.'),
      count: z.int().min(1).max(listMax).default(10),
    }),
    answer: async ({ order, minutes: of, model, task, fault, count }, ask) => {
      const query = new URLSearchParams({ [order]: String(listMax), minutes: String(of) });
      if (model !== undefined) query.set('model', model);
      if (fault !== undefined) query.set('fault', fault);
      const answer = (await ask(`/v1/requests?${query}`)) as { requests: { task: string | null }[] };
      const found = answer.requests.filter((each) => task === undefined || each.task === task);
      return { ...answer, requests: found.slice(0, count) };
    },
  }),
  tool({
    name: 'why',
    title: 'Why a request was slow or failed',
    description:
      'One sentence that says why a request took as long as it did, or failed: what it takes alone, what made the difference in milliseconds, and the evidence of each part.',
    input: z.object({ id }),
    answer: ({ id: of }, ask) => ask(`/v1/requests/${encodeURIComponent(of)}/why`),
  }),
  tool({
    name: 'blame',
    title: 'Who made whom wait',
    description:
      'With an id: who held the lanes while that request waited. Without: who made whom wait over the last minutes, by tenant or by model.',
    input: z.object({ id: id.optional(), by: z.enum(['tenant', 'model']).default('tenant'), minutes: minutes(15) }),
    answer: ({ id: of, by, minutes: span }, ask) =>
      of === undefined
        ? ask(`/v1/blame?by=${by}&minutes=${span}`)
        : ask(`/v1/requests/${encodeURIComponent(of)}/blame`),
  }),
  tool({
    name: 'compare',
    title: 'What parts two sets of requests',
    description:
      'Ranks what differs between two sets of remembered requests: the slowest and the rest (slowest_percent), or `first` and `second`, such as failed and good, one tenant and others, before and after a time.',
    input: z.object({
      minutes: minutes(minutesMax),
      among: requestSet.optional().describe('Both sets are chosen from these.'),
      slowest_percent: z.number().min(0.1).max(50).optional(),
      first: requestSet.optional(),
      second: requestSet.optional().describe('All that are not in the first when left out.'),
    }),
    answer: ({ slowest_percent: slowest, ...sets }, ask) =>
      ask(
        '/v1/requests/compare',
        sets.first !== undefined && slowest === undefined ? sets : { ...sets, slowest_percent: slowest ?? 5 },
      ),
  }),
];
