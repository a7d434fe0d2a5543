import type { RuleCase } from '../rule-case.ts';

const labels = { model: 'm' };
const requests = (status: string, fault = '') =>
  `inference_requests_total{model="m", status="${status}"${fault === '' ? '' : `, fault="${fault}"`}}`;
const bucket = (le: string) => `inference_request_duration_seconds_bucket{model="m", le="${le}"}`;
const count = 'inference_request_duration_seconds_count{model="m"}';

export const objectiveCases: readonly RuleCase[] = [
  {
    name: 'a third of the requests fail on the server’s side, for an hour',
    alert: 'AvailabilityBudgetBurning',
    series: { [requests('ok')]: '0+60x300', [requests('inference_failed', 'server')]: '0x60 30+30x59 1800x180' },
    at: {
      '60m': [],
      // 30 of 90 a minute; both pairs burn, and the first of the list is notified. The slow pairs have
      // the same hours to go by.
      '120m': [
        { severity: 'critical', labels, says: '33.33%' },
        { severity: 'warning', labels, says: '20%' },
      ],
      '130m': [{ severity: 'warning', labels, says: '18.75%' }],
    },
  },
  {
    name: 'callers’ own mistakes spend no budget',
    alert: 'AvailabilityBudgetBurning',
    series: {
      [requests('ok')]: '0+60x300',
      [requests('invalid_input', 'caller')]: '0+60x300',
      [requests('caller_deadline_exceeded', 'caller')]: '0+60x300',
      [requests('caller_gone', 'left')]: '0+60x300',
    },
    at: { '120m': [] },
  },
  {
    name: 'one failure in a quiet night calls nobody',
    alert: 'AvailabilityBudgetBurning',
    series: { [requests('ok')]: '0x300', [requests('internal', 'server')]: '0x60 1x200' },
    at: { '63m': [], '100m': [] },
  },
  {
    name: 'half a percent fails, for two days',
    alert: 'AvailabilityBudgetBurning',
    interval: '10m',
    series: { [requests('ok')]: '0+995x720', [requests('internal', 'server')]: '0x72 5+5x287 1440x360' },
    at: { '12h': [], '58h': [{ severity: 'warning', labels, says: '0.5%' }], '72h': [] },
  },
  {
    name: 'half of the requests are slower than 2.5 s, for an hour',
    alert: 'LatencyBudgetBurning',
    series: { [bucket('2.5')]: '0+60x60 3630+30x59 5460+60x180', [count]: '0+60x300', [requests('ok')]: '0+60x300' },
    at: {
      '60m': [],
      '120m': [
        { severity: 'critical', labels, says: '50%' },
        { severity: 'warning', labels, says: '25%' },
      ],
      // Half an hour later the short windows have seen that it is over; the long ones remember.
      '155m': [{ severity: 'warning', labels, says: '19.35%' }],
    },
  },
  {
    name: 'tasks take as long as their sounds are long, which nobody promised',
    alert: 'LatencyBudgetBurning',
    series: {
      [bucket('2.5').replace('model="m"', 'model="m", task="separate"')]: '0x300',
      [count.replace('model="m"', 'model="m", task="separate"')]: '0+60x300',
      [requests('ok').replace('model="m"', 'model="m", task="separate"')]: '0+60x300',
    },
    at: { '120m': [] },
  },
  {
    name: 'three in a hundred are slow, for two days',
    alert: 'LatencyBudgetBurning',
    interval: '10m',
    series: {
      [bucket('2.5')]: '0+1000x72 72965+965x287 350920+1000x360',
      [count]: '0+1000x720',
      [requests('ok')]: '0+1000x720',
    },
    at: { '12h': [], '58h': [{ severity: 'warning', labels, says: '3.5%' }], '72h': [] },
  },
];
