import { type Config, readConfig } from './config.ts';
import { openDataFolder } from './data-folder.ts';
import type { FailureCode } from './errors.ts';
import { ownPort } from './http/entrance.ts';
import { receiverLimits } from './http/http-limits.ts';
import { createHttpServer } from './http/http-server.ts';
import { logSums } from './http/log-or-sum.ts';
import { serveHttp } from './http/serve-http.ts';
import { ServerTls } from './http/tls/server-tls.ts';
import { Lifecycle } from './lifecycle.ts';
import { RequestMetrics } from './observe/request-metrics.ts';
import { createReceiver } from './receiver/app.ts';
import { checkTokens } from './receiver/guard-route.ts';
import { PushedSeries } from './receiver/pushed-series.ts';
import { expireAlerts } from './receiver/receive-alerts.ts';
import { ReceiverMetrics } from './receiver/receiver-metrics.ts';
import { SharedDeliveries } from './receiver/shared-deliveries.ts';
import { Store } from './receiver/store.ts';
import { Watchdog } from './receiver/watchdog.ts';
import { startOrExplain } from './start-or-explain.ts';
import { applyConfigFile } from './telemetry/export/read-config-file.ts';
import { startTelemetry } from './telemetry/export/start.ts';
import { log } from './telemetry/logger.ts';
import { Meter } from './telemetry/meter.ts';

// What cannot speak OTLP comes in here over HTTP and leaves as OTLP. A process of its own, so that
// alerts are heard while the service is down.

/** How often the list of firing alerts is looked through for those that nobody repeats. */
const sweepMsMax = 60_000;
const watchMs = 1_000;

await startOrExplain(() => {
  applyConfigFile(process.env);
  return receive(readConfig());
});

async function receive(config: Config): Promise<void> {
  const data = openDataFolder({ data: config.data, part: 'receiver', who: 'receiver' });
  await checkTokens(config);
  const store = Store.open(data.path, config);
  const meter = new Meter();
  const tls = await ServerTls.open(config, meter);
  const series = new PushedSeries(store, config);
  meter.produce(() => series.collect(Date.now()));
  const requestMetrics = new RequestMetrics(meter, tls.on ? 'https' : 'http');
  const telemetry = await startTelemetry(config, {
    name: 'vitrine-receiver',
    folder: 'receiver',
    host: false,
    meter,
  });
  if (store.setAside !== undefined) {
    log(
      'app',
      'error',
      `The receiver’s memory could not be read and was set aside as ${store.setAside}; it begins empty`,
      {
        event_type: 'store_unreadable',
      },
    );
  }
  const metrics = new ReceiverMetrics({ meter, store, series });
  const watchdog = new Watchdog(meter, config.receiverWatchdogMsMax);
  const shared = await SharedDeliveries.open(store, config, meter);
  shared.onHeard = (alerts) => watchdog.heard(alerts);
  const lifecycle = new Lifecycle();
  const receiver = createReceiver({
    config,
    tls,
    lifecycle,
    telemetry,
    store,
    shared,
    series,
    metrics,
    requestMetrics,
    watchdog,
  });
  const answeredUnread = (status: string, code: FailureCode) => {
    requestMetrics.answeredUnread(status, code);
    metrics.refusedUnread(code);
  };
  const server = createHttpServer(receiverLimits(config), lifecycle, receiver, { answeredUnread }, tls);
  server.on('drop', () => metrics.refusedUnread('busy'));
  const sweeping = setInterval(
    () => void shared.during(async () => expireAlerts({ store, metrics, now: Date.now() })),
    Math.min(sweepMsMax, config.receiverFiringAgeMsMax),
  ).unref();
  const watching = setInterval(() => watchdog.look(), watchMs).unref();
  await serveHttp({
    title: 'The receiver',
    config,
    entrance: ownPort(config.bind, { value: config.receiverPort, setting: 'VITRINE_RECEIVER_PORT' }),
    server,
    tls,
    lifecycle,
    telemetry,
    closeFirst: async () => logSums(),
    closeLast: async () => {
      clearInterval(sweeping);
      clearInterval(watching);
      await shared[Symbol.asyncDispose]();
      // What was committed is in its log, whatever this one cannot write any more.
      try {
        store.close();
      } catch (error) {
        process.stderr.write(
          `Cannot close the receiver’s memory: ${error instanceof Error ? error.message : error}.\n`,
        );
      }
      await data[Symbol.asyncDispose]();
    },
  });
}
