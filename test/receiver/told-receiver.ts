import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { startReceiver } from './receiver-process.ts';
import { ToldTelemetry } from './told-telemetry.ts';

/** A receiver with a data folder of its own, and the OTLP receiver that it exports to. */
export async function startToldReceiver(env: Record<string, string> = {}) {
  const told = await ToldTelemetry.start();
  const folder = await temporaryFolder();
  const settings = { VITRINE_DATA: folder.path, OTEL_EXPORTER_OTLP_ENDPOINT: told.endpoint, ...env };
  const first = await startReceiver(settings);
  let receiver = first;
  return {
    told,
    folder: folder.path,
    get receiver() {
      return receiver;
    },
    /** Ends the receiver and starts another on the same data. */
    restart: async (signal: NodeJS.Signals) => {
      await receiver.kill(signal);
      receiver = await startReceiver(settings);
    },
    [Symbol.asyncDispose]: async () => {
      await receiver[Symbol.asyncDispose]();
      told.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}
