import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';
import { type NamedFile, named } from '../../tls/certificate-files.ts';
import { type OtlpPart, otelVariables, ourInstrumentations } from './otel-variables.ts';
import type { Signal } from './signals.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** How the telemetry of one signal reaches the Collector. */
export type OtlpSettings = {
  /** host:port */
  readonly target: string;
  readonly isSecure: boolean;
  readonly authority: NamedFile | undefined;
  readonly certificate: NamedFile | undefined;
  readonly key: NamedFile | undefined;
  readonly headers: ReadonlyMap<string, string>;
  readonly compression: 'gzip' | 'none';
  readonly timeoutMs: number;
};

/**
 * By the variables of the signal, or else of all signals: OTEL_EXPORTER_OTLP_LOGS_ENDPOINT counts
 * before OTEL_EXPORTER_OTLP_ENDPOINT.
 */
export function otlpSettings(signal: Signal, config: Config, env: Env): OtlpSettings {
  const found = (part: OtlpPart): { value: string; setting: string } => {
    const own = `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${part}`;
    const common = `OTEL_EXPORTER_OTLP_${part}`;
    const value = env[own]?.trim() ?? '';
    return value === '' ? { value: env[common]?.trim() ?? '', setting: common } : { value, setting: own };
  };
  const file = (part: OtlpPart) => {
    const { value, setting } = found(part);
    return named(value, setting);
  };
  const endpoint = found('ENDPOINT');
  const given = endpoint.value === '' ? { ...endpoint, value: config.otlpEndpoint } : endpoint;
  return {
    ...readEndpoint(given, found('INSECURE').value),
    authority: file('CERTIFICATE'),
    certificate: file('CLIENT_CERTIFICATE'),
    key: file('CLIENT_KEY'),
    headers: readHeaders(env, signal),
    compression: found('COMPRESSION').value === 'gzip' ? 'gzip' : 'none',
    timeoutMs: readTimeout(found('TIMEOUT'), config.telemetryTimeoutMs),
  };
}

/**
 * Ends the start at a value that the service cannot honour; answers the sentences about variables
 * that are set and have no effect.
 */
export function checkOtelVariables(env: Env): string[] {
  const notes: string[] = [];
  for (const [name, value = ''] of Object.entries(env)) {
    if (!name.startsWith('OTEL_') || value.trim() === '' || value === ourInstrumentations) continue;
    const row = Object.hasOwn(otelVariables, name) ? otelVariables[name] : undefined;
    if (row === undefined) notes.push(`${name}: this version does not know it`);
    else if (row.fate === 'ignored') notes.push(`${name}: ${row.says}`);
    else if (row.fate === 'only' && !row.values?.includes(value.trim().toLowerCase().replaceAll(' ', '')))
      throw new ServiceError(
        'invalid_setting',
        say`Cannot use ${ours(name)}: it is "${value.slice(0, 80)}", and only ${ours(row.values?.join(' or ') ?? '')} is possible; ${ours(row.says)}`,
      );
  }
  return notes;
}

function readEndpoint(
  { value, setting }: { value: string; setting: string },
  insecure: string,
): Pick<OtlpSettings, 'target' | 'isSecure'> {
  const scheme = insecure.toLowerCase() === 'true' ? 'http' : 'https';
  const whole = /^\w+:\/\//.test(value) ? value : `${scheme}://${value}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.host === '')
    throw new ServiceError(
      'invalid_setting',
      say`Cannot use ${ours(setting)}: it is "${value.slice(0, 80)}"; give a URL such as http://127.0.0.1:4317.`,
    );
  const isSecure = url.protocol === 'https:';
  return { target: url.port === '' ? `${url.hostname}:${isSecure ? 443 : 80}` : url.host, isSecure };
}

/** The signal’s own headers join the common ones. */
function readHeaders(env: Env, signal: Signal): Map<string, string> {
  const headers = new Map<string, string>();
  for (const setting of ['OTEL_EXPORTER_OTLP_HEADERS', `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_HEADERS`])
    for (const pair of (env[setting] ?? '').split(',').filter((one) => one.trim() !== '')) {
      const at = pair.indexOf('=');
      if (at < 1)
        throw new ServiceError(
          'invalid_setting',
          say`Cannot use ${ours(setting)}: a part of it is no name=value; write name=value with commas between.`,
        );
      headers.set(pair.slice(0, at).trim().toLowerCase(), decoded(pair.slice(at + 1).trim(), setting));
    }
  return headers;
}

function decoded(value: string, setting: string): string {
  try {
    return decodeURIComponent(value);
  } catch (cause) {
    throw new ServiceError(
      'invalid_setting',
      say`Cannot use ${ours(setting)}: a value of it is not percent-encoded; write %25 for a percent sign.`,
      { cause },
    );
  }
}

function readTimeout({ value, setting }: { value: string; setting: string }, fallback: number): number {
  if (value === '') return fallback;
  const ms = Number(value);
  if (/^\d+$/.test(value) && ms >= 100 && ms <= 60_000) return ms;
  throw new ServiceError(
    'invalid_setting',
    say`Cannot use ${ours(setting)}: it is "${value.slice(0, 80)}"; give milliseconds from 100 to 60000.`,
  );
}
