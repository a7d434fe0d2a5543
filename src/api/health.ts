import type { RequestHandler } from 'express';
import { ServiceError } from '../errors.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { Telemetry } from '../telemetry/start.ts';
import { version } from '../version.ts';

/** The process answers at all. */
export function live(): RequestHandler {
  return (_request, response) => {
    response.json({ status: 'alive' });
  };
}

/** The service takes work. */
export function ready({ lifecycle }: { lifecycle: Lifecycle }): RequestHandler {
  return (_request, response) => {
    if (lifecycle.state !== 'ready') {
      response.setHeader('Retry-After', '1');
      throw new ServiceError(
        'not_ready',
        `Cannot take work: the service is ${lifecycle.state}; ask again in a second.`,
      );
    }
    response.json({ status: 'ready' });
  };
}

/** How it is: healthy, or serving with a warning. */
export function health({ lifecycle, telemetry }: { lifecycle: Lifecycle; telemetry: Telemetry }): RequestHandler {
  return (_request, response) => {
    const checks = { telemetry: telemetryCheck(telemetry) };
    const status = Object.values(checks).every((check) => check.status === 'healthy') ? 'healthy' : 'warning';
    response.json({
      status,
      timestamp: new Date().toISOString(),
      uptime_seconds: (Date.now() - lifecycle.startedAt) / 1000,
      version,
      checks,
    });
  };
}

function telemetryCheck(telemetry: Telemetry): { status: 'healthy' | 'warning'; message?: string } {
  if (telemetry.spoolWritable()) return { status: 'healthy' };
  return {
    status: 'warning',
    message: 'Telemetry can neither be sent nor kept: the spool cannot be written; free the disk of VITRINE_DATA.',
  };
}
