import { faultsFiring } from '../alerts/firing.ts';
import { increaseBy, quantileBy, rateBy, series } from '../promql.ts';
import { dashboardLink, logsLink, tracesLink } from './explore-link.ts';
import { bargauge, type DashboardPlan, durationLimits, gauge, stat, table, timeseries } from './panel.ts';
import { exemplars, now, over, rows } from './query.ts';
import { answerable, atFault, ofCallers, ofService } from './selections.ts';

const silentSeconds = 30;
const liveInstances = `sum((time() - max by (instance) (${series('heartbeat', ofService)})) < bool ${silentSeconds}) or vector(0)`;

/** One screen: is it well? */
export const overview: DashboardPlan = {
  name: 'overview',
  title: 'Vitrine: overview',
  says: 'Is it well? The first line answers; all green is yes. Everything else says where to look.',
  tags: ['overview'],
  variables: ['instance'],
  lines: [
    {
      height: 4,
      panels: [
        stat({
          title: 'API status',
          says: `UP while an instance of the service has been heard of within ${silentSeconds} s. A pushed service has no up: its heartbeat stands in for it.`,
          queries: [now(liveInstances)],
          unit: 'none',
          width: 3,
          limits: { badBelow: 1 },
          words: [
            { is: 0, text: 'DOWN', color: 'red' },
            { from: 1, text: 'UP', color: 'green' },
          ],
          runbook: 'ServiceDown',
          links: [dashboardLink('Where requests fail', 'service')],
        }),
        stat({
          title: 'Alerts firing',
          says: 'Faults of which a critical alert or a warning fires now, one for each thing that is at fault. Infos, and the watchdog, which always fires, are left out.',
          queries: [now(faultsFiring())],
          unit: 'none',
          width: 3,
          limits: { badFrom: 1 },
          links: [dashboardLink('Which', 'logs')],
        }),
        stat({
          title: 'Success rate',
          says: 'Of the requests in the dashboard’s time: all but server failures. Callers’ mistakes, short deadlines and callers who left count neither way.',
          queries: [
            now(
              `1 - (${increaseBy('httpRequests', [], { ...ofCallers, ...atFault })} or vector(0)) / (${increaseBy('httpRequests', [], { ...ofCallers, ...answerable })} > 0)`,
            ),
          ],
          unit: 'percentunit',
          decimals: 2,
          width: 3,
          limits: { warning: 0.999, bad: 0.99 },
          runbook: 'HighErrorRate',
        }),
        stat({
          title: 'Active sessions',
          says: 'Tasks being worked on now.',
          queries: [now(`sum(${series('activeSessions', ofService)})`)],
          unit: 'short',
          width: 3,
        }),
        stat({
          title: 'Total separations',
          says: 'Sounds separated in the dashboard’s time.',
          queries: [now(increaseBy('separations', [], ofService))],
          unit: 'short',
          decimals: 0,
          width: 3,
          onlyAfter: 'a sound was separated',
          links: [dashboardLink('Audio overview', 'audio-overview')],
        }),
        stat({
          title: 'Longest wait',
          says: 'How long a request that came now would wait for a lane of the busiest model. The alert fires above 1 s for five minutes.',
          queries: [now(`max(${series('inferenceQueueWait', ofService)})`)],
          unit: 's',
          width: 3,
          limits: { warning: 1, bad: 5 },
          runbook: 'QueueWaitLong',
          links: [dashboardLink('Inference', 'inference')],
        }),
        stat({
          title: 'Telemetry lost',
          says: 'Spans, log records and points that were dropped or refused in the dashboard’s time. Anything but 0 is a gap in what you see here.',
          queries: [now(`${increaseBy('telemetryDropped', [])} + ${increaseBy('telemetryRefused', [])}`)],
          unit: 'short',
          decimals: 0,
          width: 3,
          limits: { badFrom: 1 },
          links: [dashboardLink('Telemetry pipeline', 'telemetry')],
        }),
        stat({
          title: 'Instances',
          says: `Instances of the service heard of within ${silentSeconds} s.`,
          queries: [now(liveInstances)],
          unit: 'none',
          width: 3,
        }),
      ],
    },
    {
      height: 7,
      panels: [
        timeseries({
          title: 'Request rate',
          says: 'Requests a second, by status.',
          queries: [over(rateBy('httpRequests', ['status'], ofService), '{{status}}')],
          unit: 'reqps',
          width: 8,
          stacked: true,
          links: [dashboardLink('By route and model', 'service')],
        }),
        timeseries({
          title: 'Request duration',
          says: 'Median, 95th and 99th percentile over the routes of callers. A dot is a kept trace: it opens. The alert fires when the 95th of a route is above 10 s.',
          queries: [
            ...[0.5, 0.95, 0.99].map((quantile) =>
              over(quantileBy(quantile, 'httpRequestSeconds', [], ofCallers), `p${quantile * 100}`),
            ),
            exemplars('httpRequestSeconds'),
          ],
          unit: 's',
          width: 8,
          limits: durationLimits,
          runbook: 'HighResponseTime',
          links: [
            tracesLink(
              'Traces slower than this',
              `{ resource.service.name = "vitrine" && kind = server && duration > \${__value.numeric}s }`,
            ),
          ],
        }),
        timeseries({
          title: 'Separation rate',
          says: 'Sounds separated a second, by model and status, and whose a failure was.',
          queries: [
            over(rateBy('separations', ['model', 'status', 'fault'], ofService), '{{model}} {{status}} {{fault}}'),
          ],
          unit: 'ops',
          width: 8,
          onlyAfter: 'a sound was separated',
        }),
      ],
    },
    {
      height: 7,
      panels: [
        timeseries({
          title: 'Separation duration',
          says: 'Time to separate a sound: median, 95th and 99th percentile.',
          queries: [0.5, 0.95, 0.99].map((quantile) =>
            over(quantileBy(quantile, 'separationSeconds', [], ofService), `p${quantile * 100}`),
          ),
          unit: 's',
          width: 8,
          onlyAfter: 'a sound was separated',
        }),
        table({
          title: 'Errors',
          says: 'Requests that failed in the dashboard’s time, by the failure’s code and route, and whose it was: caller, left or server. docs/errors.md says what each code means.',
          queries: [rows(`topk(20, ${increaseBy('errors', ['type', 'endpoint', 'fault'], ofService)} > 0)`)],
          unit: 'short',
          decimals: 0,
          width: 8,
          columns: { type: 'Code', endpoint: 'Route', fault: 'Whose', Value: 'How many' },
          largestFirst: 'How many',
          onlyAfter: 'a request failed',
          links: [
            tracesLink(
              'Traces of this failure',
              `{ span.error.type = "\${__data.fields.Code}" && span.http.route = "\${__data.fields.Route}" }`,
            ),
            logsLink('Lines of this failure', `{service_name="vitrine"} | error_type="\${__data.fields.Code}"`),
          ],
        }),
        table({
          title: 'Models',
          says: 'Every model: requests and tasks a second over five minutes, their 95th percentile, and how many wait for a lane.',
          queries: [
            rows(rateBy('inferenceRequests', ['model'], ofService, '5m')),
            rows(quantileBy(0.95, 'inferenceSeconds', ['model'], ofService, '5m')),
            rows(`sum by (model) (${series('inferenceQueueDepth', ofService)})`),
          ],
          unit: 'short',
          width: 8,
          columns: { model: 'Model', 'Value #A': 'Requests/s', 'Value #B': 'p95', 'Value #C': 'Waiting' },
          columnUnits: { 'Requests/s': 'reqps', p95: 's' },
          links: [dashboardLink('This model', 'inference', { model: `\${__data.fields.Model}` })],
        }),
      ],
    },
    {
      height: 5,
      panels: [
        gauge({
          title: 'CPU',
          says: 'Of the machine, all cores together.',
          queries: [now(`1 - avg(${series('systemCpuUtilization', { ...ofService, cpu_mode: 'idle' })})`)],
          unit: 'percentunit',
          min: 0,
          max: 1,
          width: 5,
          limits: { warning: 0.8, bad: 0.95 },
          links: [dashboardLink('GPU and host', 'gpu-host')],
        }),
        gauge({
          title: 'Memory',
          says: 'Of the machine.',
          queries: [now(`max(${series('systemMemoryUtilization', { ...ofService, system_memory_state: 'used' })})`)],
          unit: 'percentunit',
          min: 0,
          max: 1,
          width: 5,
          limits: { warning: 0.85, bad: 0.9 },
          runbook: 'HighMemoryUsage',
        }),
        gauge({
          title: 'Disk',
          says: 'The file system that VITRINE_DATA is on.',
          queries: [now(`max(${series('dataDiskUtilization', ofService)})`)],
          unit: 'percentunit',
          min: 0,
          max: 1,
          width: 5,
          limits: { warning: 0.8, bad: 0.9 },
        }),
        bargauge({
          title: 'GPU',
          says: 'Utilisation and memory of each GPU.',
          queries: [
            now(`max by (hw_name, hw_id) (${series('gpuUtilization')})`, '{{hw_name}} busy'),
            now(`max by (hw_name, hw_id) (${series('gpuMemoryUtilization')})`, '{{hw_name}} memory'),
          ],
          unit: 'percentunit',
          min: 0,
          max: 1,
          width: 9,
          limits: { warning: 0.9, bad: 0.95 },
          onlyAfter: 'there is a GPU',
          runbook: 'GPUMemoryHigh',
        }),
      ],
    },
  ],
};
