import type { Request, Response } from 'express';
import { ServiceError } from '../errors.ts';
import type { ServerTls } from '../http/tls/server-tls.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { Telemetry } from '../running-telemetry.ts';
import { ours, say } from '../sentence.ts';
import { version } from '../version.ts';
import type { Store } from './store.ts';
import type { Watchdog } from './watchdog.ts';

/** The process answers at all. */
export function live() {
  return (_request: Request, response: Response): void => {
    response.json({ status: 'alive' });
  };
}

/** The receiver takes deliveries. */
export function ready({ lifecycle }: { lifecycle: Lifecycle }) {
  return (_request: Request, response: Response): void => {
    if (lifecycle.state !== 'ready') {
      response.setHeader('Retry-After', '1');
      throw new ServiceError(
        'not_ready',
        say`Cannot take deliveries: the receiver is ${ours(lifecycle.state)}; ask again in a second.`,
      );
    }
    response.json({ status: 'ready' });
  };
}

/** How it is: healthy, or serving with a warning. */
export function health(parts: {
  lifecycle: Lifecycle;
  telemetry: Telemetry;
  store: Store;
  watchdog: Watchdog;
  tls: Pick<ServerTls, 'trouble'>;
}) {
  const { lifecycle, telemetry, store, watchdog, tls } = parts;
  return (_request: Request, response: Response): void => {
    // Before the checks, which report when it cannot be read.
    const firing = firingCount(store);
    const checks = {
      telemetry: warningUnless(telemetry.spoolTrouble() === undefined, telemetry.spoolTrouble()),
      certificates: warningUnless(tls.trouble === undefined, tls.trouble),
      memory: warningUnless(
        store.works,
        'Deliveries are refused: what was taken cannot be read or remembered; free the disk of VITRINE_DATA.',
      ),
      alerting: warningUnless(
        !watchdog.silent,
        'No alert gets through: Watchdog is not heard; see that Prometheus and Alertmanager run.',
      ),
    };
    const healthy = Object.values(checks).every((check) => check.status === 'healthy');
    response.json({
      status: healthy ? 'healthy' : 'warning',
      timestamp: new Date().toISOString(),
      uptime_seconds: (Date.now() - lifecycle.startedAt) / 1000,
      version,
      ...(firing !== undefined && { firing }),
      checks,
    });
  };
}

function firingCount(store: Store): number | undefined {
  try {
    return store.firingCount;
  } catch (error) {
    if (error instanceof ServiceError) return undefined;
    throw error;
  }
}

function warningUnless(
  fine: boolean,
  message: string | undefined,
): { status: 'healthy' | 'warning'; message?: string | undefined } {
  return fine ? { status: 'healthy' } : { status: 'warning', message };
}
