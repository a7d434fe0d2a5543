import { readConfig } from './config.ts';
import { seatWord } from './processes/service-process.ts';
import { startOrExplain } from './start-or-explain.ts';

// One process serves by itself. Of several, this one holds the port and starts the others, which
// come here as well. Each loads only what it needs.

await startOrExplain(async () => {
  if (process.env.OTEL_CONFIG_FILE) {
    const { applyConfigFile } = await import('./telemetry/export/read-config-file.ts');
    applyConfigFile(process.env);
  }
  const config = readConfig();
  if (process.argv[2] === seatWord) {
    const { Seat } = await import('./processes/seat.ts');
    const seat = await Seat.take();
    const { serve } = await import('./service.ts');
    return serve(config, seat);
  }
  const { processCount } = await import('./processes/process-count.ts');
  const count = await processCount(config);
  if (count > 1) {
    const { supervise } = await import('./processes/supervise.ts');
    const { QuotaLeases } = await import('./api/processes/quota-leases.ts');
    return supervise(config, count, new QuotaLeases(config));
  }
  const { serve } = await import('./service.ts');
  return serve(config);
});
