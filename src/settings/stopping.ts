import { integer, type Setting } from './setting.ts';

/** How long a stop may take. */
export const stoppingSettings = {
  stopNoticeMs: integer(
    'VITRINE_STOP_NOTICE_MS',
    0,
    0,
    600_000,
    'How long requests are still taken after /ready has begun to fail. Behind a load balancer: longer than it takes to notice.',
  ),
  stopMsMax: integer(
    'VITRINE_STOP_MS_MAX',
    15_000,
    100,
    600_000,
    'How long a stop may take: requests in flight first, then telemetry; what is left of telemetry is spooled.',
  ),
} as const satisfies Record<string, Setting>;
