import { log } from '../telemetry/logger.ts';
import type { Meter } from '../telemetry/meter.ts';
import { attribute } from '../telemetry/names/names.ts';
import type { Alert } from './alert-webhook.ts';

/**
 * Listens for the alert that always fires. When it stops, Prometheus or Alertmanager is down and no
 * other alert would arrive. That is a log event, which Loki’s ruler makes an alert, and a line on
 * the console, which needs neither.
 */
export class Watchdog {
  readonly #silentMsMax: number;
  #heardAt: number;
  #toldAt: number | undefined;

  /** 0 switches it off. */
  constructor(meter: Meter, silentMsMax: number, now = Date.now()) {
    this.#silentMsMax = silentMsMax;
    this.#heardAt = now;
    if (silentMsMax > 0) meter.gauge('receiverWatchdogAge', (observe) => observe((Date.now() - this.#heardAt) / 1000));
  }

  get silent(): boolean {
    return this.#toldAt !== undefined;
  }

  heard(alerts: readonly Pick<Alert, 'name' | 'state'>[], now = Date.now()): void {
    // Its end is no sign of life: Alertmanager sends it after a time without the alert.
    if (!alerts.some(({ name, state }) => name === 'Watchdog' && state === 'firing')) return;
    this.#heardAt = now;
    if (this.#toldAt === undefined) return;
    this.#toldAt = undefined;
    log('app', 'info', 'Alerts get through again: the alert Watchdog was heard', {
      [attribute.eventType]: 'alerting_heard',
    });
  }

  /** Logs the silence, and again for as long as it lasts. */
  look(now = Date.now()): void {
    if (this.#silentMsMax === 0 || now - Math.max(this.#heardAt, this.#toldAt ?? 0) < this.#silentMsMax) return;
    this.#toldAt = now;
    log(
      'app',
      'error',
      `No alert gets through: Watchdog, which fires always, was not heard for ${Math.round((now - this.#heardAt) / 1000)} s; see that Prometheus and Alertmanager run (vitrine status), or set VITRINE_RECEIVER_WATCHDOG_MS_MAX`,
      { [attribute.eventType]: 'alerting_silent' },
    );
  }
}
