import type { Config } from '../src/config.ts';
import { authorityOf, certificateOf, certificatesFolder } from './certificates/certificate-files.ts';
import { makeCertificates } from './certificates/make-certificates.ts';
import { backendNames } from './components.ts';
import { StackFailure } from './stack-failure.ts';

/** How long a certificate lasts; the launcher replaces it when a third of that is left. */
const days = 90;

/** The backends that VITRINE_TLS=all encrypts whole. */
const encryptable: readonly string[] = [
  ...['prometheus', 'tempo', 'loki', 'loki-by-stream', 'tail-sampling'],
  ...['otlp', 'elastic', 'debug', 'file', 'tls'],
];

/** Makes what is missing and replaces what ends soon; servers take up changed files. */
export async function keepCertificates(data: string): Promise<void> {
  await makeCertificates({ folder: certificatesFolder(data), days, hosts: [], namespace: 'vitrine' });
}

/**
 * The settings by which everything that runs finds its certificate, and trusts the others'. What
 * somebody has set counts instead.
 */
export function encryptedEnvironment(config: Config, env: NodeJS.ProcessEnv, data: string): NodeJS.ProcessEnv {
  const backends = backendNames(config);
  const plain = backends.find((name) => !encryptable.includes(name));
  if (plain !== undefined)
    throw new StackFailure(
      `Cannot encrypt the whole stack: VITRINE_TLS=all knows no certificates for "${plain}" in VITRINE_BACKENDS; take it out, or set each TLS setting yourself (docs/tls.md).`,
    );
  const authority = authorityOf(data);
  const service = certificateOf('service', data);
  const collector = certificateOf('collector', data);
  const own = { VITRINE_TLS_CERT_FILE: service.certificate, VITRINE_TLS_KEY_FILE: service.key };
  const ways = {
    // Certificate and key belong together: who has set one has set both.
    ...(!env.VITRINE_TLS_CERT_FILE && !env.VITRINE_TLS_KEY_FILE && own),
    VITRINE_TLS_CA_FILE: authority,
    VITRINE_STORE_SCHEME: 'https',
    VITRINE_STORE_CA_FILE: authority,
    VITRINE_COLLECTOR_TLS_CERT_FILE: collector.certificate,
    VITRINE_COLLECTOR_TLS_KEY_FILE: collector.key,
    OTEL_EXPORTER_OTLP_CERTIFICATE: authority,
  };
  const given = Object.entries(env).filter(([name, value]) => value !== '' || !(name in ways));
  return { ...ways, ...Object.fromEntries(given), VITRINE_BACKENDS: [...new Set([...backends, 'tls'])].join(',') };
}
