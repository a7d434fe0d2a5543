// outside: Helm is built from its module where it is missing.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { clusterPrograms } from '../../launcher/cluster/programs.ts';
import { type CommandFailed, runCommand } from '../../launcher/run-command.ts';
import { ensureServer } from '../../launcher/servers/ensure-server.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { unbuiltPrograms } from '../../testkit/ground/unbuilt-programs.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { writeOverlayChart } from '../../tools/chart/overlay-chart.ts';
import type { Built } from '../../tools/chart/write-chart.ts';

describe('the Helm chart', function () {
  this.timeout(20 * 60_000);
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let helm: string;
  let kustomized: Built[];
  const chart = () => join(folder.path, 'chart');

  before(async function () {
    const unavailable = await unbuiltPrograms(['helm'], 1);
    availableOrSkip(this as never, unavailable === undefined ? {} : { unavailable });
    folder = await temporaryFolder();
    helm = join(await ensureServer(clusterPrograms.helm), 'helm');
    kustomized = await writeOverlayChart('one-node', chart());
  });

  after(() => folder?.[Symbol.asyncDispose]());

  it('has nothing that Helm’s own check complains of', async () => {
    assert.match(await runCommand(helm, ['lint', '--strict', chart()]), /1 chart\(s\) linted, 0 chart\(s\) failed/);
  });

  it('makes with its defaults what kustomize makes', async () => {
    const made = await template([]);
    const sorted = (all: readonly Built[]) => all.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)));
    assert.deepEqual(sorted(made).map(withoutSums), sorted(kustomized.filter(({ kind }) => kind !== 'Namespace')));
  });

  it('does what its values say', async () => {
    const made = await template([
      ...['--set', 'service.replicas=5', '--set', 'service.image=registry.example.com/vitrine:1'],
      ...['--set', 'storageClassName=fast', '--set', 'service.storage=32Gi'],
      ...['--set-string', 'service.settings.VITRINE_QUEUE_MAX=7'],
    ]);
    const text = JSON.stringify(made.find((one) => nameOf(one) === 'StatefulSet/service'));
    for (const part of [
      '"replicas":5',
      'registry.example.com/vitrine:1',
      '"storageClassName":"fast"',
      '"storage":"32Gi"',
    ])
      assert.ok(text.includes(part), part);
    const settings = made.find((one) => nameOf(one).startsWith('ConfigMap/service-settings'));
    assert.equal(settings?.data?.VITRINE_QUEUE_MAX, '7');
    assert.equal(settings?.data?.VITRINE_PORT, '8000', 'the others stay');
  });

  for (const [value, complaint] of [
    ['service.replicas=many', /\/service\/replicas.*want integer/],
    ['service.storage=big', /\/service\/storage.*does not match pattern/],
    ['service.replica=2', /\/service.*additional properties 'replica' not allowed/],
  ] as const)
    it(`refuses ${value} and says which value is at fault`, async () => {
      await assert.rejects(template(['--set', value]), (error: CommandFailed) => complaint.test(error.output));
    });

  async function template(parameters: readonly string[]): Promise<Built[]> {
    const text = await runCommand(helm, ['template', 'vitrine', chart(), '--namespace', 'vitrine', ...parameters]);
    return parseAllDocuments(text).flatMap((document) => (document.toJS() as Built | null) ?? []);
  }
});

function nameOf({ kind, metadata }: Built): string {
  return `${kind}/${metadata.name}`;
}

/** The chart adds one annotation to pods: the sum of their settings. */
function withoutSums(resource: Built): Built {
  const template = (resource.spec as { template?: { metadata: { annotations?: Record<string, string> } } })?.template;
  const annotations = template?.metadata.annotations;
  if (annotations?.['vitrine/settings'] === undefined) return resource;
  delete annotations['vitrine/settings'];
  if (Object.keys(annotations).length === 0) delete template!.metadata.annotations;
  return resource;
}
