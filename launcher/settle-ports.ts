import { type Config, settings } from '../src/config.ts';
import {
  type ComponentName,
  component,
  componentNames,
  type PortSetting,
  portSettings,
  portsOf,
} from './components.ts';
import { choosePort, isFree } from './free-port.ts';
import { findPortHolder } from './port-holder.ts';
import { StackFailure } from './stack-failure.ts';

/**
 * Gives every port that is 0 a free one, last time's where it is free; refuses a port that another
 * process has.
 */
export async function settlePorts(
  given: Config,
  names: readonly ComponentName[],
  before: Record<string, number>,
): Promise<Config> {
  const config: Record<string, unknown> = { ...given };
  await refuseForeignAddress(given.bind);
  const used = new Map<number, PortSetting>();
  for (const name of portSettings.filter((setting) => given[setting] !== 0)) {
    if (!names.some((one) => portsOf(one, given).includes(name))) continue;
    const other = used.get(given[name]);
    if (other !== undefined) {
      throw new StackFailure(
        `Cannot start: ${settings[other].env} and ${settings[name].env} are both ${given[name]}; give each its own port.`,
      );
    }
    used.set(given[name], name);
    await refuseTaken(name, given);
  }
  for (const name of portSettings.filter((setting) => given[setting] === 0 && !offAtZero.includes(setting))) {
    const last = before[settings[name].env] ?? 0;
    const again = last !== 0 && !used.has(last) && (await isFree(last, given.bind));
    const port = again ? last : await choosePort(given.bind, new Set(used.keys()));
    config[name] = port;
    used.set(port, name);
  }
  return Object.freeze(config) as Config;
}

/** Ports that 0 leaves closed. */
const offAtZero: readonly PortSetting[] = ['grpcPort', 'replicaPort'];

async function refuseForeignAddress(address: string): Promise<void> {
  try {
    await isFree(0, address);
  } catch (error) {
    throw new StackFailure(
      `Cannot listen on "${address}": ${(error as Error).message}; set VITRINE_BIND to an address of this machine, such as 127.0.0.1.`,
      { cause: error },
    );
  }
}

async function refuseTaken(name: PortSetting, config: Config): Promise<void> {
  const port = config[name];
  if (await isFree(port, config.bind)) return;
  const holder = await findPortHolder(port);
  const who =
    holder === undefined
      ? 'a process that is not ours to see'
      : `pid ${holder.pid}, ${holder.command || 'its command is hidden'}`;
  const owner = componentNames.find((one) => portsOf(one, config).includes(name));
  throw new StackFailure(
    `Cannot start ${owner === undefined ? name : component(owner).title}: port ${port} is taken by ${who}; stop it, or set ${settings[name].env} to another port (0 picks a free one).`,
  );
}
