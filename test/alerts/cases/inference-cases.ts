import { burst, gauge, once, type RuleCase } from '../rule-case.ts';

const labels = { model: 'm' };
const requests = (status: string) => `inference_requests_total{model="m", status="${status}"}`;

export const inferenceCases: readonly RuleCase[] = [
  {
    name: 'runs end in errors',
    alert: 'ModelFailing',
    series: { [requests('inference_failed')]: burst(12), [requests('ok')]: '0+60x120' },
    at: { '10m': [], '20m': [{ severity: 'critical', labels, says: '0.2' }], '40m': [] },
  },
  {
    name: 'callers’ wrong inputs are no failure of the model',
    alert: 'ModelFailing',
    series: { [requests('invalid_input')]: burst(600) },
    at: { '20m': [] },
  },
  {
    name: 'the guard of its runs is open, with attempts in between, then closed',
    alert: 'BreakerOpen',
    series: { 'inference_breaker_state{instance="a", model="m", guard="runs"}': '0x10 2x5 1 2x5 1 0x60' },
    at: {
      '10m': [],
      '17m': [{ severity: 'critical', labels: { instance: 'a', ...labels }, says: '2' }],
      '40m': [],
    },
  },
  {
    name: 'more come than it can run',
    alert: 'QueueFull',
    series: { [requests('queue_full')]: burst(12) },
    at: { '10m': [], '20m': [{ severity: 'critical', labels, says: '0.2' }], '40m': [] },
  },
  {
    name: 'who comes now would wait two seconds',
    alert: 'QueueWaitLong',
    series: { 'inference_queue_wait_predicted_seconds{instance="a", model="m"}': gauge(0, 2) },
    at: { '14m': [], '20m': [{ severity: 'warning', labels, says: '2s' }], '40m': [] },
  },
  {
    name: 'answers come too late',
    alert: 'DeadlinesMissed',
    series: { [requests('deadline_exceeded')]: burst(12) },
    at: { '10m': [], '20m': [{ severity: 'warning', labels, says: '0.2' }], '40m': [] },
  },
  {
    name: 'one lane crashes',
    alert: 'LaneCrashed',
    series: { 'inference_lane_losses_total{model="m", how="crashed"}': once() },
    at: { '10m': [], '13m': [{ severity: 'warning', labels, says: '1' }], '30m': [] },
  },
  {
    name: 'lanes crash again and again',
    alert: 'LaneCrashed',
    series: { 'inference_lane_losses_total{model="m", how="crashed"}': burst(1, 5) },
    at: {
      '10m': [],
      '16m': [
        { severity: 'critical', labels, says: '5' },
        { severity: 'warning', labels, says: '5' },
      ],
      '40m': [],
    },
  },
  {
    name: 'a run outlasts its deadline',
    alert: 'LaneStuck',
    series: { 'inference_lane_losses_total{model="m", how="stuck"}': once() },
    at: { '10m': [], '13m': [{ severity: 'warning', labels, says: '1' }], '30m': [] },
  },
  {
    name: 'a thread stays in its run',
    alert: 'LaneAbandoned',
    series: {
      'inference_lanes{instance="a", model="m", state="abandoned"}': gauge(0, 1),
      'inference_lanes{instance="a", model="m", state="idle"}': gauge(1, 1),
    },
    at: { '14m': [], '20m': [{ severity: 'critical', labels: { instance: 'a' }, says: '1' }], '40m': [] },
  },
  {
    name: 'a version cannot be loaded, then it can',
    alert: 'ModelFailed',
    series: {
      'model_state{instance="a", model="m", version="1", state="unavailable"}': gauge(0, 1),
      'model_loads_total{instance="a", model="m", result="invalid_model"}': once(3),
    },
    at: {
      '10m': [],
      '20m': [{ severity: 'critical', labels: { instance: 'a', model: 'm', version: '1' }, says: '1' }],
      '40m': [],
    },
  },
  {
    name: 'a version was unloaded on purpose',
    alert: 'ModelFailed',
    series: {
      'model_state{instance="a", model="m", version="1", state="unavailable"}': gauge(0, 1),
      'model_loads_total{instance="a", model="m", result="invalid_model"}': '0x120',
    },
    at: { '20m': [] },
  },
  {
    name: 'a load fails',
    alert: 'ModelLoadFailing',
    series: {
      'model_loads_total{model="m", result="invalid_model"}': '_x11 1x120',
      'model_loads_total{model="m", result="ok"}': '0+1x120',
    },
    at: {
      '10m': [],
      '15m': [{ severity: 'warning', labels: { model: 'm', result: 'invalid_model' }, says: '1' }],
      '40m': [],
    },
  },
  {
    name: 'nothing is loaded',
    alert: 'NoModelServes',
    series: { 'models_loaded{instance="a"}': gauge(3, 0) },
    at: { '10m': [], '20m': [{ severity: 'critical', labels: { instance: 'a' }, says: '0' }], '40m': [] },
  },
  {
    name: 'a load takes a hundred seconds',
    alert: 'ModelLoadSlow',
    series: {
      'model_load_duration_seconds_sum{model="m"}': once(100),
      'model_load_duration_seconds_count{model="m"}': once(1),
    },
    at: { '10m': [], '13m': [{ severity: 'info', labels, says: '1m 40s' }], '90m': [] },
  },
  {
    name: 'callers give up while they wait',
    alert: 'CallersLeave',
    series: {
      'inference_dropped_total{model="m", reason="gone"}': burst(60, 20),
      'inference_dropped_total{model="m", reason="refused"}': '0+600x120',
    },
    at: { '10m': [], '27m': [{ severity: 'info', labels, says: '1' }], '50m': [] },
  },
  {
    name: 'a fifth of the time is in no stage',
    alert: 'TimeUnaccounted',
    series: {
      'inference_rest_duration_seconds_sum{model="m"}': burst(1, 35),
      'inference_request_duration_seconds_sum{model="m"}': '0+5x130',
    },
    at: { '10m': [], '42m': [{ severity: 'info', labels, says: '20%' }], '75m': [] },
  },
];
