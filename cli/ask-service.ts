import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { askPort, type Way } from '../launcher/ask-port.ts';
import { StackFailure } from '../launcher/stack-failure.ts';
import { readState } from '../launcher/stack-state.ts';
import { callerTrust, stackTls, wayTo } from '../launcher/ways.ts';
import { readConfig, settings } from '../src/config.ts';

/** The service answered, and not with what it was asked for. */
export class ServiceRefusal extends StackFailure {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

export type ServiceOptions = {
  /** Another service than the one of this stack. */
  readonly url?: string;
  readonly keyFile?: string;
};

/**
 * Asks the running service, as the administrator where VITRINE_ADMIN_TOKEN_FILE is set, or with the
 * key of a file. Answers JSON as what it says, and anything else as text. Throws the sentence of a
 * failure.
 */
export async function askService(path: string, options: ServiceOptions, body?: unknown): Promise<unknown> {
  const way = options.url === undefined ? runningService() : { url: options.url, trust: callerTrust(readConfig()) };
  const { url } = way;
  const token = await tokenFrom(options.keyFile);
  const headers = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  const asking = { headers, body: body === undefined ? undefined : JSON.stringify(body) };
  const { ok, status, type, text } = await askPort(way, path, asking).catch((cause: Error) => {
    throw new StackFailure(`Cannot ask the service: ${cause.message}; start it with \`vitrine up\`, or give --url.`, {
      cause,
    });
  });
  if (ok) return type.includes('json') ? JSON.parse(text) : text;
  throw new ServiceRefusal(sentenceIn(text) ?? `The service at ${url} answered ${status} to ${path}.`, status);
}

function runningService(): Way {
  const config = readConfig();
  const { ports = {}, tls = stackTls(config, process.env) } =
    readState(resolve(import.meta.dirname, '..', config.data)) ?? {};
  const host = config.bind === '0.0.0.0' || config.bind === '::' ? '127.0.0.1' : config.bind;
  return wayTo('servicePort', ports[settings.servicePort.env] ?? config.servicePort, tls, host);
}

async function tokenFrom(keyFile: string | undefined): Promise<string | undefined> {
  const file = keyFile ?? readConfig().adminTokenFile;
  if (file === '') return undefined;
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new StackFailure(
      `Cannot read the key in ${file}: ${cause.message}; give --key-file, or set VITRINE_ADMIN_TOKEN_FILE.`,
      { cause },
    );
  });
  return text.split('\n')[0]?.trim();
}

function sentenceIn(text: string): string | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    return typeof error === 'string' ? error : undefined;
  } catch {
    return undefined;
  }
}
