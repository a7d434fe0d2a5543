import { procNamesNow, procTextNow } from '../../../proc.ts';
import { parent } from '../../../threads/parent.ts';
import { type DeviceHandle, endWithParent, type Nvml, openNvml } from './nvml.ts';
import { readDevice } from './read-device.ts';
import type { ClosedDevice, GpuDevice, ReaderMessage, ReaderOptions } from './reading.ts';

// The process that reads the GPUs. It is a process and no thread, since a call into the driver can
// hang: a hanging thread, koffi's own or a worker, keeps the service from ending (measured: 8 s for
// a call of 8 s, with either); and since a crash in the driver's library would be the service's.

type OpenDevice = GpuDevice & { handle: DeviceHandle; joules: number | undefined };
type Session = { driver: string; devices: OpenDevice[]; closed: ClosedDevice[] };

/**
 * Opening again takes seconds where the driver has to wake the devices, so it is tried less and
 * less often.
 */
const reopenPeriods = { first: 10, most: 300 };

/**
 * A device that fell off the bus, or whose driver went, answers every question with one of these.
 */
const gone: ReadonlySet<string> = new Set(['gpu_is_lost', 'reset_required', 'uninitialized', 'driver_not_loaded']);

const service = parent<never, ReaderMessage>();
const options = JSON.parse(process.argv[2] ?? '{}') as ReaderOptions;
let nvml: Nvml | undefined;
let session: Session | undefined;
let listing = driverListing();
let periodsToOpen = 0;
let periodsBetween: number = reopenPeriods.first;

endWithParent(options.parentId);
// The service is gone: nobody listens any more.
process.once('disconnect', () => process.exit());

readAll();
setInterval(readAll, options.periodMs);
setInterval(readEnergy, options.energyPeriodMs);

function readAll(): void {
  const before = listing;
  listing = driverListing();
  const replugged = listing !== before;
  const complete = session !== undefined && session.closed.length === 0;
  if (replugged) periodsBetween = reopenPeriods.first;
  if (replugged || (!complete && periodsToOpen-- <= 0)) open();
  if (session) readSession(session);
  else service.send({ says: 'alive' });
}

/** The library sees a device that was plugged in only when it restarts. */
function open(): void {
  periodsToOpen = periodsBetween;
  periodsBetween = Math.min(reopenPeriods.most, periodsBetween * 2);
  if (session) nvml?.stop();
  session = undefined;
  try {
    nvml ??= openNvml(options.library);
  } catch (error) {
    service.send({
      says: 'refused',
      code: 'not_loadable',
      detail: error instanceof Error ? error.message : String(error),
    });
    return;
  }
  const started = nvml.start();
  if (started.is === 'refused') {
    service.send({ says: 'refused', code: started.code, detail: 'opening the driver' });
    return;
  }
  const count = nvml.deviceCount();
  if (count.is === 'refused') {
    nvml.stop();
    service.send({ says: 'refused', code: count.code, detail: 'counting the devices' });
    return;
  }
  const driver = nvml.driverVersion();
  session = { driver: driver.is === 'value' ? driver.value : 'unknown', devices: [], closed: [] };
  for (let index = 0; index < count.value; index += 1) openDevice(nvml, session, index);
  if (session.closed.length === 0) periodsBetween = reopenPeriods.first;
  sendDevices(session);
}

function openDevice(library: Nvml, { devices, closed }: Session, index: number): void {
  const handle = library.device(index);
  if (handle.is === 'refused') {
    closed.push({ which: `number ${index}`, code: handle.code });
    return;
  }
  const uuid = library.uuid(handle.value);
  const name = library.name(handle.value);
  if (uuid.is === 'refused') {
    closed.push({ which: `number ${index}`, code: uuid.code });
    return;
  }
  devices.push({
    hwId: uuid.value,
    name: name.is === 'value' ? name.value : 'unknown',
    index,
    handle: handle.value,
    joules: undefined,
  });
}

function readSession(current: Session): void {
  if (!nvml) return;
  const library = nvml;
  const atMs = monotonicMs();
  const readings = current.devices.map((device) => ({
    hwId: device.hwId,
    ...readDevice(library, device.handle, isOurs),
  }));
  const lost = new Map(
    readings.flatMap(({ hwId, refused }) => {
      const code = refused.find((each) => gone.has(each.code))?.code;
      return code ? [[hwId, code] as const] : [];
    }),
  );
  service.send({ says: 'reading', atMs, devices: readings.filter(({ hwId }) => !lost.has(hwId)) });
  if (lost.size === 0) return;
  current.devices = current.devices.filter(({ hwId }) => !lost.has(hwId));
  current.closed.push(...[...lost].map(([which, code]) => ({ which, code })));
  sendDevices(current);
}

function readEnergy(): void {
  if (!nvml || !session) return;
  const moved: Record<string, number> = {};
  const atMs = monotonicMs();
  for (const device of session.devices) {
    const energy = nvml.energyMillijoules(device.handle);
    if (energy.is === 'refused' || energy.value / 1000 === device.joules) continue;
    device.joules = energy.value / 1000;
    moved[device.hwId] = device.joules;
  }
  if (Object.keys(moved).length > 0) service.send({ says: 'energy', atMs, joules: moved });
}

function sendDevices({ driver, devices, closed }: Session): void {
  service.send({
    says: 'devices',
    driver,
    devices: devices.map(({ hwId, name, index }) => ({ hwId, name, index })),
    closed,
  });
}

/**
 * The service, and the lanes that are its children. Ids of another namespace match nobody: they
 * count as others.
 */
function isOurs(pid: number): boolean {
  if (pid === process.ppid) return true;
  // "pid (name) state ppid …": the name may hold anything, so the fields are counted from its end.
  const stat = procTextNow(`/proc/${pid}/stat`);
  return stat !== undefined && Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === process.ppid;
}

function driverListing(): string {
  return procNamesNow(options.driverFolder)?.sort().join(' ') ?? '';
}

function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
