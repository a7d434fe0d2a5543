import { flag, integer, type Setting, text } from './setting.ts';

/** The Collector: backends, queues, memory. */
export const collectorSettings = {
  collectorAliases: flag(
    'VITRINE_COLLECTOR_ALIASES',
    true,
    'The Collector exports metrics also by the names of other systems (docs/telemetry.md). Off: a third fewer series, where nobody brought dashboards along.',
  ),
  backends: text(
    'VITRINE_BACKENDS',
    'prometheus,tempo,loki',
    'Which files of otel-collector/backends/ feed the stores, by name. The first one of a signal answers the page, the terminal and doctor.',
  ),
  collectorQueueBytes: integer(
    'VITRINE_COLLECTOR_QUEUE_BYTES',
    1024 ** 3,
    1024 ** 2,
    2 ** 40,
    'What one signal of one backend may hold on disk while the backend is down. Full, it refuses, and the service spools.',
  ),
  collectorMemoryMib: integer(
    'VITRINE_COLLECTOR_MEMORY_MIB',
    512,
    192,
    1024 ** 2,
    'Memory from which on the Collector refuses, retryably, instead of growing. Keep a container’s limit a third above it.',
  ),
  collectorFlushMs: integer(
    'VITRINE_COLLECTOR_FLUSH_MS',
    10_000,
    100,
    600_000,
    'How often the Collector exports what it derived from spans: exemplars, and how much was masked.',
  ),
} as const satisfies Record<string, Setting>;
