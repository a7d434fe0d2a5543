import { bucketsOf, countRateBy, partOf, quantileBy, rateBy, series, sumRateBy } from '../promql.ts';
import { dashboardLink, logsLink, tracesLink } from './explore-link.ts';
import { type DashboardPlan, duration, durationLimits, heatmap, table, timeseries, traceTable } from './panel.ts';
import { buckets, exemplars, over, rows, traces } from './query.ts';
import { atFault, ofCallers, ofModel, ofService } from './selections.ts';

/** The four golden signals, by route and by model. */
export const service: DashboardPlan = {
  name: 'service',
  title: 'Vitrine: service',
  says: 'Latency, traffic, errors and saturation of the service, by route and by model.',
  tags: ['overview'],
  variables: ['instance', 'model'],
  lines: [
    {
      title: 'Latency',
      height: 8,
      panels: [
        timeseries({
          title: 'p95 by route',
          says: 'From the first byte of a request to the last of its answer. A dot is a kept trace.',
          queries: [
            over(quantileBy(0.95, 'httpRequestSeconds', ['endpoint'], ofCallers), '{{endpoint}}'),
            exemplars('httpRequestSeconds'),
          ],
          unit: 's',
          width: 8,
          limits: durationLimits,
          runbook: 'HighResponseTime',
          links: [
            tracesLink(
              'Traces slower than this',
              `{ span.http.route = "\${__field.labels.endpoint}" && duration > \${__value.numeric}s }`,
            ),
          ],
        }),
        timeseries({
          title: 'p95 by model',
          says: 'The same for inferences and tasks, by model. The link of a point finds the traces of that model that were slower than it.',
          queries: [
            over(quantileBy(0.95, 'inferenceSeconds', ['model', 'task'], ofModel), '{{model}} {{task}}'),
            exemplars('inferenceSeconds', { model: '~$model' }),
          ],
          unit: 's',
          width: 8,
          links: [
            tracesLink(
              'Traces of this model slower than this',
              `{ span.inference.model.name = "\${__field.labels.model}" && duration > \${__value.numeric}s }`,
            ),
            dashboardLink('This model', 'inference', { model: `\${__field.labels.model}` }),
          ],
        }),
        heatmap({
          title: 'How long requests take',
          says: 'All requests by duration. Two bands are two kinds of requests; a band that rises is saturation.',
          queries: [buckets(bucketsOf('httpRequestSeconds', ofService))],
          unit: 's',
          width: 8,
        }),
      ],
    },
    {
      title: 'Traffic',
      height: 7,
      panels: [
        timeseries({
          title: 'Requests by route',
          says: 'Requests a second.',
          queries: [over(rateBy('httpRequests', ['endpoint'], ofService), '{{endpoint}}')],
          unit: 'reqps',
          width: 8,
          stacked: true,
        }),
        timeseries({
          title: 'Requests by model',
          says: 'Inference requests and tasks a second.',
          queries: [over(rateBy('inferenceRequests', ['model'], ofModel), '{{model}}')],
          unit: 'reqps',
          width: 8,
          stacked: true,
          links: [dashboardLink('This model', 'inference', { model: `\${__field.labels.model}` })],
        }),
        timeseries({
          title: 'Connections and sessions',
          says: 'Connections open to the service, and tasks being worked on.',
          queries: [
            over(`sum(${series('activeConnections', ofService)})`, 'connections'),
            over(`sum(${series('activeSessions', ofService)})`, 'sessions'),
          ],
          unit: 'short',
          width: 8,
        }),
      ],
    },
    {
      title: 'Errors',
      height: 7,
      panels: [
        timeseries({
          title: 'Server failures, share',
          says: 'Of the requests of each route. Callers’ mistakes, short deadlines and callers who left are in the chart beside it.',
          queries: [
            over(
              `${rateBy('httpRequests', ['endpoint'], { ...ofCallers, ...atFault })} / (${rateBy('httpRequests', ['endpoint'], ofCallers)} > 0)`,
              '{{endpoint}}',
            ),
          ],
          unit: 'percentunit',
          min: 0,
          width: 8,
          limits: { warning: 0.001, bad: 0.01 },
          runbook: 'HighErrorRate',
          onlyAfter: 'the server was at fault',
        }),
        timeseries({
          title: 'Failures by code',
          says: 'Requests that failed, and whose failure it was: caller, left or server. docs/errors.md says what each code means.',
          queries: [
            over(rateBy('errors', ['type', 'fault'], ofService), '{{type}} ({{fault}})'),
            over(rateBy('defects', ['where'], ofService), 'unexpected, in a {{where}}'),
          ],
          unit: 'reqps',
          width: 8,
          onlyAfter: 'a request failed',
          links: [
            tracesLink('Traces of this failure', `{ span.error.type = "\${__field.labels.type}" }`),
            logsLink('Lines of this failure', `{service_name="vitrine"} | error_type="\${__field.labels.type}"`),
          ],
        }),
        timeseries({
          title: 'Refused by a guard',
          says: 'Requests that were turned away before any work was done, by reason.',
          queries: [over(rateBy('requestsRefused', ['reason'], ofService), '{{reason}}')],
          unit: 'reqps',
          width: 8,
          onlyAfter: 'a request was refused',
        }),
      ],
    },
    {
      title: 'Saturation',
      height: 7,
      panels: [
        timeseries({
          title: 'Event loop delay',
          says: 'What timers had to wait since the last export: the 99th percentile by instance, the others at the worst. Above 0.1 s every request feels it.',
          queries: [
            over(`max(${series('eventLoopDelayP50', ofService)})`, 'p50'),
            over(`max(${series('eventLoopDelayP90', ofService)})`, 'p90'),
            over(`max by (instance) (${series('eventLoopDelayP99', ofService)})`, 'p99 {{instance}}'),
            over(`max(${series('eventLoopDelayMax', ofService)})`, 'max'),
          ],
          unit: 's',
          width: 6,
          limits: { warning: 0.1, bad: 0.5 },
        }),
        timeseries({
          title: 'Event loop at work',
          says: 'Part of the time in which the event loop was busy; at 1 nothing else gets a turn.',
          queries: [over(`max by (instance) (${series('eventLoopUtilization', ofService)})`, '{{instance}}')],
          unit: 'percentunit',
          min: 0,
          max: 1,
          width: 6,
          limits: { warning: 0.8, bad: 0.95 },
        }),
        timeseries({
          title: 'CPU of the process',
          says: 'Thread lanes included: 100 % is one core.',
          queries: [over(rateBy('processCpuTime', ['cpu_mode'], ofService), '{{cpu_mode}}')],
          unit: 'percentunit',
          width: 6,
          stacked: true,
        }),
        timeseries({
          title: 'Memory of the process',
          says: 'Resident, and the JavaScript heap within it.',
          queries: [
            over(`sum(${series('processMemory', ofService)})`, 'resident'),
            over(`sum(${series('heapUsed', ofService)})`, 'heap used'),
            over(`sum(${series('heapSize', ofService)})`, 'heap'),
          ],
          unit: 'bytes',
          width: 6,
          runbook: 'HighMemoryUsage',
        }),
      ],
    },
    {
      height: 7,
      panels: [
        timeseries({
          title: 'Garbage collection',
          says: 'Seconds a second spent in it, by kind. Above 0.1 the heap is too small for the load.',
          queries: [over(sumRateBy('gcSeconds', ['v8js_gc_type'], ofService), '{{v8js_gc_type}}')],
          unit: 'percentunit',
          width: 6,
          stacked: true,
        }),
        timeseries({
          title: 'Collections a second',
          says: 'How often memory is collected, by kind.',
          queries: [over(countRateBy('gcSeconds', ['v8js_gc_type'], ofService), '{{v8js_gc_type}}')],
          unit: 'ops',
          width: 6,
        }),
        timeseries({
          title: 'Files and threads',
          says: 'Held open by the process; a line that only rises is a leak.',
          queries: [
            over(`sum(${series('processFiles', ofService)})`, 'files and sockets'),
            over(`sum(${series('processThreads', ofService)})`, 'threads'),
            over(`sum(${series('activeResources', ofService)})`, 'what keeps the event loop alive'),
          ],
          unit: 'short',
          width: 6,
        }),
        table({
          title: 'Instances',
          says: 'Every instance, its age, and how long ago it was heard of.',
          queries: [
            rows(`max by (instance) (${series('processUptime', ofService)})`),
            rows(`time() - max by (instance) (${series('heartbeat', ofService)})`),
          ],
          unit: 's',
          width: 6,
          columns: { instance: 'Instance', 'Value #A': 'Runs for', 'Value #B': 'Silent for' },
          runbook: 'ServiceDown',
        }),
      ],
    },
    {
      height: 7,
      panels: [
        timeseries({
          title: 'Shared budgets used',
          says: 'Of what all clients share: bodies, answers, uploads, requests in flight, followers, connections. At 1 further ones are refused.',
          queries: [over(`max by (budget) (${series('budgetUsed', ofService)})`, '{{budget}}')],
          unit: 'percentunit',
          min: 0,
          max: 1,
          width: 12,
          limits: { warning: 0.8, bad: 0.95 },
        }),
        timeseries({
          title: 'Refused by a budget',
          says: 'A second. share: the client held more than its part; full: nothing was left for anybody.',
          queries: [over(rateBy('budgetRefused', ['budget', 'reason'], ofService), '{{budget}} {{reason}}')],
          unit: 'reqps',
          width: 12,
          onlyAfter: 'a budget refused somebody',
          runbook: 'BudgetRefuses',
        }),
      ],
    },
    {
      title: 'Encryption',
      height: 7,
      panels: [
        timeseries({
          title: 'Handshakes that failed',
          says: 'A second, by why: docs/tls.md has the reasons and what to do.',
          queries: [over(rateBy('tlsHandshakeFailures', ['reason'], ofService), '{{reason}}')],
          unit: 'reqps',
          width: 12,
        }),
        timeseries({
          title: 'Certificate ends in',
          says: 'The certificate of the port. Its files are read again when they change.',
          queries: [over(`min by (instance) (${series('tlsCertificateEnd', ofService)}) - time()`, '{{instance}}')],
          unit: 's',
          width: 12,
          onlyAfter: 'the port has a certificate (VITRINE_TLS_CERT_FILE)',
        }),
      ],
    },
    {
      title: 'Where to look',
      height: 8,
      panels: [
        table({
          title: 'Routes',
          says: 'Every route in the dashboard’s time: how many, the mean, and the part within 0.5 s.',
          queries: [
            rows(`sum by (endpoint) (increase(${partOf('httpRequestSeconds', 'count', ofService)}[$__range])) > 0`),
            rows(
              `sum by (endpoint) (increase(${partOf('httpRequestSeconds', 'sum', ofService)}[$__range])) / (sum by (endpoint) (increase(${partOf('httpRequestSeconds', 'count', ofService)}[$__range])) > 0)`,
            ),
            rows(
              `sum by (endpoint) (increase(${partOf('httpRequestSeconds', 'bucket', { ...ofService, le: '0.5' })}[$__range])) / (sum by (endpoint) (increase(${partOf('httpRequestSeconds', 'count', ofService)}[$__range])) > 0)`,
            ),
          ],
          unit: 'short',
          width: 8,
          columns: { endpoint: 'Route', 'Value #A': 'Requests', 'Value #B': 'Mean', 'Value #C': 'Within 0.5 s' },
          columnUnits: { Mean: 's', 'Within 0.5 s': 'percentunit' },
          wholeColumns: ['Requests'],
          largestFirst: 'Requests',
        }),
        traceTable({
          title: 'Failed requests',
          says: 'Their traces are always kept, up to a limit a second.',
          queries: [
            traces(
              `{ resource.service.name = "vitrine" && kind = server && span.error.type != nil } | select(span.http.route, span.error.type)`,
            ),
          ],
          width: 8,
          onlyAfter: 'a request failed',
        }),
        traceTable({
          title: 'Slow requests',
          says: 'Kept because they were slower than VITRINE_TRACE_SLOW_MS.',
          queries: [
            traces(`{ resource.service.name = "vitrine" && kind = server && span.vitrine.trace.kept = "slow" }`),
          ],
          width: 8,
          largestFirst: duration,
          onlyAfter: 'a request was slow',
        }),
      ],
    },
  ],
};
