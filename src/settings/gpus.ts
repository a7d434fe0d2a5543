import { flag, integer, type Setting, text } from './setting.ts';

/** How GPUs are read. */
export const gpuSettings = {
  gpuOn: flag('VITRINE_GPU', true, 'Off: no GPU is looked for or read.'),
  nvmlLibrary: text(
    'VITRINE_NVML_LIBRARY',
    'libnvidia-ml.so.1',
    'NVIDIA’s management library: a name that the system’s loader finds, or a path. Where it is not there, nothing is loaded or started.',
  ),
  gpuPeriodMs: integer(
    'VITRINE_GPU_PERIOD_MS',
    1_000,
    50,
    600_000,
    'How often every GPU is read. What is older than three periods is not exported.',
  ),
  gpuEnergyPeriodMs: integer(
    'VITRINE_GPU_ENERGY_PERIOD_MS',
    100,
    10,
    60_000,
    'How often the energy counters are read, for the energy of single runs. Shorter shows shorter runs, down to the step of the counter itself.',
  ),
  gpuHangMsMax: integer(
    'VITRINE_GPU_HANG_MS_MAX',
    30_000,
    100,
    600_000,
    'The process that reads the GPUs is ended and restarted when it says nothing for this long. Many GPUs without persistence mode take seconds to open.',
  ),
} as const satisfies Record<string, Setting>;
