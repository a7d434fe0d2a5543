import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { explainEngine } from '../../launcher/ground/engine-failure.ts';
import { groundNeeds, type Machine } from '../../launcher/ground/ground-needs.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

const able: Machine = {
  platform: 'linux',
  isRoot: true,
  path: '',
  fileSystems: 'nodev\tproc\nnodev\toverlay\n',
  cgroups: ' memory\n cgroup',
  memoryBytes: 16e9,
  freeBytes: 100e9,
};
const needs = (machine: Partial<Machine>, wanted: Parameters<typeof groundNeeds>[1] = []) =>
  groundNeeds(tmpdir(), wanted, { ...able, ...machine });

describe('a machine that is to run containers', () => {
  it('is good enough with Linux, root, overlay, cgroups, memory and disk', async () => {
    assert.deepEqual(await needs({}), []);
    assert.deepEqual(await needs({ cgroups: ' cgroup\n cgroup2' }), []);
  });

  for (const [what, machine, sentence] of [
    ['another system', { platform: 'darwin' }, /^Cannot run containers: this is darwin.+; run it on Linux/],
    ['somebody who is not root', { isRoot: false }, /^Cannot run containers: you are not root; .+sudo/],
    ['no overlay', { fileSystems: 'nodev\tproc\n' }, /has no overlay file system; load it with modprobe overlay/],
    ['no cgroups', { cgroups: '' }, /no cgroups are mounted under \/sys\/fs\/cgroup; mount them/],
    ['too little memory', { memoryBytes: 1e9 }, /1\.0 GB of memory is free, and the stack needs 4\.0 GB; end other/],
    ['too little disk', { freeBytes: 2e9 }, /^Cannot build images: 2\.0 GB is free in .+VITRINE_CACHE/],
  ] as const) {
    it(`is refused for ${what}, in one sentence with the remedy`, async () => {
      const found = await needs(machine);
      assert.equal(found.length, 1);
      assert.match(found[0]!, sentence);
    });
  }

  it('names every program that is missing, and the packages that have them', async () => {
    await using folder = await temporaryFolder();
    const docker = join(folder.path, 'docker');
    await writeFile(docker, '');
    await chmod(docker, 0o755);
    const wanted = ['docker', 'not-there-a', 'not-there-b'] as unknown as ['docker'];
    const [sentence = ''] = await needs({ path: folder.path }, wanted);
    assert.match(sentence, /not-there-a, not-there-b cannot be found/);
    assert.doesNotMatch(sentence, /: docker/);
  });
});

describe('an engine that does not start', () => {
  for (const [log, remedy] of [
    [
      'level=fatal msg="failed to start daemon: error initializing network controller: iptables not found"',
      /install iptables/,
    ],
    ["failed to start daemon: Devices cgroup isn't mounted", /mount the cgroups/],
    ['failed to start daemon: error initializing graphdriver: overlay2 is not supported', /kernel module overlay/],
    ['failed to start containerd: write: no space left on device', /free 8 GB/],
    ['', /did not answer within 180 s; read its log/],
  ] as const)
    it(`is explained: ${log === '' ? 'silence' : log.slice(0, 60)}`, () => {
      const sentence = explainEngine(log);
      assert.match(sentence, /^Cannot start a Docker engine: /);
      assert.match(sentence, remedy);
    });
});
