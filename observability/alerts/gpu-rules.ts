import { series } from '../promql.ts';
import { environment, type RuleGroup } from './rule.ts';

const ofGpu = `by (${environment}, instance, hw_id, hw_name)`;
const gpuLabels = [environment, 'instance', 'hw_id', 'hw_name'];
/** Heat and power supply are faults. A power cap is a setting, and an idle GPU is no fault. */
const heldDown = '~hw_slowdown|sw_thermal|hw_thermal|hw_power_brake';

export const gpuRules: RuleGroup = {
  name: 'gpu',
  says: 'The GPUs: heat, throttling, errors, memory, and whether they are still there.',
  rules: [
    {
      alert: 'HighGPUUtilization',
      severity: 'warning',
      team: 'platform',
      system: 'generation-guide',
      expr: `max ${ofGpu} (${series('gpuUtilization')}) > 0.95`,
      for: '10m',
      by: gpuLabels,
      summary: 'GPU {{ $labels.hw_name }} has no time left',
      description:
        'It computes {{ $value | humanizePercentage }} of the time; above 95 % for 10 minutes more requests only wait.',
      dashboard: 'gpu-host',
    },
    {
      alert: 'GPUMemoryHigh',
      severity: 'critical',
      team: 'platform',
      system: 'datasets',
      expr: `max ${ofGpu} (${series('gpuMemoryUtilization')}) > 0.9`,
      for: '5m',
      by: gpuLabels,
      summary: 'The memory of GPU {{ $labels.hw_name }} is almost full',
      description: '{{ $value | humanizePercentage }} are in use; 90 % is the limit.',
      dashboard: 'gpu-host',
    },
    {
      alert: 'GPUMemoryHigh',
      severity: 'critical',
      team: 'platform',
      system: 'microstructure',
      expr: `max ${ofGpu} (${series('gpuMemoryUsage')}) > ${8 * 2 ** 30}`,
      for: '1m',
      by: gpuLabels,
      summary: 'More than 8 GiB of the memory of GPU {{ $labels.hw_name }} are in use',
      description: '{{ $value | humanize1024 }}B are in use; 8 GiB is the limit of the materials service.',
      dashboard: 'gpu-host',
    },
    {
      alert: 'GPUHot',
      severity: 'critical',
      team: 'platform',
      expr: `max ${ofGpu} (${series('gpuTemperature', { hw_type: 'gpu' })}) > 92`,
      for: '1m',
      by: gpuLabels,
      summary: 'GPU {{ $labels.hw_name }} is about to switch itself off',
      description: 'Its chip is at {{ $value }} °C; most switch off a few degrees above 92 °C.',
      dashboard: 'gpu-host',
    },
    {
      alert: 'GPUHot',
      severity: 'warning',
      team: 'platform',
      expr: `max ${ofGpu} (${series('gpuTemperature', { hw_type: 'gpu' })}) > 85`,
      for: '2m',
      by: gpuLabels,
      summary: 'GPU {{ $labels.hw_name }} is hot',
      description: 'Its chip is at {{ $value }} °C; from about 85 °C on it slows itself down.',
      dashboard: 'gpu-host',
    },
    {
      alert: 'GPUThrottled',
      severity: 'warning',
      team: 'platform',
      expr: `max by (${environment}, instance, hw_id, hw_name, hw_gpu_throttle_reason) (${series('gpuThrottle', { hw_gpu_throttle_reason: heldDown })}) == 1`,
      for: '2m',
      by: [...gpuLabels, 'hw_gpu_throttle_reason'],
      summary: 'GPU {{ $labels.hw_name }} is held down: {{ $labels.hw_gpu_throttle_reason }}',
      description:
        'Its clocks are lowered because of heat or its power supply (value {{ $value }}); every run on it takes longer.',
      dashboard: 'gpu-host',
      runbook: 'GPUHot',
    },
    {
      alert: 'GPUPowerCapped',
      severity: 'info',
      team: 'platform',
      expr: `max ${ofGpu} (${series('gpuThrottle', { hw_gpu_throttle_reason: 'sw_power_cap' })}) == 1`,
      for: '30m',
      by: gpuLabels,
      summary: 'GPU {{ $labels.hw_name }} is at its power limit',
      description: 'For half an hour its clocks have been what the limit in watts allows (value {{ $value }}).',
      dashboard: 'gpu-host',
      runbook: 'GPUHot',
    },
    {
      alert: 'GPUErrors',
      severity: 'critical',
      team: 'platform',
      expr: `sum ${ofGpu} (increase(${series('gpuErrors', { error_type: 'uncorrected' })}[1h])) > 0`,
      by: gpuLabels,
      summary: 'GPU {{ $labels.hw_name }} has memory errors that it could not correct',
      description: 'About {{ $value | printf "%.3g" }} in the last hour: results computed on it may be wrong.',
      dashboard: 'gpu-host',
    },
    {
      alert: 'GPUErrors',
      severity: 'warning',
      team: 'platform',
      expr: `sum ${ofGpu} (increase(${series('gpuErrors', { error_type: 'corrected' })}[1h])) > 10`,
      by: gpuLabels,
      summary: 'GPU {{ $labels.hw_name }} corrects many memory errors',
      description: 'About {{ $value | printf "%.3g" }} in the last hour; more than 10 is the beginning of a defect.',
      dashboard: 'gpu-host',
    },
    {
      alert: 'GPULost',
      severity: 'critical',
      team: 'platform',
      // Only while its instance is alive: a service that is down loses no GPU.
      expr: `
(
  count ${ofGpu} (last_over_time(${series('gpuMemoryLimit')}[6h]))
  unless
  count ${ofGpu} (last_over_time(${series('gpuMemoryLimit')}[2m]))
)
and on (instance) (max by (instance) (last_over_time(${series('heartbeat')}[30s])) > 0)`,
      for: '1m',
      by: gpuLabels,
      summary: 'GPU {{ $labels.hw_name }} of {{ $labels.instance }} is lost',
      description:
        'It was read within the last six hours and is not read any more ({{ $value }} device), while its instance is healthy.',
      dashboard: 'gpu-host',
    },
    {
      alert: 'GPUShared',
      severity: 'info',
      team: 'platform',
      expr: `max ${ofGpu} (${series('gpuProcesses', { hw_gpu_process_owner: 'other' })}) > 0`,
      for: '15m',
      by: gpuLabels,
      summary: 'Others compute on GPU {{ $labels.hw_name }} too',
      description:
        '{{ $value }} processes that are not Vitrine’s have work on it: its time, memory and energy are shared.',
      dashboard: 'gpu-host',
      runbook: 'HighGPUUtilization',
    },
  ],
};
