import { join } from 'node:path';
import type { Config } from '../../src/config.ts';

export type CertificateFile = { readonly certificate: string; readonly key: string };

/** Whether the launcher encrypts every port of the stack. */
export function encryptsAll({ tls }: Pick<Config, 'tls'>): boolean {
  return tls === 'all';
}

/** Whether the service has the certificate that the launcher made, not one that was set. */
export function servesMadeCertificate({ tlsCertFile }: Pick<Config, 'tlsCertFile'>, data: string): boolean {
  return tlsCertFile === certificateOf('service', data).certificate;
}

/** Where VITRINE_TLS=all has its certificates. */
export function certificatesFolder(data: string): string {
  return join(data, 'certificates');
}

export function authorityOf(data: string): string {
  return join(certificatesFolder(data), 'ca.crt');
}

export function certificateOf(name: string, data: string): CertificateFile {
  const folder = certificatesFolder(data);
  return { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
}

/** What Prometheus and Alertmanager read at each handshake. */
export function webFileOf(name: string, data: string): string {
  return join(data, name, 'configuration', 'web.yaml');
}
