import { series } from '../promql.ts';
import { environment, type RuleGroup } from './rule.ts';

const byInstance = `by (job, instance, ${environment})`;
export const hostRules: RuleGroup = {
  name: 'host',
  says: 'The machine: memory, processors, disk, network.',
  rules: [
    {
      alert: 'HighMemoryUsage',
      severity: 'critical',
      team: 'platform',
      system: 'generation',
      expr: `max ${byInstance} (${series('systemMemoryUtilization', { system_memory_state: 'used' })}) > 0.9`,
      for: '5m',
      by: ['job', 'instance', environment],
      summary: 'The machine of {{ $labels.instance }} runs out of memory',
      description:
        '{{ $value | humanizePercentage }} are in use; above 90 % for 5 minutes the next burst may end in a kill.',
      dashboard: 'gpu-host',
    },
    {
      alert: 'HighMemoryUsage',
      severity: 'warning',
      team: 'platform',
      system: 'generation-guide',
      expr: `max ${byInstance} (${series('systemMemory', { system_memory_state: 'used' })}) > ${8 * 2 ** 30}`,
      for: '5m',
      by: ['job', 'instance', environment],
      summary: 'The machine of {{ $labels.instance }} uses much memory',
      description: '{{ $value | humanize1024 }}B are in use, by whatever runs there; 8 GiB is the limit.',
      dashboard: 'gpu-host',
    },
    {
      alert: 'HostProcessorsBusy',
      severity: 'warning',
      team: 'platform',
      expr: `1 - avg ${byInstance} (rate(${series('systemCpuTime', { cpu_mode: 'idle' })}[5m])) > 0.95`,
      for: '15m',
      by: ['job', 'instance', environment],
      summary: 'The processors of {{ $labels.instance }} are all busy',
      description:
        '{{ $value | humanizePercentage }} of their time is taken; above 95 % everything waits for everything.',
      dashboard: 'gpu-host',
    },
    {
      alert: 'NetworkErrors',
      severity: 'info',
      team: 'platform',
      expr: `sum by (job, instance, ${environment}, system_device) (rate(${series('systemNetworkErrors')}[5m])) > 1`,
      for: '10m',
      by: ['job', 'instance', environment, 'system_device'],
      summary: 'Network card {{ $labels.system_device }} of {{ $labels.instance }} has errors',
      description: '{{ $value | printf "%.3g" }} packets a second are broken.',
      dashboard: 'gpu-host',
    },
    {
      alert: 'DiskSpaceLow',
      severity: 'critical',
      team: 'platform',
      expr: `max ${byInstance} (${series('dataDiskUtilization')}) > 0.97`,
      for: '2m',
      by: ['job', 'instance', environment],
      summary: 'The disk of {{ $labels.instance }} is full',
      description:
        '{{ $value | humanizePercentage }} of the file system of VITRINE_DATA are used; above 97 % spool, jobs and uploads are about to be refused.',
      dashboard: 'gpu-host',
    },
    {
      alert: 'DiskSpaceLow',
      severity: 'warning',
      team: 'platform',
      system: 'generation',
      expr: `max ${byInstance} (${series('dataDiskUtilization')}) > 0.9`,
      for: '5m',
      by: ['job', 'instance', environment],
      summary: 'The disk of {{ $labels.instance }} is almost full',
      description:
        '{{ $value | humanizePercentage }} of the file system of VITRINE_DATA are used; less than 10 % is free.',
      dashboard: 'gpu-host',
    },
    {
      alert: 'DiskFillsSoon',
      severity: 'warning',
      team: 'platform',
      // Half full and six hours of history, so that a single large upload is no trend.
      expr: `
max ${byInstance} (${series('dataDiskUtilization')}) > 0.5
and on (job, instance, ${environment})
min ${byInstance} (predict_linear(${series('dataDisk', { system_filesystem_state: 'free' })}[6h], 86400)) < 0`,
      for: '30m',
      by: ['job', 'instance', environment],
      summary: 'The disk of {{ $labels.instance }} will be full within a day',
      description:
        '{{ $value | humanizePercentage }} of the file system of VITRINE_DATA are used, and as it went in the last six hours nothing is free tomorrow.',
      dashboard: 'gpu-host',
      runbook: 'DiskSpaceLow',
    },
  ],
};
