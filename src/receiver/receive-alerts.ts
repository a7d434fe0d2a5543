import type { Context } from '@opentelemetry/api';
import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
import type { JsonShape } from '../http/json/json-shape.ts';
import { parseJson } from '../http/json/parse-json.ts';
import { say } from '../sentence.ts';
import { type LogFields, log } from '../telemetry/logger.ts';
import { attribute, attributeNames } from '../telemetry/names/names.ts';
import { type Alert, alertsOf, readAlertWebhook } from './alert-webhook.ts';
import type { Receive } from './deliveries.ts';
import { oneForEachFault } from './one-fault.ts';
import type { ReceiverMetrics } from './receiver-metrics.ts';
import type { Store } from './store.ts';
import type { Watchdog } from './watchdog.ts';

/**
 * A webhook of Alertmanager or Grafana. Each change of an alert's state becomes one log event. A
 * known state (a repeated notification, a second Alertmanager, a retry) only refreshes its place in
 * the list. Alerts of several systems about one fault are one event.
 */
export function receiveAlerts(parts: {
  config: Config;
  store: Store;
  metrics: ReceiverMetrics;
  watchdog: Watchdog;
}): Receive {
  const { config, store, metrics, watchdog } = parts;
  const shape = webhookShape(config.receiverAlertsMax);
  return ({ body, context }) => {
    const webhook = readAlertWebhook(parseJson(body, 'the webhook', shape));
    if (webhook.alerts.length > config.receiverAlertsMax) {
      throw new ServiceError(
        'body_too_large',
        say`Cannot take the webhook: it has ${webhook.alerts.length} alerts; set max_alerts in Alertmanager, or raise VITRINE_RECEIVER_ALERTS_MAX from ${config.receiverAlertsMax}.`,
      );
    }
    const alerts = lastOfEach(alertsOf(webhook));
    const changed = alerts.filter((alert) => store.stateOf(alert) !== alert.state);
    for (const alert of oneForEachFault(changed)) logAlert(alert, alert.state, context);
    if (webhook.truncatedAlerts > 0) {
      log(
        'app',
        'warn',
        `Alertmanager left ${webhook.truncatedAlerts} alerts out of a webhook: max_alerts is set there`,
        { [attribute.eventType]: 'alerts_truncated', count: webhook.truncatedAlerts },
        context,
      );
    }
    const repeated = webhook.alerts.length - changed.length;
    return {
      answer: { accepted: changed.length, repeated },
      remember: () => store.rememberAlerts(alerts, Date.now()),
      done: () => {
        for (const state of ['firing', 'resolved'] as const) {
          metrics.accepted('alerts', state, changed.filter((alert) => alert.state === state).length);
        }
        metrics.repeated('alerts', repeated);
        watchdog.heard(alerts);
      },
    };
  };
}

/**
 * What a webhook may be made of: 64 members an alert, which none of Alertmanager or Grafana has.
 */
export function webhookShape(alertsMax: number): JsonShape {
  const membersMax = 64 * (alertsMax + 16);
  return {
    jsonArraysMax: membersMax / 16,
    textsMax: membersMax,
    membersMax,
    remedy: 'set max_alerts in Alertmanager, or raise VITRINE_RECEIVER_ALERTS_MAX',
  };
}

/** Removes what nobody has repeated for too long: its end was never delivered. */
export function expireAlerts(parts: { store: Store; metrics: ReceiverMetrics; now: number }): void {
  const expired = parts.store.takeExpired(parts.now);
  for (const alert of oneForEachFault(expired)) logAlert(alert, 'expired');
  parts.metrics.accepted('alerts', 'expired', expired.length);
}

/**
 * One event in the log. What the sender wrote stands in fields, not in the sentence, unless it is a
 * plain word.
 */
function logAlert(alert: Alert, state: Alert['state'] | 'expired', context?: Context): void {
  const name = /^[\w.:-]{1,100}$/.test(alert.name) ? `Alert ${alert.name}` : 'An alert';
  const sentence = {
    firing: 'is firing',
    resolved: 'is resolved',
    expired: 'was not repeated and is taken off the list',
  };
  const level =
    state !== 'firing' ? 'info' : alert.severity === 'critical' ? 'error' : alert.severity === 'info' ? 'info' : 'warn';
  log('events', level, `${name} ${sentence[state]}`, alertFields(alert, state), context);
}

function alertFields(alert: Alert, state: Alert['state'] | 'expired'): LogFields {
  const names = attributeNames;
  return {
    [names.eventType.name]: 'alert',
    [names.alertName.name]: alert.name,
    [names.alertState.name]: state,
    [names.alertSeverity.name]: alert.severity,
    [names.alertFingerprint.name]: alert.fingerprint,
    [names.alertSource.name]: alert.source,
    [names.alertStartsAt.name]: alert.startsAt,
    [names.alertEndsAt.name]: alert.endsAt,
    ...(alert.cut && { [names.alertCut.name]: true }),
    ...prefixed(names.alertLabel.name, alert.labels),
    ...prefixed(names.alertAnnotation.name, alert.annotations),
    ...prefixed(names.alertLink.name, alert.links),
  };
}

function prefixed(prefix: string, texts: Record<string, string>): LogFields {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [`${prefix}.${name.replace(/[^A-Za-z0-9_]/g, '_')}`, text]),
  );
}

/** Within one webhook the last word on an alert counts. */
function lastOfEach(alerts: Alert[]): Alert[] {
  return [
    ...new Map(alerts.map((alert) => [`${alert.source} ${alert.fingerprint} ${alert.startsAt}`, alert])).values(),
  ];
}
