import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { lokiLines, prometheusQuery, tempoTraceIds } from '../../testkit/backends.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { fixtureSound, ourModels } from '../../testkit/task-runner.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { form } from './serve-tasks.ts';

type Done = { readonly traceId: string; readonly status: number };

const deadline = { deadlineMs: 120_000, everyMs: 500 };

describe('tasks, in the real backends', function () {
  this.timeout(300_000);
  let stack: Stack;
  const done: Record<'separate' | 'generate' | 'score' | 'microstructure' | 'speech' | 'refused', Done> = {} as never;

  before(async () => {
    stack = await startStack({
      only: ['collector', 'service', 'prometheus', 'tempo', 'loki'],
      env: { VITRINE_MODELS: ourModels, VITRINE_TASKS_PER_MINUTE_MAX: '1000' },
    });
    const ask = async (path: string, body: FormData | string): Promise<Done> => {
      const headers = { 'X-Request-Id': `request-${path.split('/').at(-1)}` };
      const answer = await fetch(`${stack.url('service')}${path}`, { method: 'POST', headers, body });
      await answer.arrayBuffer();
      return { traceId: answer.headers.get('traceresponse')?.split('-')[1] ?? '', status: answer.status };
    };
    const sound = async (name: string) => form([{ name, bytes: await readFile(fixtureSound(name)) }]);
    // Counters are there from zero before the first task, so that its rise can be seen.
    await waitFor(
      'series at zero',
      async () =>
        (await prometheusQuery(stack.url('prometheus'), 'separations_total{model="harmonic-percussive"} == 0'))
          .length === 1,
      deadline,
    );
    done.separate = await ask('/separate', await sound('chord-and-clicks.wav'));
    done.generate = await ask('/v1/generate', JSON.stringify({ prompt: 'a bright bell', duration_seconds: 2 }));
    done.score = await ask('/v1/score', await sound('speech.wav'));
    done.microstructure = await ask('/v1/microstructure', JSON.stringify({ alloy: 'Ti-6Al-4V', size: 64, steps: 40 }));
    done.speech = await ask('/v1/speech', await sound('speech.wav'));
    done.refused = await ask('/v1/generate', JSON.stringify({ prompt: 'a bell', model: 'nobody' }));
    assert.deepEqual(
      Object.values(done).map(({ status }) => status),
      [200, 200, 200, 200, 200, 404],
    );
  });
  after(() => stack?.close());

  const metrics: [string, number | ((value: number) => boolean)][] = [
    ['tasks_total{task="separate",model="harmonic-percussive",status="success"}', 1],
    ['tasks_total{task="generate",model="unknown",status="model_not_found"}', 1],
    ['task_duration_seconds_count{task="score",model="dnsmos"}', 1],
    ['task_realtime_factor_count{task="speech",model="silero-vad"}', 1],
    ['separations_total{model="harmonic-percussive",status="success"}', 1],
    ['separation_duration_seconds_count{model="harmonic-percussive"}', 1],
    ['separation_file_size_bytes_sum{model="harmonic-percussive"}', (value) => value > 100_000],
    ['separation_audio_duration_seconds_sum{model="harmonic-percussive"}', (value) => Math.abs(value - 1.23) < 0.01],
    ['audio_generations_total{model="procedural-synthesizer",status="success"}', 1],
    ['audio_generation_duration_seconds_count{model="procedural-synthesizer",duration="5s"}', 1],
    ['generated_audio_length_seconds_sum{model="procedural-synthesizer"}', 2],
    ['audio_generation_errors_total{error_type="model_not_found"}', 1],
    ['output_defects_total{model="procedural-synthesizer",kind="clipping"}', 0],
    ['model_inference_duration_seconds_count{model="gaussian-field",model_type="diffusion",alloy="Ti-6Al-4V"}', 1],
    ['model_accuracy{model_type="diffusion",validation_set="Ti-6Al-4V"}', (value) => value > 0.5 && value <= 1],
    ['cost_audio_seconds_total{tenant="anonymous",model="procedural-synthesizer"}', 2],
    ['active_sessions', 0],
  ];
  for (const [query, wanted] of metrics)
    it(`have the metric ${query}`, async () => {
      let found: number | undefined;
      await waitFor(
        query,
        async () => {
          found = (await prometheusQuery(stack.url('prometheus'), query))[0]?.value;
          return found !== undefined && (typeof wanted === 'number' ? found === wanted : wanted(found));
        },
        deadline,
      ).catch((error: unknown) => {
        throw new Error(`${query} is ${found}`, { cause: error });
      });
    });

  const traces: [keyof typeof done, string][] = [
    ['separate', '{ name = "task.chunk" && span.inference.lane != "" }'],
    ['separate', '{ name = "task.step" && span.task.step = "files.zip" }'],
    [
      'generate',
      '{ name = "model.inference" && span.prompt.length = 13 && span.audio.duration = 2 && span.audio.generated_samples = 88200 }',
    ],
    ['score', '{ name = "task" && span.task.kind = "score" && span.task.status = "success" }'],
    ['microstructure', '{ name = "model.inference" && span.inference.calls = 40 }'],
    ['speech', '{ span.http.route = "/v1/speech" && span.vitrine.trace.kept = "task" }'],
    ['refused', '{ name = "task" && span.error.type = "model_not_found" && status = error }'],
  ];
  for (const [kind, query] of traces)
    it(`have the span ${query} of ${kind}`, () =>
      waitFor(query, async () => (await tempoTraceIds(stack.url('tempo'), query)).has(done[kind].traceId), deadline));

  const events = {
    separate: 'audio_separation',
    generate: 'audio_generation',
    score: 'audio_scoring',
    microstructure: 'microstructure_generation',
    speech: 'speech_detection',
  } as const;
  for (const [kind, event] of Object.entries(events))
    it(`have the log line ${event}, with the trace that it belongs to`, async () => {
      const query = `{service_name="vitrine"} | event_type="${event}" | trace_id="${done[kind as keyof typeof events].traceId}"`;
      const [line] = await waitFor(
        event,
        async () => {
          const lines = await lokiLines(stack.url('loki'), query);
          return lines.length > 0 && lines;
        },
        deadline,
      );
      assert.equal(line?.labels.status, 'success');
      assert.equal(line?.labels.success, 'true');
      assert.ok(line?.labels.model);
      assert.equal(line?.labels.request_id, `request-${kind}`);
      assert.ok(Number(line?.labels.processing_duration_seconds) > 0);
      assert.ok(Number(line?.labels.duration_ms) > 0);
    });
});
