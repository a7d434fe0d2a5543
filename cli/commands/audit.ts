import { StackFailure } from '../../launcher/stack-failure.ts';
import { askService, type ServiceOptions, ServiceRefusal } from '../ask-service.ts';
import { CannotAsk } from '../audit/ask-stores.ts';
import type { Audit } from '../audit/audit.ts';
import { auditedStores } from '../audit/audited-stores.ts';
import { printAudit } from '../audit/print-audit.ts';
import { readAudit } from '../audit/read-audit.ts';
import { readMoment } from '../audit/read-moment.ts';

export type AuditOptions = ServiceOptions & { readonly from: string; readonly to: string; readonly json?: boolean };

const exitCodes = { closed: 0, holes: 1, unknown: 2 } as const satisfies Record<Audit['verdict'], number>;

/**
 * Compares what was made, taken, stored, done and charged in a time. Answers 0 when every book
 * closes, 1 when something is missing, 2 when a book could not be opened.
 */
export async function audit({ from, to, json, ...service }: AuditOptions): Promise<number> {
  const nowMs = Date.now();
  try {
    const fromMs = readMoment('--from', from, nowMs);
    const toMs = Math.min(nowMs, readMoment('--to', to, nowMs));
    if (fromMs >= toMs)
      throw new StackFailure(`Cannot audit: --from ${from} is not before --to ${to}; swap or correct them.`);
    const found = await readAudit({
      stores: auditedStores(),
      fromMs,
      toMs,
      nowMs,
      askJob: (id) => stateOf(id, service),
    });
    process.stdout.write(json === true ? `${JSON.stringify(found, null, 2)}\n` : printAudit(found));
    return exitCodes[found.verdict];
  } catch (error) {
    // 1 would say that something is missing.
    if (!(error instanceof CannotAsk || error instanceof StackFailure)) throw error;
    process.stderr.write(`${error.message}\n`);
    return exitCodes.unknown;
  }
}

async function stateOf(id: string, service: ServiceOptions): Promise<string | undefined> {
  try {
    const { state } = (await askService(`/v1/jobs/${encodeURIComponent(id)}`, service)) as { state: string };
    return state;
  } catch (error) {
    if (error instanceof ServiceRefusal && error.status === 404) return undefined;
    if (error instanceof StackFailure) throw new CannotAsk(error.message, { cause: error });
    throw error;
  }
}
