import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { parse } from 'yaml';
import { withAlertChannels } from '../../launcher/alert-channels.ts';
import { ensureServer } from '../../launcher/servers/ensure-server.ts';
import { readConfig } from '../../src/config.ts';
import { startStack } from '../../testkit/stack.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { runProgram } from './run-program.ts';

const committed = join(import.meta.dirname, '../../alertmanager/alertmanager.yaml');

type Receiver = { name: string; slack_configs?: { channel: string }[]; email_configs?: { to: string }[] } & Record<
  string,
  unknown
>;

const everything = {
  VITRINE_ALERT_SLACK_URL_FILE: '/secrets/slack',
  VITRINE_ALERT_SLACK_CHANNEL: '#alerts,platform=#operations',
  VITRINE_ALERT_PAGERDUTY_KEY_FILE: '/secrets/pagerduty',
  VITRINE_ALERT_SMTP_PASSWORD_FILE: '/secrets/smtp',
  VITRINE_ALERT_SMTP_HOST: 'mail.example.org:587',
  VITRINE_ALERT_SMTP_USER: 'vitrine@example.org',
  VITRINE_ALERT_EMAIL_TO: 'all@example.org,data=science@example.org',
};

describe('the channels of alerts', function () {
  this.timeout(900_000);

  it('are none but the receiver as long as no secret is given', async () => {
    const text = await readFile(committed, 'utf8');
    assert.equal(withAlertChannels(text, readConfig({})), text);
  });

  it('are Slack, PagerDuty and e-mail for what is critical, e-mail for warnings, nothing for info, each team with its own', async () => {
    const text = withAlertChannels(await readFile(committed, 'utf8'), readConfig(everything));
    const { receivers } = parse(text) as { receivers: Receiver[] };
    const channels = Object.fromEntries(
      receivers.map((receiver) => [
        receiver.name,
        Object.keys(receiver)
          .filter((key) => key.endsWith('_configs'))
          .map((key) => key.replace('_configs', ''))
          .join(' '),
      ]),
    );
    const all = 'webhook slack pagerduty email';
    assert.deepEqual(channels, {
      webhook: 'webhook',
      watchdog: 'webhook',
      critical: all,
      'critical-serving': all,
      'critical-platform': all,
      'critical-data': all,
      warning: 'webhook email',
      'warning-serving': 'webhook email',
      'warning-platform': 'webhook email',
      'warning-data': 'webhook email',
      info: 'webhook',
    });
    const of = (name: string) => receivers.find((receiver) => receiver.name === name);
    assert.equal(of('critical-platform')?.slack_configs?.[0]?.channel, '#operations');
    assert.equal(of('critical-serving')?.slack_configs?.[0]?.channel, '#alerts');
    assert.equal(of('warning-data')?.email_configs?.[0]?.to, 'science@example.org');
    assert.equal(of('warning-serving')?.email_configs?.[0]?.to, 'all@example.org');

    await using folder = await temporaryFolder();
    const file = join(folder.path, 'alertmanager.yaml');
    await writeFile(file, text);
    await writeFile(join(folder.path, 'receiver-token.tmpl'), 'token');
    const amtool = join(await ensureServer('amtool'), 'amtool');
    const checked = await runProgram(amtool, ['check-config', file]);
    assert.equal(checked.code, 0, checked.said);
  });

  it('say what is missing when a password has no server to go with', async () => {
    const text = await readFile(committed, 'utf8');
    assert.throws(
      () => withAlertChannels(text, readConfig({ VITRINE_ALERT_SMTP_PASSWORD_FILE: '/secrets/smtp' })),
      /Cannot use VITRINE_ALERT_SMTP_HOST: it is empty while there is a password for e-mail; give it\./,
    );
  });

  it('carry a critical alert to Slack and to the mail server of the real Alertmanager, in words', async () => {
    await using folder = await temporaryFolder();
    const slack = await listen();
    const mail = await listenForMail();
    const [slackFile, passwordFile] = [join(folder.path, 'slack'), join(folder.path, 'smtp')];
    await writeFile(slackFile, `http://127.0.0.1:${portOf(slack.server)}/services/a`);
    await writeFile(passwordFile, 'secret');
    const stack = await startStack({
      only: ['alertmanager'],
      env: {
        VITRINE_TIME_SCALE: '0.1',
        VITRINE_ALERT_SLACK_URL_FILE: slackFile,
        VITRINE_ALERT_SMTP_PASSWORD_FILE: passwordFile,
        VITRINE_ALERT_SMTP_HOST: `127.0.0.1:${mail.port}`,
        VITRINE_ALERT_SMTP_USER: 'vitrine@example.org',
        VITRINE_ALERT_EMAIL_TO: 'all@example.org',
      },
    });
    try {
      const post = async (alerts: object[]) => {
        const answer = await fetch(`${stack.url('alertmanager')}/api/v2/alerts`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(alerts),
        });
        assert.equal(answer.status, 200);
      };
      await post([
        {
          labels: { alertname: 'BreakerOpen', severity: 'critical', team: 'serving' },
          annotations: {
            summary: 'm is left alone',
            description: 'It failed.',
            runbook: 'docs/runbooks/BreakerOpen.md',
          },
        },
      ]);
      const told = await waitFor('the message to Slack', () => slack.bodies[0], { deadlineMs: 60_000 });
      assert.match(told, /FIRING: BreakerOpen/);
      assert.match(told, /m is left alone.*It failed\..*BreakerOpen\.md/s);

      const silent = (instance: string, system: string) => ({
        labels: { alertname: 'ServiceDown', severity: 'critical', team: 'serving', job: 'vitrine', instance, system },
        annotations: { summary: `vitrine instance ${instance} is silent`, description: `No beat of ${instance}.` },
      });
      // As Prometheus hands them on: one rule after the other.
      for (const system of ['generation', 'generation-guide', 'microstructure'])
        await post([silent('a', system), silent('b', system)]);
      const down = await waitFor('the message about two instances', () => slack.bodies[1], { deadlineMs: 60_000 });
      for (const instance of ['a', 'b'])
        assert.equal(down.split(`No beat of ${instance}.`).length - 1, 1, `${instance} once: ${down}`);
      assert.match(down, /By the rules of generation generation-guide microstructure/);
      // Without STARTTLS Alertmanager sends no password: it greets, asks for it, and goes.
      await waitFor('the greeting to the mail server', () => mail.said.some((line) => /^EHLO/i.test(line)), {
        deadlineMs: 60_000,
      });
      assert.ok(!mail.said.join('').includes('secret'), 'the password went out unencrypted');
    } finally {
      await stack.close();
      slack.server.close();
      mail.close();
    }
  });
});

async function listen() {
  const bodies: string[] = [];
  const server = createHttpServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += String(part);
    bodies.push(body);
    response.end('ok');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, bodies };
}

async function listenForMail() {
  const said: string[] = [];
  const server = createTcpServer((socket) => {
    socket.on('error', (error) => said.push(`(${error.message})`));
    socket.write('220 mail.example.org ESMTP\r\n');
    socket.on('data', (data) => {
      said.push(data.toString());
      if (/^EHLO/i.test(data.toString())) socket.write('250-mail.example.org\r\n250 SIZE 1000000\r\n');
      else if (/^QUIT/i.test(data.toString())) socket.end('221 bye\r\n');
      else socket.write('502 no\r\n');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, said, close: () => server.close() };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
