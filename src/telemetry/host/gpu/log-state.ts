import { log } from '../../logger.ts';
import type { EventName } from '../../names/events.ts';
import { attribute } from '../../names/names.ts';
import type { RefusalCode } from './nvml.ts';
import type { ClosedDevice, GpuDevice } from './reading.ts';

/** How it stands with the GPUs. */
export type GpuState =
  | { is: 'off' }
  | { is: 'no_library'; library: string }
  | { is: 'opening' }
  | { is: 'refused'; code: RefusalCode | 'not_loadable'; detail: string }
  | { is: 'reading'; driver: string; devices: readonly GpuDevice[]; closed: readonly ClosedDevice[] }
  /** The driver does not answer; the process that asked is being ended. */
  | { is: 'silent' }
  | { is: 'ended'; detail: string };

const switchOff = 'set VITRINE_GPU=false to leave GPUs alone';

/**
 * A line for each change; `before` is the last logged state, so a driver that fails again and again
 * is logged once.
 */
export function logState(state: GpuState, before: GpuState): void {
  // What a process wrote before it ended may differ each time; that it ended is the change.
  if (state.is === 'ended' ? before.is === 'ended' : JSON.stringify(state) === JSON.stringify(before)) return;
  switch (state.is) {
    case 'off':
    case 'opening':
      return;
    case 'no_library':
      say('debug', 'gpu_no_library', `No GPU is read: there is no ${state.library} here (VITRINE_NVML_LIBRARY).`);
      return;
    case 'refused':
      say(
        'warn',
        'gpu_refused',
        `Cannot read the GPUs: ${inWords(state.code)} (${state.detail}); it is tried again, or ${switchOff}.`,
        { code: state.code },
      );
      return;
    case 'silent':
      say(
        'warn',
        'gpu_silent',
        `Cannot read the GPUs: their driver does not answer; it is tried again, or ${switchOff}, or give it longer with VITRINE_GPU_HANG_MS_MAX.`,
      );
      return;
    case 'ended':
      say(
        'warn',
        'gpu_reader_ended',
        `Cannot read the GPUs: the process that reads them is gone (${state.detail}); it is started again, or ${switchOff}.`,
      );
      return;
    case 'reading':
      sendDevices(state, before.is === 'reading' ? before : { devices: [], closed: [] });
      return;
  }
}

type Devices = { devices: readonly GpuDevice[]; closed: readonly ClosedDevice[] };

function sendDevices(now: Devices & { driver: string }, before: Devices): void {
  for (const { hwId, name } of now.devices) {
    if (before.devices.some((each) => each.hwId === hwId)) continue;
    say('info', 'gpu_found', `GPU ${name} (${hwId}) is read, driver ${now.driver}.`, {
      [attribute.hwId]: hwId,
    });
  }
  for (const { hwId, name } of before.devices) {
    if (now.devices.some((each) => each.hwId === hwId) || now.closed.some(({ which }) => which === hwId)) continue;
    say('warn', 'gpu_gone', `GPU ${name} (${hwId}) is gone: the driver no longer lists it.`, {
      [attribute.hwId]: hwId,
    });
  }
  for (const { which, code } of now.closed) {
    if (before.closed.some((each) => each.which === which && each.code === code)) continue;
    say('warn', 'gpu_closed', `Cannot read GPU ${which}: ${inWords(code)}; it is tried again.`, {
      [attribute.hwId]: which,
      code,
    });
  }
  if (now.devices.length + now.closed.length === 0) say('info', 'gpu_none', 'The driver lists no GPU.');
}

/** One value of one device that the driver refuses, or gives again. */
export function logValue(hwId: string, what: string, code: RefusalCode | undefined): void {
  const fields = { [attribute.hwId]: hwId, value: what };
  if (code === undefined) say('info', 'gpu_value_back', `The ${what} of GPU ${hwId} can be read again.`, fields);
  else {
    say(
      'warn',
      'gpu_value_refused',
      `Cannot read the ${what} of GPU ${hwId}: ${inWords(code)}; it is left out until it can.`,
      {
        ...fields,
        code,
      },
    );
  }
}

function inWords(code: string): string {
  if (code === 'driver_not_loaded') return 'the driver is not loaded';
  if (code === 'no_permission') return 'this user may not (see the permissions of /dev/nvidia*)';
  if (code === 'gpu_is_lost') return 'the device has fallen off the bus';
  if (code === 'driver_and_library_differ')
    return 'driver and library are of different versions (restart after an upgrade)';
  return code.replaceAll('_', ' ');
}

function say(
  level: 'debug' | 'info' | 'warn',
  eventType: EventName,
  message: string,
  fields: Record<string, string> = {},
): void {
  log('app', level, message, { [attribute.eventType]: eventType, ...fields });
}
