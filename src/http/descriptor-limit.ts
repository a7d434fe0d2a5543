import type { Config } from '../config.ts';
import { procTextNow } from '../proc.ts';
import { log } from '../telemetry/logger.ts';

type Limits = Pick<Config, 'connectionsMax' | 'descriptorsReserved'>;

/**
 * VITRINE_CONNECTIONS_MAX, or as many connections as leave descriptors for files: a service that
 * has none left loses jobs, spooled telemetry and answers, and not just connections.
 */
export function connectionsWithinLimit(limits: Limits, descriptors = descriptorLimit()): number {
  const { connectionsMax, descriptorsReserved } = limits;
  // Of a limit that is small itself, half is for files.
  const possible = descriptors - Math.min(descriptorsReserved, Math.floor(descriptors / 2));
  if (connectionsMax <= possible) return connectionsMax;
  log(
    'app',
    'warn',
    `Holds ${possible} connections at once, not the ${connectionsMax} of VITRINE_CONNECTIONS_MAX: the process may have ${descriptors} open files, and ${descriptors - possible} of them are for files (VITRINE_DESCRIPTORS_RESERVED); raise its limit (ulimit -n, LimitNOFILE).`,
    { event_type: 'connections_lowered', connections: possible, descriptors },
  );
  return possible;
}

/** How many files this process may have open. Infinity: nothing says so. */
function descriptorLimit(): number {
  const limit = process.platform === 'linux' ? ofLinux() : ofReport();
  return typeof limit === 'number' && limit > 0 ? limit : Number.POSITIVE_INFINITY;
}

/** Without /proc the connections are bounded by their own setting alone. */
function ofLinux(): number | undefined {
  return Number(/^Max open files\s+(\d+)/m.exec(procTextNow('/proc/self/limits') ?? '')?.[1]);
}

function ofReport(): number | undefined {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } };
  return Number(userLimits?.open_files?.soft);
}
