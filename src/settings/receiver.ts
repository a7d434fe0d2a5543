import { integer, type Setting, text } from './setting.ts';

/** The receiver of webhooks and events: tokens and limits. */
export const receiverSettings = {
  receiverAlertsTokenFile: text(
    'VITRINE_RECEIVER_ALERTS_TOKEN_FILE',
    '',
    'File with the bearer token of /alerts, one a line so that a new one can overlap the old. Needed when VITRINE_BIND is not loopback.',
  ),
  receiverDeployTokenFile: text(
    'VITRINE_RECEIVER_DEPLOY_TOKEN_FILE',
    '',
    'File with the bearer token of /deploy; as above. All three may be the same file.',
  ),
  receiverEventsTokenFile: text(
    'VITRINE_RECEIVER_EVENTS_TOKEN_FILE',
    '',
    'File with the bearer token of /events; as above.',
  ),
  receiverBodyBytesMax: integer(
    'VITRINE_RECEIVER_BODY_BYTES_MAX',
    4 * 1024 * 1024,
    1024,
    64 * 1024 * 1024,
    'The largest body that the receiver reads. Raise it when Alertmanager groups thousands of alerts, or set max_alerts there.',
  ),
  receiverBodyMsMax: integer(
    'VITRINE_RECEIVER_BODY_MS_MAX',
    10_000,
    100,
    600_000,
    'How long headers, and then a body, may take to arrive at the receiver.',
  ),
  receiverRequestsMax: integer(
    'VITRINE_RECEIVER_REQUESTS_MAX',
    32,
    1,
    1000,
    'Bodies that the receiver holds at once; times the largest body it is the memory they may take. Beyond it requests are refused with Retry-After.',
  ),
  receiverConnectionsMax: integer(
    'VITRINE_RECEIVER_CONNECTIONS_MAX',
    256,
    1,
    65_535,
    'Connections that the receiver holds at once; further ones are refused and counted.',
  ),
  receiverAlertsMax: integer('VITRINE_RECEIVER_ALERTS_MAX', 5_000, 1, 16_000, 'Alerts in one webhook.'),
  receiverLinesMax: integer('VITRINE_RECEIVER_LINES_MAX', 5_000, 1, 16_000, 'Lines in one body of /events.'),
  receiverLabelsMax: integer(
    'VITRINE_RECEIVER_LABELS_MAX',
    10,
    0,
    48,
    'Labels of one line of /events. Each combination of values is a series of its own.',
  ),
  receiverLabelCharsMax: integer(
    'VITRINE_RECEIVER_LABEL_CHARS_MAX',
    128,
    1,
    4096,
    'Characters in the value of a label of /events.',
  ),
  receiverSeriesMax: integer(
    'VITRINE_RECEIVER_SERIES_MAX',
    1_000,
    1,
    100_000,
    'Series that /events may create, all names together. A script that puts ids into labels meets this first.',
  ),
  receiverSeriesAgeMsMax: integer(
    'VITRINE_RECEIVER_SERIES_AGE_MS_MAX',
    48 * 3600 * 1000,
    1000,
    365 * 24 * 3600 * 1000,
    'A series of /events without an update for this long is no longer exported. Longer than the rarest job.',
  ),
  receiverRememberedMax: integer(
    'VITRINE_RECEIVER_REMEMBERED_MAX',
    20_000,
    1,
    1_000_000,
    'Alerts and idempotency keys that are remembered, so that a repeated delivery does not count twice. The one not heard of for longest goes first.',
  ),
  receiverFiringAgeMsMax: integer(
    'VITRINE_RECEIVER_FIRING_AGE_MS_MAX',
    26 * 3600 * 1000,
    1000,
    365 * 24 * 3600 * 1000,
    'A firing alert that nobody repeated for this long is taken off the list. More than twice Alertmanager’s longest repeat_interval.',
  ),
  receiverWatchdogMsMax: integer(
    'VITRINE_RECEIVER_WATCHDOG_MS_MAX',
    300_000,
    0,
    24 * 3600 * 1000,
    'How long the alert Watchdog, which fires always and is repeated every minute, may be silent before the receiver says that no alert gets through. 0: never, for a receiver without Prometheus.',
  ),
} as const satisfies Record<string, Setting>;
