import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { certificateHolders } from '../../launcher/certificates/make-certificates.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

const commandLine = resolve(import.meta.dirname, '../../cli/command-line.ts');

describe('vitrine certificates', function () {
  this.timeout(180_000);
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  before(async () => {
    folder = await temporaryFolder();
  });
  after(() => folder[Symbol.asyncDispose]());

  const read = async (file: string) => new X509Certificate(await readFile(join(folder.path, `${file}.crt`)));

  it('makes an authority, and for every endpoint a certificate with all names that callers use', async () => {
    await vitrine('certificates', folder.path, '--host', 'vitrine.example.com', '--host', '10.1.2.3');
    const authority = await read('ca');
    assert.ok(authority.ca);
    for (const holder of certificateHolders) {
      const certificate = await read(holder);
      assert.ok(certificate.verify(authority.publicKey), holder);
      assert.equal(certificate.ca, false);
      for (const name of [holder, 'localhost', `${holder}.vitrine.svc`, 'vitrine.example.com'])
        assert.ok(certificate.checkHost(name), `${holder} is not ${name}`);
      for (const address of ['127.0.0.1', '::1', '10.1.2.3']) assert.ok(certificate.checkIP(address), address);
      assert.equal((await stat(join(folder.path, `${holder}.key`))).mode & 0o077, 0, 'others can read the key');
    }
  });

  it('keeps what is valid, and replaces what is not: by its end, by its names', async () => {
    const before = (await read('service')).serialNumber;
    const said = await vitrine('certificates', folder.path, '--host', 'vitrine.example.com');
    assert.doesNotMatch(said, /replaced|made/);
    assert.equal((await read('service')).serialNumber, before);
    assert.match(await vitrine('certificates', folder.path, '--host', 'other.example.com'), /service\.crt +replaced/);
    assert.match(await vitrine('certificates', folder.path, '--days', '800'), /ca\.crt +kept[\s\S]*service\.crt +kept/);
  });

  it('says what is wrong with what it was given', async () => {
    await assert.rejects(vitrine('certificates', folder.path, '--days', '0'), /whole number from 1 to 825/);
    await assert.rejects(
      vitrine('certificates', folder.path, '--host', 'a b'),
      /Cannot make a certificate for "DNS:a b"/,
    );
  });
});

async function vitrine(...parameters: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [commandLine, ...parameters]);
  return stdout;
}
