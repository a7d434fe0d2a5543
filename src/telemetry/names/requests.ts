import { type Metric, requestSeconds } from './metric.ts';

/** Every request, whatever it asked for. */
export const requestMetrics = {
  httpRequests: {
    name: 'http.requests',
    kind: 'counter',
    unit: '',
    says: 'Requests answered.',
    attributes: ['method', 'endpoint', 'status'],
  },
  httpRequestSeconds: {
    name: 'http.request.duration',
    kind: 'histogram',
    unit: 's',
    says: 'From the first byte of the request to the last of the answer.',
    attributes: ['method', 'endpoint'],
    buckets: requestSeconds,
    exact: 'httpRequestLatency',
  },
  httpRequestLatency: {
    name: 'http.request.latency',
    kind: 'exponential histogram',
    unit: 's',
    says: 'Percentiles of http.request.duration: the same values in an exponential histogram, native in Prometheus.',
    attributes: ['method', 'endpoint'],
  },
  requestsRefused: {
    name: 'http.requests.refused',
    kind: 'counter',
    unit: '',
    says: 'Requests refused by a guard, by the failure’s code: rate_limited, busy, queue_full, circuit_open, not_ready and the like.',
    attributes: ['endpoint', 'reason'],
  },
  errors: {
    name: 'errors',
    kind: 'counter',
    unit: '',
    says: 'Requests that failed, by the failure’s code.',
    attributes: ['type', 'endpoint'],
  },
  defects: {
    name: 'vitrine.defects',
    kind: 'counter',
    unit: '',
    says: 'Errors that nobody foresaw, by where they came up: request, job, promise (a rejection that nothing waited for). The log has each with its cause.',
    attributes: ['where'],
  },
  activeConnections: {
    name: 'active.connections',
    kind: 'gauge',
    unit: '',
    says: 'Connections open to the service.',
    attributes: [],
  },
  activeSessions: {
    name: 'active.sessions',
    kind: 'gauge',
    unit: '',
    says: 'Tasks being worked on now, whether a request waits for them or a job holds them.',
    attributes: [],
  },
  tracesKept: {
    name: 'vitrine.traces.kept',
    kind: 'counter',
    unit: '',
    says: 'Requests whose trace was kept, by why.',
    attributes: ['reason'],
  },
  proxyRequests: {
    name: 'vitrine.proxy.requests',
    kind: 'counter',
    unit: '',
    says: 'What the page asked of the backends through the service.',
    attributes: ['backend', 'status'],
  },
} as const satisfies Record<string, Metric>;
