import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolderNow } from '../../src/make-folder.ts';
import { runCommand } from '../run-command.ts';
import { apiPort } from './cluster-place.ts';

/** What a certificate is for: its subject, and for a server the names it answers to. */
type Certificate = { readonly subject: string; readonly names?: string };

/**
 * One authority and what it signs: the API server, its calls to kubelets and to API servers behind
 * it, and the administrator of the cluster. Keys of service accounts beside them.
 */
export async function makeCertificates(folder: string, addresses: readonly string[]): Promise<void> {
  makeFolderNow(folder, 0o700);
  const path = (name: string) => join(folder, name);
  const openssl = (...parameters: string[]) => runCommand('openssl', parameters);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    ...['req', '-x509', ...key, '-days', '365', '-subj', '/CN=vitrine-cluster'],
    ...['-keyout', path('ca.key'), '-out', path('ca.crt')],
  );
  const dns = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'];
  const wanted: Record<string, Certificate> = {
    apiserver: {
      subject: '/CN=kube-apiserver',
      names: [...dns.map((name) => `DNS:${name}`), ...addresses.map((address) => `IP:${address}`)].join(','),
    },
    admin: { subject: '/O=system:masters/CN=vitrine-admin' },
    'front-proxy': { subject: '/CN=front-proxy-client' },
  };
  for (const [name, { subject, names }] of Object.entries(wanted)) {
    await openssl('req', ...key, '-subj', subject, '-keyout', path(`${name}.key`), '-out', path(`${name}.csr`));
    const usage = names === undefined ? 'clientAuth' : 'serverAuth';
    const lines = [`extendedKeyUsage=${usage}`, ...(names === undefined ? [] : [`subjectAltName=${names}`])];
    await writeFile(path(`${name}.extensions`), lines.join('\n'));
    await openssl(
      ...['x509', '-req', '-days', '365', '-in', path(`${name}.csr`), '-extfile', path(`${name}.extensions`)],
      ...['-CA', path('ca.crt'), '-CAkey', path('ca.key'), '-CAcreateserial', '-out', path(`${name}.crt`)],
    );
  }
  await openssl('genrsa', '-out', path('accounts.key'), '2048');
  await openssl('rsa', '-in', path('accounts.key'), '-pubout', '-out', path('accounts.pub'));
}

/** The administrator's, with the certificates in it: one file that can be copied. */
export function kubeconfigOf(name: string, address: string, read: (file: string) => Buffer): string {
  const data = (file: string) => read(file).toString('base64');
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: `vitrine-${name}`,
          cluster: { server: `https://${address}:${apiPort}`, 'certificate-authority-data': data('ca.crt') },
        },
      ],
      users: [
        {
          name: `vitrine-${name}`,
          user: { 'client-certificate-data': data('admin.crt'), 'client-key-data': data('admin.key') },
        },
      ],
      contexts: [{ name: `vitrine-${name}`, context: { cluster: `vitrine-${name}`, user: `vitrine-${name}` } }],
      'current-context': `vitrine-${name}`,
    },
    undefined,
    2,
  )}\n`;
}
