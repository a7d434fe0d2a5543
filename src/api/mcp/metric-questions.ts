import { nameInPrometheus } from '../../telemetry/names/name-in-prometheus.ts';
import { type MetricName, metricNames } from '../../telemetry/names/names.ts';

/** A question to the store of metrics: each of its parts is one expression for the last minutes. */
export type MetricQuestion = {
  readonly asks: string;
  readonly parts: Readonly<Record<string, { readonly unit: string; readonly expr: (of: QuestionScope) => string }>>;
};

/** Of how many minutes, and of which series. */
export type QuestionScope = { readonly window: string; readonly model: string | undefined };

/** What an assistant may ask by name. */
export const metricQuestions = {
  traffic: {
    asks: 'How many requests a second, by route and status.',
    parts: { requests: { unit: '1/s', expr: (of) => rate('httpRequests', of, 'endpoint, status') } },
  },
  errors: {
    asks: 'What failed, by the failure’s code and whose failure it was, in the window.',
    parts: { failures: { unit: 'count', expr: (of) => `${increase('errors', of, 'type, fault')} > 0` } },
  },
  latency: {
    asks: 'How long inferences and tasks of each model took: p50, p95 and p99.',
    parts: { p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99) },
  },
  models: {
    asks: 'Which models are used, how often, and how often they fail by the server’s fault.',
    parts: {
      requests: { unit: '1/s', expr: (of) => rate('inferenceRequests', of, 'model, task') },
      failures: {
        unit: '1/s',
        expr: ({ window, model }) =>
          `sum by (model) (rate(${series('inferenceRequests', model, 'fault="server"')}[${window}])) > 0`,
      },
    },
  },
  queue: {
    asks: 'Who waits: requests in the queue of each model, the predicted wait, and the share of time that lanes ran.',
    parts: {
      waiting: { unit: 'requests', expr: (of) => `sum by (model) (${gauge('inferenceQueueDepth', of)})` },
      predicted_wait: { unit: 's', expr: (of) => `max by (model) (${gauge('inferenceQueueWait', of)})` },
      lanes: { unit: 'lanes', expr: (of) => `sum by (model, state) (${gauge('inferenceLanes', of)})` },
      dropped: { unit: 'count', expr: (of) => `${increase('inferenceDropped', of, 'model, reason')} > 0` },
    },
  },
  stages: {
    asks: 'Where the time of requests goes: the mean of each stage by model.',
    parts: {
      mean: {
        unit: 's',
        expr: ({ window, model }) => {
          const part = (of: string) =>
            `sum by (model, stage) (rate(${series('inferenceStageSeconds', model, '', of)}[${window}]))`;
          return `${part('_sum')} / (${part('_count')} > 0)`;
        },
      },
    },
  },
  batches: {
    asks: 'How large batches are, and what closes them.',
    parts: {
      closed_by: { unit: '1/s', expr: (of) => rate('inferenceBatches', of, 'model, closed_by') },
      rows: {
        unit: 'rows',
        expr: ({ window, model }) => {
          const part = (of: string) =>
            `sum by (model) (rate(${series('inferenceBatchRows', model, '', of)}[${window}]))`;
          return `${part('_sum')} / (${part('_count')} > 0)`;
        },
      },
    },
  },
  machine: {
    asks: 'CPU, memory and event loop of the service’s processes.',
    parts: {
      cpu: { unit: 'share of a core', expr: () => `sum by (instance) (${series('processCpuUtilization', undefined)})` },
      memory: { unit: 'bytes', expr: () => `max by (instance) (${series('processMemory', undefined)})` },
      event_loop_p99: { unit: 's', expr: () => `max by (instance) (${series('eventLoopDelayP99', undefined)})` },
    },
  },
  gpus: {
    asks: 'How busy, full and hot each GPU is.',
    parts: {
      busy: { unit: 'share', expr: () => `max by (hw_id, hw_name) (${series('gpuUtilization', undefined)})` },
      memory: { unit: 'share', expr: () => `max by (hw_id) (${series('gpuMemoryUtilization', undefined)})` },
      power: { unit: 'W', expr: () => `max by (hw_id) (${series('gpuPower', undefined)})` },
      temperature: { unit: '°C', expr: () => `max by (hw_id) (${series('gpuTemperature', undefined)})` },
    },
  },
  jobs: {
    asks: 'How many jobs wait and run, and how jobs ended in the window.',
    parts: {
      waiting: { unit: 'jobs', expr: () => `sum by (kind) (${series('jobsWaiting', undefined)})` },
      running: { unit: 'jobs', expr: () => `sum by (kind) (${series('jobsRunning', undefined)})` },
      ended: { unit: 'count', expr: ({ window }) => increase('jobs', { window, model: undefined }, 'kind, status') },
    },
  },
  tenants: {
    asks: 'What each tenant costs: CPU seconds of lanes, GPU seconds and joules in the window.',
    parts: {
      cpu: { unit: 's', expr: (of) => increase('costCpu', of, 'tenant, model') },
      gpu: { unit: 's', expr: (of) => increase('costGpu', of, 'tenant, model') },
      energy: { unit: 'J', expr: (of) => increase('costEnergy', of, 'tenant, model') },
    },
  },
  refusals: {
    asks: 'What was turned away before any work: by route and reason.',
    parts: {
      refused: {
        unit: 'count',
        expr: ({ window }) => `${increase('requestsRefused', { window, model: undefined }, 'endpoint, reason')} > 0`,
      },
    },
  },
  telemetry: {
    asks: 'Whether telemetry is delivered: made, dropped, refused, waiting on disk, and missing from the ledger.',
    parts: {
      made: { unit: 'count', expr: ({ window }) => increase('telemetryMade', { window, model: undefined }, 'signal') },
      dropped: {
        unit: 'count',
        expr: ({ window }) => increase('telemetryDropped', { window, model: undefined }, 'signal, reason'),
      },
      refused: {
        unit: 'count',
        expr: ({ window }) => increase('telemetryRefused', { window, model: undefined }, 'signal'),
      },
      spooled: { unit: 'items', expr: () => `sum by (signal) (${series('telemetrySpooled', undefined)})` },
      missing: { unit: 'items', expr: () => `sum by (signal) (abs(${series('telemetryMissing', undefined)}))` },
    },
  },
} as const satisfies Record<string, MetricQuestion>;

export type QuestionName = keyof typeof metricQuestions;

export const questionNames = Object.keys(metricQuestions) as [QuestionName, ...QuestionName[]];

export function metricQuestion(name: QuestionName): MetricQuestion {
  return metricQuestions[name];
}

function percentile(quantile: number): MetricQuestion['parts'][string] {
  return {
    unit: 's',
    expr: ({ window, model }) =>
      `histogram_quantile(${quantile}, sum by (model, task) (rate(${series('inferenceLatency', model)}[${window}])))`,
  };
}

function rate(name: MetricName, { window, model }: QuestionScope, by: string): string {
  return `sum by (${by}) (rate(${series(name, ofModel(name, model))}[${window}]))`;
}

function increase(name: MetricName, { window, model }: QuestionScope, by: string): string {
  return `sum by (${by}) (increase(${series(name, ofModel(name, model))}[${window}]))`;
}

function gauge(name: MetricName, { model }: QuestionScope): string {
  return series(name, model);
}

function ofModel(name: MetricName, model: string | undefined): string | undefined {
  return (metricNames[name].attributes as readonly string[]).includes('model') ? model : undefined;
}

function series(name: MetricName, model: string | undefined, matcher = '', part = ''): string {
  const matchers = [
    'job="vitrine"',
    matcher,
    model === undefined ? '' : `model="${model.replaceAll(/[\\"]/g, '\\$&')}"`,
  ].filter((each) => each !== '');
  return `${nameInPrometheus(metricNames[name])}${part}{${matchers.join(', ')}}`;
}
