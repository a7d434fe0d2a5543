import { integer, type Setting } from './setting.ts';

/** What may be worked out for those who ask about recorded requests. */
export const answerSettings = {
  whatIfMax: integer(
    'VITRINE_WHAT_IF_MAX',
    2,
    1,
    64,
    'Replays of recorded requests at once (POST /v1/what-if). Each has a thread of its own.',
  ),
  comparisonsMax: integer(
    'VITRINE_COMPARISONS_MAX',
    8,
    1,
    256,
    'Comparisons of requests under way at once (POST /v1/requests/compare). One thread does one after the other; each holds about 0.3 KB a remembered request.',
  ),
  whatIfMsMax: integer(
    'VITRINE_WHAT_IF_MS_MAX',
    60_000,
    100,
    600_000,
    'How long a replay may take. An hour at 100 requests a second takes a few seconds.',
  ),
} as const satisfies Record<string, Setting>;
