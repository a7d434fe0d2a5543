import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ComponentProcess, type ComponentProcessOptions, type ProcessState } from '../../launcher/component-process.ts';
import { choosePort } from '../../launcher/free-port.ts';
import { isRunning } from '../../launcher/process-identity.ts';
import { waitFor } from '../../testkit/wait-for.ts';

const program = join(import.meta.dirname, 'programs/answering-server.mjs');

describe('a component’s process', function () {
  this.timeout(60_000);
  const open: ComponentProcess[] = [];
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-component-'));
  });

  afterEach(async () => {
    for (const one of open.splice(0)) await one.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function make(options: Partial<ComponentProcessOptions> = {}, ...manners: string[]) {
    const port = await choosePort('127.0.0.1');
    const states: ProcessState[] = [];
    const component = new ComponentProcess({
      title: 'the program',
      logPath: join(folder, 'program.log'),
      launch: async () => ({
        program: process.execPath,
        parameters: [program, String(port), ...manners],
        env: process.env,
        folder,
      }),
      health: () => ({ url: `http://127.0.0.1:${port}/` }),
      healthDeadlineMs: 20_000,
      stopMsMax: 10_000,
      autoRestart: false,
      onChange: (state) => states.push(state),
      ...options,
    });
    open.push(component);
    return { component, states };
  }

  it('goes from starting to healthy, and stops when asked', async () => {
    const { component, states } = await make();
    await component.start();
    await component.untilHealthy();
    await component.stop();
    assert.deepEqual(
      states.map(({ kind }) => kind),
      ['starting', 'healthy', 'stopping', 'stopped'],
    );
  });

  it('is started again as soon as what hinders its start has passed', async () => {
    let hindered = false;
    const { component, states } = await make({
      autoRestart: true,
      launch: async () => {
        if (hindered) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
        return {
          program: process.execPath,
          parameters: ['-e', 'setInterval(() => {}, 1000)'],
          env: process.env,
          folder,
        };
      },
    });
    await component.start();
    hindered = true;
    await component.kill('SIGKILL');
    await waitFor(
      'two attempts that fail',
      () => states.filter((state) => 'how' in state && state.how === 'could not be started again').length >= 2,
    );
    hindered = false;
    await waitFor('it to run', () => component.state.kind === 'starting');
  });

  it('writes its console lines to its log', async () => {
    const { component } = await make();
    await component.start();
    await component.untilHealthy();
    const pid = component.identity?.pid;
    assert.equal(await readFile(join(folder, 'program.log'), 'utf8'), `started as ${pid}\n`);
  });

  it('is not started again after a death when nobody asked for that', async () => {
    const { component } = await make();
    await component.start();
    await component.untilHealthy();
    await component.kill('SIGKILL');
    assert.deepEqual(component.state.kind === 'ended' && component.state.how, 'was ended by SIGKILL');
    assert.equal(component.restarts, 0);
  });

  it('is started again after a death, with its last lines told', async () => {
    const { component, states } = await make({ autoRestart: true });
    await component.start();
    await component.untilHealthy();
    const first = component.identity;
    await component.kill('SIGKILL');
    await component.untilHealthy();
    assert.notEqual(component.identity?.pid, first?.pid);
    assert.equal(component.restarts, 1);
    const told = states.find((state) => state.kind === 'restarting');
    assert.deepEqual(told?.lastLines, [`started as ${first?.pid}`]);
  });

  it('waits twice as long before each restart of a program that keeps dying', async () => {
    const { component, states } = await make({
      autoRestart: true,
      launch: async () => ({
        program: process.execPath,
        parameters: ['-e', 'process.exit(7)'],
        env: process.env,
        folder,
      }),
    });
    await component.start();
    const waits = () => states.flatMap((state) => (state.kind === 'restarting' ? [state.waitMs] : []));
    await waitFor('three deaths', () => waits().length >= 3);
    await component.stop();
    assert.deepEqual(waits().slice(0, 3), [500, 1000, 2000]);
    assert.equal(component.state.kind, 'stopped');
  });

  it('ends the wait for health with the last lines of a program that died', async () => {
    const script = 'console.log("the cause"); process.exit(7)';
    const { component } = await make({
      launch: async () => ({ program: process.execPath, parameters: ['-e', script], env: process.env, folder }),
    });
    await component.start();
    await assert.rejects(
      component.untilHealthy(),
      /^StackFailure: Cannot start the program: it ended with code 7; .*\nthe cause$/s,
    );
  });

  it('kills a program that ignores TERM when its time is over', async () => {
    const { component } = await make({ stopMsMax: 300 }, 'ignore-term');
    await component.start();
    await component.untilHealthy();
    const { identity } = component;
    assert.ok(identity);
    await component.stop();
    assert.equal(await isRunning(identity), false);
    assert.match(await readFile(join(folder, 'program.log'), 'utf8'), /SIGTERM is ignored/);
  });

  it('kills a program that no longer answers, and starts it again', async () => {
    const url = await choosePort('127.0.0.1').then((port) => `http://127.0.0.1:${port}/`); // Nobody answers there.
    const { component } = await make({ autoRestart: true, liveness: () => ({ url }), livenessEveryMs: 50 });
    await component.start();
    await component.untilHealthy();
    await waitFor('a restart', () => component.restarts >= 1);
  });

  it('leaves nothing running when it is stopped while it starts', async () => {
    const { component, states } = await make();
    const starting = component.start();
    await component.stop();
    await starting;
    const identity = states.flatMap((state) => ('identity' in state ? [state.identity] : []))[0];
    assert.equal(component.state.kind, 'stopped');
    assert.ok(identity === undefined || !(await isRunning(identity)));
  });
});
