import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { choosePort } from '../../launcher/free-port.ts';
import { identity, writeModel } from '../../testkit/models/models.ts';
import { infer, type SeveralProcesses, send, startSeveral } from '../../testkit/several-processes.ts';
import { type TemporaryFolder, temporaryFolder } from '../../testkit/temporary-folder.ts';
import { read, TestAuthority } from '../../testkit/test-certificates.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import {
  copyRequest,
  floatsOf,
  type GrpcClient,
  healthClient,
  inferenceClient,
  rawFloats,
} from '../grpc/grpc-client.ts';

/** Each client has a connection of its own. */
const apart = { 'grpc.use_local_subchannel_pool': 1 };

describe('several processes with gRPC', function () {
  this.timeout(600_000);
  let folder: TemporaryFolder;
  let several: SeveralProcesses;
  let port: number;

  before(async () => {
    folder = await temporaryFolder();
    await writeModel(join(folder.path, 'models'), 'copy', identity('FP32'));
    port = await choosePort('127.0.0.1');
    several = await startSeveral(2, {
      VITRINE_MODELS: join(folder.path, 'models'),
      VITRINE_GRPC_PORT: String(port),
    });
  });
  after(async () => {
    await several?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const ask = async (client: GrpcClient, value: number) => {
    const { answer } = await client.ask('ModelInfer', copyRequest([value]));
    return floatsOf(answer.raw_output_contents[0])[0];
  };

  it('share its connections out, and each answers', async () => {
    const clients = Array.from({ length: 6 }, () => inferenceClient(port, apart));
    try {
      for (const [at, client] of clients.entries()) assert.equal(await ask(client, at), at);
      await waitFor('the connections of both', async () =>
        (await several.standings()).every(({ connections }) => connections >= 2),
      );
    } finally {
      for (const client of clients) client[Symbol.dispose]();
    }
  });

  it('say together over gRPC whether they are ready', async () => {
    using client = healthClient(port);
    assert.equal((await client.ask('Check')).answer.status, 'SERVING');
  });

  it('fail no call that is tried again as clients do, while they restart one after the other', async () => {
    using client = inferenceClient(port, apart);
    const before = await several.standings();
    process.kill(several.service.pid, 'SIGHUP');
    let over = false;
    let answered = 0;
    const calling = (async () => {
      while (!over) {
        assert.equal(await ask(client, answered), answered);
        answered += 1;
      }
    })();
    await several.ready((all) => all.every(({ restarts }, at) => restarts > before[at]!.restarts));
    over = true;
    await calling;
    assert.ok(answered > 10);
  });
});

describe('several processes with TLS', function () {
  this.timeout(600_000);
  const rights = { 'dns:machine-7.example.org': 'machine' };

  it('answer over TLS, know a caller by its certificate whichever is asked, and pass requests on', async () => {
    await using folder = await temporaryFolder();
    const authority = await TestAuthority.in(join(folder.path, 'ours'));
    const server = await authority.issue('port');
    const machine = await read(await authority.issue('machine', { names: ['DNS:machine-7.example.org'] }));
    const keys = join(folder.path, 'keys.json');
    const adminToken = 'the-token-of-the-administrator';
    await writeFile(join(folder.path, 'token'), adminToken);
    const [[name, tenant]] = Object.entries(rights) as [[string, string]];
    await writeFile(
      keys,
      JSON.stringify({
        keys: [{ name: tenant, sha256: hash('sha256', 'unused-key-of-the-machine', 'hex'), certificate_names: [name] }],
      }),
    );
    const ca = await authority.pem;
    const grpcPort = await choosePort('127.0.0.1');
    await using several = await startSeveral(
      2,
      {
        VITRINE_GRPC_PORT: String(grpcPort),
        VITRINE_TLS_CERT_FILE: server.certificate,
        VITRINE_TLS_KEY_FILE: server.key,
        VITRINE_TLS_CLIENT_CA_FILE: authority.file,
        VITRINE_TLS_CLIENT_CERTIFICATES: 'optional',
        VITRINE_API_KEYS_FILE: keys,
        VITRINE_ADMIN_TOKEN_FILE: join(folder.path, 'token'),
        VITRINE_PROCESS_WAIT_MS_MAX: '300000',
      },
      { ca, headers: { Authorization: `Bearer ${adminToken}` } },
    );
    const tls = { ca, ...machine };
    const agents = await connectionToEachTls(several, ca);
    for (const [number, agent] of agents) {
      const outcome = await infer(several.url, { agent, tls, headers: { 'X-Request-Id': `asked-${number}` } });
      assert.equal('status' in outcome && outcome.status, 200, JSON.stringify(outcome));
    }
    for (const agent of agents.values())
      for (const number of agents.keys()) {
        // Its own requests: the other process knows the caller by the certificate too.
        const outcome = await send(`${several.url}/v1/requests/asked-${number}`, { agent, tls });
        assert.ok('status' in outcome && outcome.status === 200, JSON.stringify(outcome));
        assert.equal((JSON.parse(outcome.body) as { tenant: string }).tenant, tenant);
        const jobs = await send(`${several.url}/v1/jobs`, { agent, tls });
        assert.equal('status' in jobs && jobs.status, 200, JSON.stringify(jobs));
      }
    for (const _ of agents) {
      using client = inferenceClient(grpcPort, apart, tls);
      const request = { model_name: 'small', inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 64] }] };
      const { answer } = await client.ask('ModelInfer', {
        ...request,
        raw_input_contents: [rawFloats(...Array(64).fill(1))],
      });
      assert.ok(answer.raw_output_contents[0].length > 0);
    }
    const stranger = await send(`${several.url}/v1/requests`, { tls: { ca } });
    assert.equal('status' in stranger && stranger.status, 401);
    for (const agent of agents.values()) agent.destroy();

    /** A connection with the certificate to each of the two. */
    async function connectionToEachTls(of: SeveralProcesses, authorityPem: Buffer): Promise<Map<number, Agent>> {
      const found = new Map<number, Agent>();
      const spare: Agent[] = [];
      await waitFor(
        'a connection to each',
        async () => {
          const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: authorityPem, ...machine });
          const outcome = await send(`${of.url}/health/detailed`, { agent, tls: { ca: authorityPem, ...machine } });
          const number = 'status' in outcome ? (JSON.parse(outcome.body) as { process: number }).process : 0;
          if (number === 0 || found.has(number)) spare.push(agent);
          else found.set(number, agent);
          return found.size === 2;
        },
        { everyMs: 10, deadlineMs: 300_000 },
      );
      for (const agent of spare) agent.destroy();
      return found;
    }
  });
});
