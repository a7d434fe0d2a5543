import assert from 'node:assert/strict';
import { readConfig } from '../../src/config.ts';
import { parseJson } from '../../src/http/json/parse-json.ts';
import { webhookShape } from '../../src/receiver/receive-alerts.ts';
import { alertmanagerWebhook } from './webhook.ts';

const { receiverAlertsMax, receiverBodyBytesMax } = readConfig({});
const shape = webhookShape(receiverAlertsMax);

describe('JSON for the receiver', () => {
  const half = receiverBodyBytesMax / 2;
  const bombs: [string, string, RegExp][] = [
    ['brackets that open', '['.repeat(receiverBodyBytesMax), /nested more than 64 levels/],
    ['brackets that open and close', '['.repeat(half) + ']'.repeat(half), /nested more than 64 levels/],
    ['empty arrays', `[${'[],'.repeat(half / 2)}[]]`, /more than \d+ arrays; .*VITRINE_RECEIVER_ALERTS_MAX/],
    ['empty objects', `[${'{},'.repeat(half / 2)}{}]`, /more than \d+ objects; .*VITRINE_RECEIVER_ALERTS_MAX/],
    ['empty texts', `[${'"",'.repeat(half / 2)}""]`, /more than \d+ texts; .*VITRINE_RECEIVER_ALERTS_MAX/],
    ['members', `{${'"":1,'.repeat(half / 3)}"":1}`, /more than \d+ members.*VITRINE_RECEIVER_ALERTS_MAX/],
  ];
  for (const [what, text, said] of bombs)
    it(`is refused before it is parsed where it is ${what}`, () => {
      assert.throws(() => parseJson(Buffer.from(text), 'the webhook', shape), said);
    });

  it('is taken with as many alerts as a webhook may have', () => {
    const labels = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`label_${at}`, 'x']));
    const webhook = alertmanagerWebhook(...Array.from({ length: receiverAlertsMax }, () => ({ labels })));
    assert.deepEqual(parseJson(Buffer.from(JSON.stringify(webhook)), 'the webhook', shape), webhook);
  });
});
