import { nativeSeries } from '../native-series.ts';
import { burst, gauge, once, type RuleCase } from '../rule-case.ts';

const instance = { job: 'vitrine', instance: 'a' };
const of = 'job="vitrine", instance="a"';

export const serviceCases: readonly RuleCase[] = [
  {
    name: 'no instance was ever heard of, until one is',
    alert: 'ServiceAbsent',
    series: { [`vitrine_heartbeat_timestamp_seconds{${of}}`]: '_x10 660+60x60' },
    at: { '4m': [], '8m': [{ severity: 'critical', labels: { job: 'vitrine' } }], '12m': [] },
  },
  {
    name: 'the last instance stops in order, and is forgotten an hour later',
    alert: 'ServiceStopped',
    series: { [`vitrine_heartbeat_timestamp_seconds{${of}}`]: '0+60x10 0 _x120' },
    at: { '8m': [], '14m': [{ severity: 'info', labels: { job: 'vitrine' }, says: '4m 0s' }], '75m': [] },
  },
  {
    name: 'one instance of two stops in order',
    alert: 'ServiceStopped',
    series: {
      [`vitrine_heartbeat_timestamp_seconds{${of}}`]: '0+60x10 0 _x120',
      'vitrine_heartbeat_timestamp_seconds{job="vitrine", instance="b"}': '0+60x60',
    },
    at: { '14m': [], '40m': [] },
  },
  {
    name: 'three starts within half an hour, and then peace',
    alert: 'ServiceRestarting',
    series: { [`vitrine_telemetry_made_total{${of}, signal="metrics"}`]: '0+10x5 0+10x3 0+10x3 0+10x80' },
    at: { '12m': [], '15m': [{ severity: 'warning', labels: instance, says: '3' }], '50m': [] },
  },
  {
    name: 'a rejection that nothing waited for is the first of its kind, and later two defects in jobs come',
    alert: 'UnforeseenErrors',
    series: {
      [`vitrine_defects_total{${of}, where="promise"}`]: '_x20 1x120',
      [`vitrine_defects_total{${of}, where="job"}`]: '5x40 7x120',
      [`vitrine_defects_total{${of}, where="request"}`]: '3x160',
    },
    at: {
      '15m': [],
      '22m': [{ severity: 'warning', labels: { where: 'promise' }, says: '1' }],
      '35m': [],
      '43m': [{ severity: 'warning', labels: { where: 'job' }, says: '2' }],
      '60m': [],
    },
  },
  {
    name: 'twelve answers a minute are 500, for a quarter of an hour',
    alert: 'HighErrorRate',
    series: {
      'http_requests_total{method="POST", endpoint="/e", status="500", fault="server"}': burst(12),
      'http_requests_total{method="POST", endpoint="/e", status="200"}': '0+600x120',
    },
    at: {
      '10m': [],
      '16m': [{ severity: 'critical', system: 'generation-guide', says: '0.2' }],
      '20m': [
        { severity: 'critical', system: 'generation-guide', says: '0.2' },
        { severity: 'warning', system: 'microstructure', says: '0.2' },
      ],
      '40m': [],
    },
  },
  {
    name: 'callers’ mistakes and probes of a start are no errors of the service',
    alert: 'HighErrorRate',
    series: {
      'http_requests_total{method="GET", endpoint="/ready", status="503", fault="server"}': burst(600),
      'http_requests_total{method="GET", endpoint="/v2/health/ready", status="503", fault="server"}': burst(600),
      'http_requests_total{method="POST", endpoint="/e", status="400", fault="caller"}': burst(600),
      'http_requests_total{method="POST", endpoint="/e", status="429", fault="caller"}': burst(600),
      'http_requests_total{method="POST", endpoint="/e", status="499", fault="left"}': burst(600),
      // X-Request-Timeout-Ms: 1 is the caller’s own deadline.
      'http_requests_total{method="POST", endpoint="/e", status="504", fault="caller"}': burst(600),
    },
    at: { '20m': [] },
  },
  {
    name: 'all answers of a route take 11 to 13 s, and it is not said that they take 29',
    alert: 'HighResponseTime',
    series: {
      'http_request_latency_seconds{endpoint="/e"}': nativeSeries([
        { minutes: 10, aMinute: { 0.05: 60 } },
        { minutes: 14, aMinute: { 11: 20, 12: 20, 13: 20 } },
        { minutes: 60, aMinute: { 0.05: 60 } },
      ]),
      'http_request_duration_seconds_count{endpoint="/e"}': '0+60x100',
    },
    at: {
      '10m': [],
      '20m': [{ severity: 'warning', system: 'generation-guide', labels: { endpoint: '/e' }, says: '13.12s' }],
      '45m': [],
    },
  },
  {
    name: 'followers of jobs stay for as long as their job takes',
    alert: 'HighResponseTime',
    series: {
      'http_request_latency_seconds{endpoint="/v1/jobs/:id/events"}': nativeSeries([
        { minutes: 10, aMinute: {} },
        { minutes: 15, aMinute: { 60: 10 } },
      ]),
      'http_request_duration_seconds_count{endpoint="/v1/jobs/:id/events"}': burst(10),
    },
    at: { '20m': [], '24m': [] },
  },
  {
    name: 'one long sound, alone',
    alert: 'HighResponseTime',
    series: {
      'http_request_latency_seconds{endpoint="/v1/separate"}': nativeSeries([
        { minutes: 10, aMinute: {} },
        { minutes: 1, aMinute: { 35: 1 } },
        { minutes: 30, aMinute: {} },
      ]),
      'http_request_duration_seconds_count{endpoint="/v1/separate"}': once(),
    },
    at: { '12m': [], '14m': [], '16m': [] },
  },
  {
    name: 'the door turns callers away',
    alert: 'RequestsTurnedAway',
    series: {
      'http_requests_refused_total{endpoint="/e", reason="busy"}': burst(12),
      'http_requests_refused_total{endpoint="/ready", reason="not_ready"}': burst(12),
      'http_requests_refused_total{endpoint="/e", reason="rate_limited"}': burst(12),
    },
    at: {
      '10m': [],
      '20m': [{ severity: 'warning', labels: { endpoint: '/e', reason: 'busy' }, says: '0.2' }],
      '40m': [],
    },
  },
  {
    name: 'a client has its share of uploads for a quarter of an hour, and connections were short once',
    alert: 'BudgetRefuses',
    series: {
      'vitrine_budget_refused_total{budget="uploads", reason="share"}': burst(12),
      'vitrine_budget_refused_total{budget="connections", reason="full"}': once(20),
      'vitrine_budget_refused_total{budget="bodies", reason="full"}': '0x120',
    },
    at: {
      '10m': [],
      '14m': [],
      '22m': [{ severity: 'info', labels: { budget: 'uploads', reason: 'share' }, says: '0.2' }],
      '40m': [],
    },
  },
  {
    name: 'a client does not wait',
    alert: 'RateLimitStorm',
    series: { 'http_requests_refused_total{endpoint="/e", reason="rate_limited"}': burst(120) },
    at: { '10m': [], '20m': [{ severity: 'info', labels: { endpoint: '/e' }, says: '2' }], '40m': [] },
  },
  {
    name: 'connections pile up',
    alert: 'ConnectionsNearLimit',
    series: { [`active_connections{${of}}`]: gauge(10, 9000) },
    at: { '10m': [], '20m': [{ severity: 'warning', labels: instance, says: '9000' }], '40m': [] },
  },
  {
    name: 'the event loop is late by 1.5 s',
    alert: 'EventLoopDelayed',
    series: { [`nodejs_eventloop_delay_p99_seconds{${of}}`]: gauge(0.01, 1.5) },
    at: {
      '10m': [],
      '14m': [{ severity: 'critical', labels: instance, says: '1.5s' }],
      '20m': [
        { severity: 'critical', labels: instance, says: '1.5s' },
        { severity: 'warning', labels: instance, says: '1.5s' },
      ],
      '40m': [],
    },
  },
  {
    name: 'the event loop is late by 0.2 s',
    alert: 'EventLoopDelayed',
    series: { [`nodejs_eventloop_delay_p99_seconds{${of}}`]: gauge(0.01, 0.2) },
    at: { '14m': [], '20m': [{ severity: 'warning', labels: instance, says: '200ms' }], '40m': [] },
  },
  {
    name: 'the main thread has no time left',
    alert: 'EventLoopBusy',
    series: { [`nodejs_eventloop_utilization_ratio{${of}}`]: gauge(0.3, 0.95) },
    at: { '15m': [], '23m': [{ severity: 'warning', labels: instance, says: '95%' }], '40m': [] },
  },
  {
    name: 'a fifth of the time goes into garbage',
    alert: 'GarbageCollectionHeavy',
    series: { [`v8js_gc_duration_seconds_sum{${of}, v8js_gc_type="major"}`]: burst(12, 20) },
    at: { '10m': [], '26m': [{ severity: 'warning', labels: instance, says: '20%' }], '50m': [] },
  },
];
