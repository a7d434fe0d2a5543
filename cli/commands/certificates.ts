import { resolve } from 'node:path';
import { makeCertificates } from '../../launcher/certificates/make-certificates.ts';
import { StackFailure } from '../../launcher/stack-failure.ts';

export type CertificatesArguments = { folder: string; days: string; host: string[]; namespace: string };

/** Makes or replaces the certificates of a test or a small installation, and says what each is. */
export async function certificates({ folder, days, host, namespace }: CertificatesArguments): Promise<number> {
  const count = Number(days);
  if (!Number.isInteger(count) || count < 1 || count > 825)
    throw new StackFailure(`Cannot make certificates for ${days} days: give a whole number from 1 to 825.`);
  const made = await makeCertificates({ folder: resolve(folder), days: count, hosts: host, namespace });
  for (const { file, was, until } of made)
    process.stdout.write(`${`${file}.crt`.padEnd(24)} ${was.padEnd(8)} until ${until.toISOString().slice(0, 10)}\n`);
  process.stdout.write(
    `\nEach has its key beside it (.key, readable by you alone). Trust ca.crt; keep ca.key where nothing else reads it.\nRun it again before they end: running services take up changed files without a restart (docs/tls.md).\n`,
  );
  return 0;
}
