import type { Request, Response } from 'express';
import type { Config } from '../config.ts';

/** No metrics here: telemetry leaves by OTLP only. The answer says where to scrape. */
export function metricsLiveElsewhere({ config }: { config: Config }) {
  return (_request: Request, response: Response): void => {
    response
      .status(404)
      .type('text/plain')
      .send(
        `Metrics leave this service by OTLP only. They are in Prometheus (port ${config.prometheusPort}); to scrape them, add prometheus-scrape to VITRINE_BACKENDS and scrape the Collector (port ${config.collectorScrapePort}).\n`,
      );
  };
}
