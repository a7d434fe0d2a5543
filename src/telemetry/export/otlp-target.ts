import { type ChannelCredentials, credentials, Metadata } from '@grpc/grpc-js';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';

/**
 * Where the Collector is, for a gRPC client, by the same rules as the official exporters': http is
 * plain, https is TLS.
 */
export function otlpTarget(
  config: Config,
  env: Readonly<Record<string, string | undefined>> = process.env,
): { target: string; credentials: ChannelCredentials; metadata: Metadata } {
  let url: URL;
  try {
    url = new URL(config.otlpEndpoint);
  } catch (cause) {
    throw new ServiceError(
      'invalid_setting',
      say`Cannot use OTEL_EXPORTER_OTLP_ENDPOINT: it is "${config.otlpEndpoint.slice(0, 80)}"; give a URL such as http://127.0.0.1:4317.`,
      { cause },
    );
  }
  const metadata = new Metadata();
  for (const pair of (env.OTEL_EXPORTER_OTLP_HEADERS ?? '').split(',')) {
    const at = pair.indexOf('=');
    if (at > 0) metadata.set(pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim()));
  }
  return {
    target: url.host,
    credentials: url.protocol === 'https:' ? credentials.createSsl() : credentials.createInsecure(),
    metadata,
  };
}
