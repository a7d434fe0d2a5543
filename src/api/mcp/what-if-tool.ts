import { whatIfAsked } from '../what-if/what-if-queries.ts';
import { type Tool, tool } from './tool.ts';

export const whatIfTools: readonly Tool[] = [
  tool({
    name: 'what_if',
    title: 'What if a model had other settings',
    description:
      'Replays the remembered arrivals of a model with other lanes, rows in a batch, delay, queue limits, replicas, load, or without a tenant: percentiles and refusals beside what was, and the manifest to copy. Changes nothing.',
    input: whatIfAsked,
    answer: (given, ask) => ask('/v1/what-if', given),
  }),
];
