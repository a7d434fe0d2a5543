// Grafana's names of units, as far as the dashboards use them; a dashboard with another fails a
// test.

/** From which value on, the suffix, and what is divided by where that is another. */
type Scale = readonly (readonly [from: number, suffix: string, size?: number])[];

const seconds: Scale = [
  [86_400, ' d'],
  [3_600, ' h'],
  [60, ' min'],
  [1, ' s'],
  [1e-3, ' ms'],
  [1e-6, ' µs'],
  [1e-9, ' ns'],
];
const metric = (unit: string): Scale => [
  [1e12, ` T${unit}`],
  [1e9, ` G${unit}`],
  [1e6, ` M${unit}`],
  [1e3, ` k${unit}`],
  [1, unit === '' ? '' : ` ${unit}`],
];
const small = (unit: string): Scale => [...metric(unit), [1e-3, ` m${unit}`], [1e-6, ` µ${unit}`]];
const binary = (unit: string): Scale => [
  [1024 ** 4, ` Ti${unit}`],
  [1024 ** 3, ` Gi${unit}`],
  [1024 ** 2, ` Mi${unit}`],
  [1024, ` Ki${unit}`],
  [1, ` ${unit}`],
];
const plain = (suffix: string): Scale => [[1, suffix]];
const count: Scale = [
  [1e12, ' T'],
  [1e9, ' G'],
  [1e6, ' M'],
  [1e4, ' k', 1e3],
];

const scales: Readonly<Record<string, Scale>> = {
  none: plain(''),
  short: [...count, [1, '']],
  s: seconds,
  ms: seconds.map(([from, suffix]) => [from * 1e3, suffix]),
  µs: seconds.map(([from, suffix]) => [from * 1e6, suffix]),
  ns: seconds.map(([from, suffix]) => [from * 1e9, suffix]),
  dtdurations: seconds,
  percent: plain(' %'),
  percentunit: [[0.01, ' %']],
  bytes: binary('B'),
  decbytes: metric('B'),
  Bps: metric('B/s'),
  binBps: binary('B/s'),
  reqps: [...count.map(([from, suffix, size = from]) => [from, `${suffix}/s`, size] as const), [1, '/s']],
  ops: [...count.map(([from, suffix, size = from]) => [from, `${suffix}/s`, size] as const), [1, '/s']],
  cps: plain('/s'),
  rps: plain('/s'),
  wps: plain('/s'),
  rpm: plain('/min'),
  opm: plain('/min'),
  cpm: plain('/min'),
  watt: small('W'),
  joule: small('J'),
  kwatth: plain(' kWh'),
  watth: small('Wh'),
  celsius: plain(' °C'),
  hertz: small('Hz'),
  rothz: small('Hz'),
  dB: plain(' dB'),
  dBm: plain(' dB'),
  lengthm: plain(' m'),
};

/** Units that are a moment: milliseconds since 1970. */
const moments = new Set(['dateTimeAsIso', 'dateTimeFromNow', 'time']);

export function isKnownUnit(unit: string): boolean {
  return (
    Object.hasOwn(scales, unit) ||
    moments.has(unit) ||
    unit === 'bool' ||
    unit === 'bool_on_off' ||
    unit === 'string' ||
    unit === 'suffix' ||
    /^(suffix|prefix):/.test(unit)
  );
}

/**
 * A number as a person reads it: three digits that matter, unless `decimals` says otherwise, and
 * its unit.
 */
export function formatValue(value: number | null | undefined, unit = 'short', decimals?: number): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  if (unit === 'bool') return value === 0 ? 'False' : 'True';
  if (unit === 'bool_on_off') return value === 0 ? 'Off' : 'On';
  if (unit === 'dateTimeFromNow') return fromNow(value);
  if (moments.has(unit)) return new Date(value).toISOString().replace('T', ' ').slice(0, 19);
  if (unit.startsWith('suffix:')) return `${digits(value, decimals)}${unit.slice(7)}`;
  if (unit.startsWith('prefix:')) return `${unit.slice(7)}${digits(value, decimals)}`;
  const scale = scales[unit] ?? scales.short!;
  const [from, suffix, size = from] =
    scale.find(([least]) => Math.abs(value) >= least) ?? (value === 0 ? baseOf(scale) : scale.at(-1)!);
  const scaled = value / size;
  // There is no smaller unit, and nobody reads 0.000143 %.
  if (decimals === undefined && Math.abs(scaled) < 0.005 && value !== 0 && suffix === ' %')
    return `${scaled < 0 ? '−' : ''}<0.01${suffix}`;
  return `${digits(scaled, decimals)}${suffix}`;
}

/** Zero has the plain unit: 0 s, not 0 ns. */
function baseOf(scale: Scale): Scale[number] {
  return scale.find(([from]) => from === 1 || from === 0.01) ?? scale.at(-1)!;
}

function digits(value: number, decimals: number | undefined): string {
  const text =
    decimals === undefined
      ? String(Number(value.toPrecision(Math.abs(value) >= 1000 ? 4 : 3)))
      : value.toFixed(decimals);
  const [whole = '', fraction] = text.split('.');
  const grouped = /^-?\d{5,}$/.test(whole) ? whole.replace(/\B(?=(\d{3})+$)/g, ' ') : whole;
  return `${grouped}${fraction === undefined ? '' : `.${fraction}`}`.replace(/^-/, '−');
}

function fromNow(atMs: number): string {
  const seconds = Math.round((Date.now() - atMs) / 1000);
  return seconds < 0 ? `in ${formatValue(-seconds, 's', 0)}` : `${formatValue(seconds, 's', 0)} ago`;
}
