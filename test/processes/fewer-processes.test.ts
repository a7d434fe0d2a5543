import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readConfig } from '../../src/config.ts';
import { openDataFolder } from '../../src/data-folder.ts';
import { adoptSpools } from '../../src/processes/adopt-spools.ts';
import { processCount, processesFor } from '../../src/processes/process-count.ts';
import { perceptron, writeModel } from '../../testkit/models/models.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

describe('the number of processes', () => {
  it('is what leaves each of them a core and those of its model', () => {
    assert.equal(processesFor(16, 1), 8);
    assert.equal(processesFor(16, 3), 4);
    assert.equal(processesFor(2, 1), 1);
    assert.equal(processesFor(1, 8), 1);
    assert.equal(processesFor(10_000, 1), 256);
  });

  it('goes by the most demanding model, and is refused in words where it is none', async () => {
    await using folder = await temporaryFolder();
    const asked = (processes: string) => ({ ...readConfig({}), data: folder.path, processes, models: folder.path });
    const manifest = { lanes: { count: 1_000_000 } };
    await writeModel(folder.path, 'small', perceptron());
    const many = await processCount(asked('auto'));
    assert.ok(many >= 1);
    await writeModel(folder.path, 'demanding', perceptron());
    await writeFile(join(folder.path, 'demanding', 'model.json'), JSON.stringify(manifest));
    assert.equal(await processCount(asked(' AUTO ')), 1);
    assert.equal(await processCount(asked('3')), 3);
    for (const processes of ['0', '257', 'many', '1.5'])
      await assert.rejects(processCount(asked(processes)), /whole number from 1 to 256, or auto/);
  });
});

describe('fewer processes than before', () => {
  it('have what the others left in their spools, and leave alone the one that still works', async () => {
    await using data = await temporaryFolder();
    const put = async (part: string, name: string) => {
      await mkdir(join(data.path, part, 'spool', 'logs'), { recursive: true });
      await writeFile(join(data.path, part, 'spool', 'logs', name), part);
    };
    await put('service', '1.otlp');
    await put('service-2', '1.otlp');
    await put('service-2', 'other');
    await put('service-3', '2.otlp');
    await mkdir(join(data.path, 'service-2', 'work', 'left'), { recursive: true });
    await using working = openDataFolder({ data: data.path, part: 'service-3', who: 'process of the service' });
    await adoptSpools(data.path, 1);
    assert.deepEqual((await readdir(join(data.path, 'service/spool/logs'))).sort(), ['1.otlp', '91.otlp']);
    assert.deepEqual(await readdir(join(data.path, 'service-2/spool/logs')), ['other']);
    assert.ok(!existsSync(join(data.path, 'service-2/work')));
    assert.deepEqual(await readdir(join(working.path, 'spool/logs')), ['2.otlp']);
  });
});
