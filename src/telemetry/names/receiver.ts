import type { Metric } from './metric.ts';

/** The receiver of webhooks and events. */
export const receiverMetrics = {
  receiverAccepted: {
    name: 'vitrine.receiver.accepted',
    kind: 'counter',
    unit: '',
    says: 'What the receiver accepted and exported: alert states, release marks, and event lines by their kind.',
    attributes: ['door', 'what'],
  },
  receiverRepeated: {
    name: 'vitrine.receiver.repeated',
    kind: 'counter',
    unit: '',
    says: 'Deliveries that the receiver had taken before, and did not export again.',
    attributes: ['door'],
  },
  receiverRefused: {
    name: 'vitrine.receiver.refused',
    kind: 'counter',
    unit: '',
    says: 'Requests that the receiver refused, by the failure’s code; `connections` are those closed at once.',
    attributes: ['door', 'reason'],
  },
  receiverForgotten: {
    name: 'vitrine.receiver.forgotten',
    kind: 'counter',
    unit: '',
    says: 'What the receiver let go because of a limit of age or number: remembered deliveries, firing alerts, pushed series.',
    attributes: ['what'],
  },
  receiverFiring: {
    name: 'vitrine.receiver.alerts.firing',
    kind: 'gauge',
    unit: '',
    says: 'Alerts that are firing, as the receiver got it.',
    attributes: ['alertname', 'severity'],
  },
  receiverWatchdogAge: {
    name: 'vitrine.receiver.watchdog.age',
    kind: 'gauge',
    unit: 's',
    says: 'Since when the alert Watchdog, which fires always, was not heard: how long alerts have not got through.',
    attributes: [],
  },
  receiverSeries: {
    name: 'vitrine.receiver.series',
    kind: 'gauge',
    unit: '',
    says: 'Series that scripts pushed through /events and that are exported now.',
    attributes: [],
  },
} as const satisfies Record<string, Metric>;
