import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeFolderNow } from '../../src/make-folder.ts';
import { podSubnets } from './cluster-place.ts';
import { provisionVolumes } from './local-volumes.ts';
import type { NodePlan, PlannedProgram } from './node-plan.ts';

// Runs inside the namespaces of a node, as `run-node.ts <folder>`: waits for the plan, makes the
// node's file systems and network ready, then starts its programs, and starts again what ends.

/** What programs write outside their own folder, where it must not reach the machine. */
const ownFolders = ['/var/lib/kubelet', '/var/lib/cni', '/var/log'];

/** kubelet would set these for the whole machine, and finds them set. */
const kernelSettings: Readonly<Record<string, string>> = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
};
const restartMs = 1_000;

const plan = await readPlan(process.argv[2]!);
prepareFileSystems(plan);
prepareNetwork(plan);
for (const [name, text] of Object.entries(plan.files)) {
  makeFolderNow(dirname(join(plan.folder, name)));
  writeFileSync(join(plan.folder, name), text);
}
for (const program of plan.programs) void keepRunning(program);
void provisionVolumes(plan);

async function readPlan(folder: string): Promise<NodePlan> {
  const file = join(folder, 'plan.json');
  while (!existsSync(file)) await pause(20);
  return JSON.parse(readFileSync(file, 'utf8')) as NodePlan;
}

function prepareFileSystems({ folder }: NodePlan): void {
  run('mount', '--make-rshared', '/');
  run('mount', '-t', 'tmpfs', '-o', 'mode=755', 'vitrine-run', '/run');
  for (const path of ownFolders) {
    const own = join(folder, 'own', path);
    makeFolderNow(own);
    run('mount', '--bind', own, path);
  }
  for (const [name, value] of Object.entries(kernelSettings)) {
    const own = join(folder, 'own/sys', name);
    makeFolderNow(dirname(own));
    writeFileSync(own, `${value}\n`);
    run('mount', '--bind', own, join('/proc/sys', name));
  }
}

function prepareNetwork({ address, podSubnet, node }: NodePlan): void {
  run('ip', 'link', 'set', 'lo', 'up');
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  if (node === 'node1') {
    // All nodes, and the machine itself, meet at this bridge.
    run('ip', 'link', 'add', 'nodes', 'type', 'bridge');
    run('ip', 'link', 'set', 'uplink', 'master', 'nodes');
    run('ip', 'address', 'add', `${address}/24`, 'dev', 'nodes');
    run('ip', 'link', 'set', 'nodes', 'up');
    run('ip', 'link', 'set', 'uplink', 'up');
    // What crosses the bridge is between nodes: no rule of this node decides on it.
    const calls = '/proc/sys/net/bridge/bridge-nf-call-iptables';
    if (existsSync(calls)) writeFileSync(calls, '0');
  } else {
    run('ip', 'address', 'add', `${address}/24`, 'dev', 'uplink');
    run('ip', 'link', 'set', 'uplink', 'up');
  }
  const [machine, first] = ['1', '2'].map((last) => address.replace(/\d+$/, last)) as [string, string];
  run('ip', 'route', 'add', 'default', 'via', machine);
  // The first node knows where the pods of each are.
  if (node !== 'node1') run('ip', 'route', 'add', podSubnets, 'via', first);
  // Pods are known to nobody outside: they leave with the address of their node.
  run('iptables', '-t', 'nat', '-A', 'POSTROUTING', '-s', podSubnet, '!', '-d', '10.0.0.0/8', '-j', 'MASQUERADE');
}

async function keepRunning({ name, program, parameters }: PlannedProgram): Promise<void> {
  const log = openSync(join(plan.folder, `${name}.log`), 'a');
  for (;;) {
    const child = spawn(program, parameters, {
      cwd: plan.folder,
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
      stdio: ['ignore', log, log],
    });
    writeFileSync(join(plan.folder, `${name}.pid`), String(child.pid ?? ''));
    await ended(child);
    await pause(restartMs);
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((done) => child.once('exit', () => done()).once('error', () => done()));
}

function run(program: string, ...parameters: string[]): void {
  execFileSync(program, parameters, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
}
