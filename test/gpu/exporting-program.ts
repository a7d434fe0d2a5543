import { createServer } from 'node:http';
import { readConfig } from '../../src/config.ts';
import { noGpu, startGpu } from '../../src/telemetry/gpu/start-gpu.ts';
import { startTelemetry } from '../../src/telemetry/start.ts';

// A process that has the service's telemetry and its GPU readings, and answers 200 to every request.

const config = readConfig();
let gpu = noGpu();
const telemetry = await startTelemetry(config, {
  name: 'vitrine',
  folder: 'service',
  aggregated: () => gpu.metrics(),
});
gpu = startGpu(config);
createServer((_, response) => response.end()).listen(config.servicePort, '127.0.0.1');

process.once('SIGTERM', async () => {
  await gpu.stop();
  await telemetry.stop(config.stopMsMax);
  process.exit();
});
