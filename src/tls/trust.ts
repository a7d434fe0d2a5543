import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import type { Config } from '../config.ts';
import { isLoopback } from '../loopback.ts';

/** What asking a port over TLS takes, in files: a changed one counts from the next question on. */
export type Trust = {
  /** Who is believed: authorities, or the port's own certificate. Empty: whom the system believes. */
  readonly authorities: readonly string[];
  /** What is presented to a port that asks for it. */
  readonly certificate?: { readonly file: string; readonly key: string } | undefined;
};

type StoreConfig = Pick<Config, 'storeScheme' | 'storeCaFile' | 'tlsCaFile' | 'tlsCertFile' | 'tlsKeyFile'>;

/** What it takes to ask the stores and Alertmanager; undefined: they speak plain HTTP. */
export function storeTrust(config: StoreConfig): Trust | undefined {
  if (config.storeScheme === 'http') return undefined;
  const authority = config.storeCaFile || config.tlsCaFile;
  return { authorities: authority === '' ? [] : [authority], certificate: ownCertificate(config) };
}

/** What a process presents is what its own ports have. */
export function ownCertificate({
  tlsCertFile,
  tlsKeyFile,
}: Pick<Config, 'tlsCertFile' | 'tlsKeyFile'>): Trust['certificate'] {
  return tlsCertFile === '' ? undefined : { file: tlsCertFile, key: tlsKeyFile };
}

export async function tlsOptionsOf({ authorities, certificate }: Trust, host: string): Promise<ConnectionOptions> {
  const ca = await Promise.all(authorities.map((file) => readFile(file)));
  return {
    ...(ca.length > 0 && { ca, allowPartialTrustChain: true }),
    ...(certificate && { cert: await readFile(certificate.file), key: await readFile(certificate.key) }),
    minVersion: 'TLSv1.2',
    // Nobody else is there, and a certificate for the outside world does not have this name.
    ...(isLoopback(host) && { checkServerIdentity: () => undefined }),
  };
}
