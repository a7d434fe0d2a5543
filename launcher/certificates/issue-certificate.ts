import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { StackFailure } from '../stack-failure.ts';

export type CertificateOrder = {
  /** `<folder>/<file>.crt` and `.key` are written. */
  readonly folder: string;
  readonly file: string;
  readonly commonName: string;
  /** `DNS:localhost`, `IP:127.0.0.1`, `URI:spiffe://…`, `email:…`; none for an authority. */
  readonly names: readonly string[];
  readonly from?: Date;
  readonly until: Date;
  /** Whose folder and file sign it; without one it signs itself and is an authority. */
  readonly authority?: { readonly folder: string; readonly file: string } | undefined;
};

/**
 * Makes a private key (ECDSA, P-256) and its certificate, with the program openssl.
 */
export async function issueCertificate(order: CertificateOrder): Promise<{ certificate: string; key: string }> {
  const { folder, file, commonName, from = new Date(Date.now() - 5 * 60_000), until, authority } = order;
  if (!/^[\w .:-]{1,64}$/.test(commonName))
    throw new StackFailure(`Cannot make a certificate for "${commonName}": use letters, digits, points and hyphens.`);
  const work = await mkdtemp(join(tmpdir(), 'vitrine-certificate-'));
  try {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = join(work, 'key');
    await writeFile(key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    await writeFile(join(work, 'index'), '');
    await writeFile(join(work, 'configuration'), configuration(work, order.names));
    const common = ['-config', join(work, 'configuration')];
    await openssl([
      'req',
      '-new',
      '-batch',
      ...common,
      '-key',
      key,
      '-subj',
      `/CN=${commonName}`,
      '-out',
      join(work, 'request'),
    ]);
    const signer = authority
      ? [
          '-cert',
          join(authority.folder, `${authority.file}.crt`),
          '-keyfile',
          join(authority.folder, `${authority.file}.key`),
        ]
      : ['-selfsign', '-keyfile', key];
    await openssl([
      ...['ca', '-batch', '-notext', ...common, ...signer],
      ...['-extensions', authority ? 'leaf' : 'authority'],
      ...['-startdate', asn1Time(from), '-enddate', asn1Time(until)],
      ...['-in', join(work, 'request'), '-out', join(work, 'certificate')],
    ]);
    const made = { certificate: join(folder, `${file}.crt`), key: join(folder, `${file}.key`) };
    await put(await readFile(join(work, 'certificate')), made.certificate, 0o644);
    await put(await readFile(key), made.key, 0o600);
    return made;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function configuration(work: string, names: readonly string[]): string {
  const wrong = names.find((name) => !/^(?:DNS|IP|URI|email):[\w.:/@*%-]{1,255}$/.test(name));
  if (wrong !== undefined)
    throw new StackFailure(`Cannot make a certificate for "${wrong}": give DNS:, IP:, URI: or email: and a name.`);
  return `
[req]
distinguished_name = subject
[subject]
[ca]
default_ca = own
[own]
new_certs_dir = ${work}
database = ${join(work, 'index')}
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
${names.length > 0 ? `subjectAltName = ${names.join(', ')}` : ''}
`;
}

/** 20261130041500Z */
function asn1Time(at: Date): string {
  return `${at.toISOString().replace(/\D/g, '').slice(0, 14)}Z`;
}

/** Never seen half. */
async function put(content: Buffer, file: string, mode: number): Promise<void> {
  await writeFile(`${file}.new`, content, { mode });
  await rename(`${file}.new`, file);
}

async function openssl(parameters: string[]): Promise<void> {
  try {
    await promisify(execFile)('openssl', parameters);
  } catch (cause) {
    const { code, stderr } = cause as NodeJS.ErrnoException & { stderr?: string };
    const why = code === 'ENOENT' ? 'the program openssl is not there; install it' : (stderr ?? String(cause)).trim();
    throw new StackFailure(`Cannot make a certificate: ${why}.`, { cause });
  }
}
