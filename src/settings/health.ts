import { flag, integer, type Setting } from './setting.ts';

/** When /health warns and /ready fails. */
export const healthSettings = {
  healthDiskFreePercentMin: integer(
    'VITRINE_HEALTH_DISK_FREE_PERCENT_MIN',
    10,
    0,
    100,
    'Less free on the disk of VITRINE_DATA is a warning.',
  ),
  healthDiskFreePercentCritical: integer(
    'VITRINE_HEALTH_DISK_FREE_PERCENT_CRITICAL',
    1,
    0,
    100,
    'With less free, /ready fails.',
  ),
  healthMemoryPercentMax: integer(
    'VITRINE_HEALTH_MEMORY_PERCENT_MAX',
    90,
    1,
    100,
    'More in use of the machine’s or container’s memory is a warning in /health.',
  ),
  healthDetailedMemoryPercentMax: integer(
    'VITRINE_HEALTH_DETAILED_MEMORY_PERCENT_MAX',
    85,
    1,
    100,
    'The same in /health/detailed.',
  ),
  healthCpuPercentMax: integer(
    'VITRINE_HEALTH_CPU_PERCENT_MAX',
    80,
    1,
    100,
    'More in use of the processors it may use is a warning in /health/detailed.',
  ),
  gpuRequired: flag('VITRINE_GPU_REQUIRED', false, 'On: without a GPU the service is not ready. Off: a warning.'),
} as const satisfies Record<string, Setting>;
