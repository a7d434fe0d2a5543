import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { issueCertificate } from '../launcher/certificates/issue-certificate.ts';
import { makeFolder } from '../src/make-folder.ts';

const dayMs = 24 * 3600 * 1000;

export type Pair = { readonly certificate: string; readonly key: string };

/** An authority in a folder of its own, which makes certificates for a test. */
export class TestAuthority {
  readonly folder: string;
  readonly file: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.file = join(folder, 'ca.crt');
  }

  static async in(folder: string): Promise<TestAuthority> {
    await makeFolder(folder);
    const until = new Date(Date.now() + 30 * dayMs);
    await issueCertificate({ folder, file: 'ca', commonName: 'Test authority', names: [], until });
    return new TestAuthority(folder);
  }

  get pem(): Promise<Buffer> {
    return readFile(this.file);
  }

  /** Valid for this machine from yesterday on, unless said otherwise. */
  issue(
    file: string,
    {
      commonName = file,
      names = ['DNS:localhost', 'IP:127.0.0.1'],
      fromDays = -1,
      untilDays = 20,
      into = this.folder,
    }: { commonName?: string; names?: readonly string[]; fromDays?: number; untilDays?: number; into?: string } = {},
  ): Promise<Pair> {
    return issueCertificate({
      folder: into,
      file,
      commonName,
      names,
      from: new Date(Date.now() + fromDays * dayMs),
      until: new Date(Date.now() + untilDays * dayMs),
      authority: { folder: this.folder, file: 'ca' },
    });
  }
}

/** Both parts of a pair, for a client. */
export async function read({ certificate, key }: Pair): Promise<{ cert: Buffer; key: Buffer }> {
  return { cert: await readFile(certificate), key: await readFile(key) };
}
