import { rateBy, series, sumRateBy } from '../promql.ts';
import { tracesLink } from './explore-link.ts';
import { type DashboardPlan, stat, statetimeline, table, timeseries, traceTable } from './panel.ts';
import { now, over, rows, traces } from './query.ts';
import { ofGpu, ofService } from './selections.ts';
import { heldWords } from './state-words.ts';

const noGpu = 'there is a GPU';

/** GPUs and the machine, and beside them the requests that ran then. */
export const gpuHost: DashboardPlan = {
  name: 'gpu-host',
  title: 'Vitrine: GPU and host',
  says: 'What GPUs and the machine do, beside the requests that ran on them at the time.',
  tags: ['host'],
  variables: ['gpu', 'instance', 'model'],
  lines: [
    {
      title: 'GPU',
      height: 7,
      panels: [
        timeseries({
          title: 'Utilisation',
          says: 'Part of the driver’s sample period in which the GPU computed. High is good, until requests wait.',
          queries: [over(`max by (hw_name, hw_id) (${series('gpuUtilization', ofGpu)})`, '{{hw_name}} {{hw_id}}')],
          unit: 'percentunit',
          min: 0,
          max: 1,
          width: 6,
          limits: { warning: 0.95, bad: 0.99 },
          runbook: 'HighGPUUtilization',
          onlyAfter: noGpu,
          links: [tracesLink('Runs on this GPU', `{ span.hw.id = "\${__field.labels.hw_id}" }`)],
        }),
        timeseries({
          title: 'Memory',
          says: 'In use, and all there is.',
          queries: [
            over(`max by (hw_name, hw_id) (${series('gpuMemoryUsage', ofGpu)})`, '{{hw_name}} used'),
            over(`max by (hw_name, hw_id) (${series('gpuMemoryLimit', ofGpu)})`, '{{hw_name}} limit'),
          ],
          unit: 'bytes',
          min: 0,
          width: 6,
          runbook: 'GPUMemoryHigh',
          onlyAfter: noGpu,
        }),
        timeseries({
          title: 'Power',
          says: 'Drawn, and the limit that is enforced.',
          queries: [
            over(`max by (hw_name, hw_id) (${series('gpuPower', ofGpu)})`, '{{hw_name}}'),
            over(`max by (hw_name, hw_id) (${series('gpuPowerLimit', ofGpu)})`, '{{hw_name}} limit'),
          ],
          unit: 'watt',
          min: 0,
          width: 6,
          onlyAfter: noGpu,
        }),
        timeseries({
          title: 'Temperature',
          says: 'Of the chip. Above 85 °C clocks are held down before long.',
          queries: [over(`max by (hw_name, hw_id) (${series('gpuTemperature', ofGpu)})`, '{{hw_name}} {{hw_id}}')],
          unit: 'celsius',
          width: 6,
          limits: { warning: 80, bad: 88 },
          onlyAfter: noGpu,
        }),
      ],
    },
    {
      height: 7,
      panels: [
        timeseries({
          title: 'Clocks',
          says: 'As they are now, by kind.',
          queries: [
            over(
              `max by (hw_name, hw_id, hw_gpu_clock_type) (${series('gpuClock', ofGpu)})`,
              '{{hw_name}} {{hw_gpu_clock_type}}',
            ),
          ],
          unit: 'hertz',
          width: 6,
          onlyAfter: noGpu,
        }),
        statetimeline({
          title: 'Why clocks are held down',
          says: 'When each reason held. gpu_idle is no fault and is left out; a thermal or power reason under load costs speed.',
          queries: [
            over(
              `max by (hw_gpu_throttle_reason) (${series('gpuThrottle', { ...ofGpu, hw_gpu_throttle_reason: '!gpu_idle' })})`,
              '{{hw_gpu_throttle_reason}}',
            ),
          ],
          unit: 'none',
          words: heldWords,
          width: 6,
          onlyAfter: noGpu,
        }),
        timeseries({
          title: 'Energy',
          says: 'Joules a second, by the GPU’s own counter: the power without the gaps between samples.',
          queries: [over(rateBy('gpuEnergy', ['hw_name', 'hw_id'], ofGpu), '{{hw_name}} {{hw_id}}')],
          unit: 'watt',
          width: 6,
          onlyAfter: noGpu,
        }),
        table({
          title: 'Errors and processes',
          says: 'ECC errors over the life of the GPU: uncorrected ones are a reason to replace it. Processes on it, and the memory they hold.',
          queries: [
            rows(`sum by (hw_id) (${series('gpuErrors', { ...ofGpu, error_type: 'corrected' })})`),
            rows(`sum by (hw_id) (${series('gpuErrors', { ...ofGpu, error_type: 'uncorrected' })})`),
            rows(`sum by (hw_id) (${series('gpuProcesses', ofGpu)})`),
            rows(`sum by (hw_id) (${series('gpuProcessMemory', ofGpu)})`),
          ],
          unit: 'none',
          width: 6,
          columns: {
            hw_id: 'GPU',
            'Value #A': 'Corrected',
            'Value #B': 'Uncorrected',
            'Value #C': 'Processes',
            'Value #D': 'Their memory',
          },
          columnUnits: { 'Their memory': 'bytes' },
          onlyAfter: noGpu,
        }),
      ],
    },
    {
      title: 'The requests that ran then',
      height: 8,
      panels: [
        timeseries({
          title: 'Time in runs by model',
          says: 'Time that requests spent in the run stage, what kept lanes and GPU busy: 100 % is one run at all times.',
          queries: [
            over(
              sumRateBy('inferenceStageSeconds', ['model'], { ...ofService, model: '~$model', stage: 'run' }),
              '{{model}}',
            ),
          ],
          unit: 'percentunit',
          width: 8,
          stacked: true,
        }),
        timeseries({
          title: 'GPU time by model',
          says: 'What requests were charged: 100 % is one GPU kept busy. Energy is in the dashboard Business.',
          queries: [over(rateBy('costGpu', ['model'], { ...ofService, model: '~$model' }), '{{model}}')],
          unit: 'percentunit',
          width: 8,
          onlyAfter: 'a model ran on a GPU',
        }),
        traceTable({
          title: 'Runs in this time',
          says: 'Kept inference requests, the GPU they ran on where there is one.',
          queries: [
            traces(
              `{ resource.service.name = "vitrine" && name = "inference.run" } | select(span.hw.id, span.inference.provider, span.inference.lane)`,
            ),
          ],
          width: 8,
          onlyAfter: 'a model ran',
        }),
      ],
    },
    {
      title: 'Host',
      height: 7,
      panels: [
        timeseries({
          title: 'CPU of the machine',
          says: 'By mode, all cores together.',
          queries: [
            over(
              `sum by (cpu_mode) (rate(${series('systemCpuTime', { ...ofService, cpu_mode: '!idle' })}[$__rate_interval])) / scalar(count(count by (cpu_logical_number) (${series('systemCpuTime', ofService)})))`,
              '{{cpu_mode}}',
            ),
          ],
          unit: 'percentunit',
          min: 0,
          width: 6,
          stacked: true,
        }),
        timeseries({
          title: 'Memory of the machine',
          says: 'Used, and what could be had without swapping. The warning fires at 8 GiB used, the critical alert at 90 %.',
          queries: [
            over(`max by (system_memory_state) (${series('systemMemory', ofService)})`, '{{system_memory_state}}'),
          ],
          unit: 'bytes',
          min: 0,
          width: 6,
          stacked: true,
          runbook: 'HighMemoryUsage',
        }),
        timeseries({
          title: 'File system of VITRINE_DATA',
          says: 'Used, free, and reserved for root. Full means: nothing can be spooled, no job accepted.',
          queries: [
            over(`max by (system_filesystem_state) (${series('dataDisk', ofService)})`, '{{system_filesystem_state}}'),
          ],
          unit: 'bytes',
          min: 0,
          width: 6,
          stacked: true,
        }),
        stat({
          title: 'Processes of the service',
          says: 'CPU now, as part of all cores.',
          queries: [now(`sum(${series('processCpuUtilization', ofService)})`)],
          unit: 'percentunit',
          decimals: 1,
          width: 6,
        }),
      ],
    },
    {
      height: 7,
      panels: [
        timeseries({
          title: 'Disks',
          says: 'Bytes a second, by disk and direction.',
          queries: [
            over(
              rateBy('systemDisk', ['system_device', 'disk_io_direction'], ofService),
              '{{system_device}} {{disk_io_direction}}',
            ),
          ],
          unit: 'Bps',
          width: 6,
        }),
        timeseries({
          title: 'Disk use of the service',
          says: 'Bytes a second that the process itself reads and writes.',
          queries: [over(rateBy('processDisk', ['disk_io_direction'], ofService), '{{disk_io_direction}}')],
          unit: 'Bps',
          width: 6,
        }),
        timeseries({
          title: 'Network',
          says: 'Bytes a second, by interface and direction; loopback is left out.',
          queries: [
            over(
              rateBy('systemNetwork', ['system_device', 'network_io_direction'], ofService),
              '{{system_device}} {{network_io_direction}}',
            ),
          ],
          unit: 'Bps',
          width: 6,
        }),
        timeseries({
          title: 'Network trouble',
          says: 'Errors and dropped packets a second.',
          queries: [
            over(rateBy('systemNetworkErrors', ['system_device'], ofService), '{{system_device}} errors'),
            over(rateBy('systemNetworkDropped', ['system_device'], ofService), '{{system_device}} dropped'),
          ],
          unit: 'ops',
          width: 6,
        }),
      ],
    },
  ],
};
