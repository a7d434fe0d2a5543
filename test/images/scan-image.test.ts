import assert from 'node:assert/strict';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scanImage } from '../../testkit/ground/scan-image.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

/** In parts, so that nobody takes the examples for secrets. */
const planted = {
  'app/key.txt': `-----BEGIN RSA PRIVATE ${'KEY'}-----\n${'MIIEpAIBAAKCAQEA'.repeat(4)}\n`,
  'app/aws.json': `{"key": "${'AKIA'}${'ABCDEFGH'.repeat(2)}"}`,
  'app/hub.ts': `const token = '${'ghp'}_${'a1B2c3'.repeat(6)}';`,
  'app/npm.txt': `//registry.example.com/:${'_authToken'}=abc`,
  'app/url.yaml': `postgres://${'user'}:${'hunter22'}@db.example.com/vitrine`,
  'root/.npmrc': 'registry=https://registry.example.com',
  'root/.ssh/known': '',
  'lib/other.dll': '',
};

describe('the scan of an image', () => {
  it('finds nothing where there is nothing', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'app'), { recursive: true });
    await writeFile(join(folder.path, 'app/main.ts'), "export const header = '-----BEGIN PRIVATE KEY-----';\n");
    await writeFile(join(folder.path, 'app/guide.md'), 'https://user:<password>@example.com, AKIA…, ghp_…\n');
    assert.deepEqual(await scanImage(folder.path), []);
  });

  for (const [path, text] of Object.entries(planted))
    it(`finds ${path}`, async () => {
      await using folder = await temporaryFolder();
      await mkdir(join(folder.path, path, '..'), { recursive: true });
      await writeFile(join(folder.path, path), text);
      const found = await scanImage(folder.path);
      assert.equal(found.length, 1, found.join());
      assert.match(found[0]!, new RegExp(`^/${path.split('/')[0]}/`));
    });

  it('finds what changes its user or its group, a shell, and a link to one', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'bin'));
    for (const [name, mode] of Object.entries({ user: 0o4755, group: 0o2755, bash: 0o755, plain: 0o755 })) {
      await writeFile(join(folder.path, 'bin', name), '');
      await chmod(join(folder.path, 'bin', name), mode);
    }
    await symlink('plain', join(folder.path, 'bin/sh'));
    assert.deepEqual((await scanImage(folder.path)).sort(), [
      '/bin/bash: a program that the service does not need',
      '/bin/group: changes its user or group',
      '/bin/sh: a program that the service does not need',
      '/bin/user: changes its user or group',
    ]);
  });
});
