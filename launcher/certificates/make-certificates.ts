import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../../src/if-there.ts';
import { makeFolder } from '../../src/make-folder.ts';
import { type ComponentName, componentNames } from '../components.ts';
import { StackFailure } from '../stack-failure.ts';
import { issueCertificate } from './issue-certificate.ts';

export type CertificatesOrder = {
  readonly folder: string;
  /** How long the certificates are valid; the authority is valid for ten years. */
  readonly days: number;
  /** Names that callers use beside the usual ones: `vitrine.example.com`, `10.0.0.7`. */
  readonly hosts: readonly string[];
  /** Kubernetes' namespace, which is part of names there. */
  readonly namespace: string;
};

/** What became of one file of the folder. */
export type MadeCertificate = {
  readonly file: string;
  readonly was: 'made' | 'replaced' | 'kept';
  readonly until: Date;
};

const dayMs = 24 * 3600 * 1000;
const authorityDays = 3650;
/** Callers that listen nowhere themselves. */
const clients = ['client', 'grafana'] as const;

/** Every endpoint of the stack, and who calls them. */
export const certificateHolders: readonly (ComponentName | (typeof clients)[number])[] = [
  ...componentNames,
  ...clients,
];

/**
 * A private authority, and for every endpoint a certificate that it signed. What is there and valid
 * stays. A certificate that ends within a third of its time, or lacks a name, is replaced, and its
 * key too.
 */
export async function makeCertificates(order: CertificatesOrder): Promise<MadeCertificate[]> {
  const { folder, days, hosts, namespace } = order;
  await makeFolder(folder);
  const now = Date.now();
  const authority = await makeAuthority(folder, now);
  const made = [authority];
  for (const holder of certificateHolders) {
    const names = namesOf(holder, hosts, namespace);
    const until = new Date(Math.min(now + days * dayMs, authority.until.getTime()));
    const known = await certificateIn(folder, holder);
    const lasts = known && known.validToDate.getTime() - now > (days * dayMs) / 3;
    if (known && lasts && hasNames(known, names) && (await isOf(folder, known))) {
      made.push({ file: holder, was: 'kept', until: known.validToDate });
      continue;
    }
    const signedBy = { folder, file: 'ca' };
    await issueCertificate({ folder, file: holder, commonName: holder, names, until, authority: signedBy });
    made.push({ file: holder, was: known ? 'replaced' : 'made', until });
  }
  return made;
}

async function makeAuthority(folder: string, now: number): Promise<MadeCertificate> {
  const known = await certificateIn(folder, 'ca');
  if (known === undefined) {
    const until = new Date(now + authorityDays * dayMs);
    await issueCertificate({ folder, file: 'ca', commonName: 'Vitrine private authority', names: [], until });
    return { file: 'ca', was: 'made', until };
  }
  if (known.validToDate.getTime() <= now)
    throw new StackFailure(
      `Cannot make certificates: the authority in ${folder} ended on ${known.validToDate.toISOString().slice(0, 10)}; begin in another folder, and have all ends trust both for a while.`,
    );
  return { file: 'ca', was: 'kept', until: known.validToDate };
}

function namesOf(holder: string, hosts: readonly string[], namespace: string): string[] {
  const cluster = [`${holder}.${namespace}`, `${holder}.${namespace}.svc`, `${holder}.${namespace}.svc.cluster.local`];
  const addresses = ['127.0.0.1', '::1', ...hosts.filter(isAddress)];
  const words = [holder, 'localhost', ...cluster, ...hosts.filter((host) => !isAddress(host))];
  return [...words.map((name) => `DNS:${name}`), ...addresses.map((address) => `IP:${address}`)];
}

function isAddress(host: string): boolean {
  return /^[\d.]+$|:/.test(host);
}

async function certificateIn(folder: string, file: string): Promise<X509Certificate | undefined> {
  const pem = await ifThere(readFile(join(folder, `${file}.crt`)));
  if (pem === undefined) return undefined;
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new StackFailure(`Cannot read ${join(folder, file)}.crt: it is no certificate; take it away and try again.`, {
      cause,
    });
  }
}

function hasNames(certificate: X509Certificate, names: readonly string[]): boolean {
  return names.every((name) => {
    const at = name.indexOf(':') + 1;
    return name.startsWith('IP:') ? certificate.checkIP(name.slice(at)) : certificate.checkHost(name.slice(at));
  });
}

/** An authority that was replaced has signed nothing that counts. */
async function isOf(folder: string, certificate: X509Certificate): Promise<boolean> {
  const authority = await certificateIn(folder, 'ca');
  return authority !== undefined && certificate.verify(authority.publicKey);
}
