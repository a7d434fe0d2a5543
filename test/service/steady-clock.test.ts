import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SteadyClock, type TimeSources } from '../../src/steady-clock.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

const day = 86_400_000;

describe('the clock of a data folder', () => {
  it('goes on evenly when somebody sets the machine’s clock, forwards or backwards', async () => {
    await using folder = await temporaryFolder();
    const machine = new Machine(1_000_000_000_000);
    await using clock = SteadyClock.open(folder.path, machine);
    const begun = clock.now();
    assert.equal(begun, 1_000_000_000_000);
    machine.pass(500);
    machine.wall += day;
    assert.equal(clock.now(), begun + 500);
    machine.wall -= 10 * day;
    machine.pass(500);
    assert.equal(clock.now(), begun + 1_000);
    assert.equal(clock.onWall(begun + 1_500), machine.wall + 500);
  });

  it('goes on over a restart of the process by what has passed, wherever the machine’s clock was set to in between', async () => {
    await using folder = await temporaryFolder();
    const machine = new Machine(1_000_000_000_000);
    for (const jump of [0, day, -10 * day]) {
      let before: number;
      {
        await using clock = SteadyClock.open(folder.path, machine);
        machine.pass(2_000);
        await clock.keep();
        before = clock.now();
        machine.pass(1_000);
      }
      machine.wall += jump;
      machine.newProcess();
      machine.pass(3_000);
      await using clock = SteadyClock.open(folder.path, machine);
      assert.equal(clock.now(), before + 4_000);
      await clock.keep();
    }
  });

  it('counts the time in which the machine sleeps', async () => {
    await using folder = await temporaryFolder();
    const machine = new Machine(1_000_000_000_000);
    await using clock = SteadyClock.open(folder.path, machine);
    const begun = clock.now();
    machine.wall += day;
    machine.uptime += day;
    await clock.keep();
    assert.equal(clock.now(), begun + day);
  });

  it('goes by the machine’s clock over a restart of the machine, and never backwards', async () => {
    await using folder = await temporaryFolder();
    const machine = new Machine(1_000_000_000_000);
    {
      await using clock = SteadyClock.open(folder.path, machine);
      await clock.keep();
    }
    machine.restart();
    machine.wall += 5_000;
    {
      await using clock = SteadyClock.open(folder.path, machine);
      assert.equal(clock.now(), 1_000_000_005_000);
      await clock.keep();
    }
    machine.restart();
    machine.wall = 0;
    await using clock = SteadyClock.open(folder.path, machine);
    assert.equal(clock.now(), 1_000_000_005_000);
  });

  it('begins with the machine’s clock where its file is none', async () => {
    await using folder = await temporaryFolder();
    for (const text of ['', '{', 'null', '{"steadyMs":"1"}']) {
      await writeFile(join(folder.path, 'clock'), text);
      await using clock = SteadyClock.open(folder.path, new Machine(1_000_000_000_000));
      assert.equal(clock.now(), 1_000_000_000_000);
      await clock.keep();
    }
  });
});

/** A machine whose clocks the test sets. */
class Machine implements TimeSources {
  wall: number;
  uptime = 1_000_000;
  #process = 0;
  #boot = 0;

  constructor(wall: number) {
    this.wall = wall;
  }

  wallMs = () => this.wall;
  uptimeMs = () => this.uptime;
  processMs = () => this.#process;
  boot = () => `boot ${this.#boot}`;

  pass(ms: number): void {
    this.wall += ms;
    this.uptime += ms;
    this.#process += ms;
  }

  newProcess(): void {
    this.#process = 0;
  }

  restart(): void {
    this.newProcess();
    this.uptime = 1_000;
    this.#boot += 1;
  }
}
