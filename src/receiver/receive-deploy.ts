import { z } from 'zod';
import type { Config } from '../config.ts';
import { parseJson } from '../http/json/parse-json.ts';
import { log } from '../telemetry/logger.ts';
import { attribute } from '../telemetry/names/names.ts';
import type { Receive } from './deliveries.ts';
import { parseWith } from './parse-with.ts';
import type { ReceiverMetrics } from './receiver-metrics.ts';

const word = z.string().regex(/^[\w.:/@+-]{1,128}$/, 'has to be 1 to 128 letters, digits or . _ : / @ + -');

const releaseMark = z.strictObject({
  version: word,
  service: word.default('vitrine'),
  environment: word.optional(),
  commit: word.optional(),
  by: word.optional(),
  note: z.string().max(1_000).optional(),
  link: z
    .url({ protocol: /^https?$/ })
    .max(2_048)
    .optional(),
  at: z.iso.datetime({ offset: true }).max(40).optional(),
});

/** Far more than it has: the schema says what is wrong with it. */
const shape = { jsonArraysMax: 64, textsMax: 64, membersMax: 64, remedy: 'send the fields of a release mark only' };

/** A release mark: one log event, which the dashboards draw as an annotation. */
export function receiveDeploy({ config, metrics }: { config: Config; metrics: ReceiverMetrics }): Receive {
  return ({ body, context }) => {
    const mark = parseWith(releaseMark, parseJson(body, 'the release mark', shape), 'the release mark');
    log(
      'events',
      'info',
      `Release of ${mark.service} ${mark.version}`,
      {
        [attribute.eventType]: 'deploy',
        [attribute.deployService]: mark.service,
        [attribute.deployVersion]: mark.version,
        [attribute.deployEnvironment]: mark.environment ?? config.environment,
        [attribute.deployCommit]: mark.commit,
        [attribute.deployBy]: mark.by,
        [attribute.deployNote]: mark.note,
        [attribute.deployLink]: mark.link,
        [attribute.deployAt]: mark.at,
      },
      context,
    );
    return { answer: { accepted: 1 }, remember: () => undefined, done: () => metrics.accepted('deploy', 'deploy', 1) };
  };
}
