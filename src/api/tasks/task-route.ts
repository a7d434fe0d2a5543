import type { Request, Response } from 'express';
import type { Config } from '../../config.ts';
import type { Registry } from '../../engine/registry/registry.ts';
import { ServiceError } from '../../errors.ts';
import type { BodyReader } from '../../http/body-reader.ts';
import { recordStages, requestTrace } from '../../http/trace-request.ts';
import { leftSignal, whileOpen } from '../../http/while-open.ts';
import type { JobQueue } from '../../jobs/job-queue.ts';
import type { WorkFolder, WorkFolders } from '../../jobs/work-folders.ts';
import type { Lifecycle } from '../../lifecycle.ts';
import type { RequestTrace } from '../../observe/request-trace.ts';
import type { TaskKind } from '../../task-kinds.ts';
import { runTask } from '../../tasks/task.ts';
import { checkFiles } from '../../tasks/task-files.ts';
import type { TaskMetrics } from '../../tasks/task-metrics.ts';
import { checkStems, modelOf } from '../../tasks/task-model.ts';
import { checkParameters, fromText } from '../../tasks/task-parameters.ts';
import type { TaskRequest } from '../../tasks/task-types.ts';
import type { TaskThreads } from '../../tasks/threads/task-threads.ts';
import { attribute } from '../../telemetry/names/names.ts';
import { refuseModelOfOthers } from '../access/access-control.ts';
import type { Client } from '../access/clients.ts';
import type { Permits } from '../inference/permits.ts';
import { acceptJob, addJob, wantsJob } from '../jobs/accept-job.ts';
import { JobsElsewhere } from '../processes/jobs-elsewhere.ts';
import { answerWhenDone } from './answer-when-done.ts';
import { formatAccepted } from './format-accepted.ts';
import { readTaskJson } from './read-task-json.ts';
import { declaredBytes, receiveUpload } from './receive-upload.ts';
import { sendResult } from './send-result.ts';
import { streamTask } from './stream-task.ts';
import { type StreamType, streamWanted } from './streamed-answer.ts';
import { taskDeadline } from './task-deadline.ts';

export type TaskParts = {
  config: Config;
  registry: Registry;
  bodies: BodyReader;
  taskPermits: Permits;
  jobs: JobQueue | JobsElsewhere;
  lifecycle: Lifecycle;
  workFolders: WorkFolders;
  taskThreads: TaskThreads;
  taskMetrics: TaskMetrics;
};

/**
 * POST /v1/<kind>, of a client who was let in: how many, the parameters and files, the task, its
 * result. With `Prefer: respond-async` the task becomes a job. Uploads and results lie in a folder
 * of this request's own, which is removed with it whatever happens.
 */
export function taskRoute(kind: TaskKind, parts: TaskParts) {
  const { config, taskPermits, workFolders, jobs } = parts;
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const trace = requestTrace(response);
    const deadline = taskDeadline(request, config);
    const isWantedAsJob = wantsJob(request);
    if (isWantedAsJob && jobs instanceof JobsElsewhere) return await passOn(trace, () => jobs.pass(request, response));
    const left = holdPermit(response, taskPermits, { kind, client: client.name });
    const bytesDeclared = takesFiles(kind) ? declaredBytes(request, config) : 0;
    await using work = await workFolders.create(client.name, bytesDeclared, { forJob: wantsJob(request) });
    const { stream, ...task } = await readTask(kind, parts, { request, work, client, isWantedAsJob }).catch(
      (error: unknown) => {
        // It counts among the tasks that failed, as one that is refused later does; which model it meant is
        // not known.
        parts.taskMetrics.refused(kind, 'unknown', error instanceof ServiceError ? error.code : 'internal');
        throw error;
      },
    );
    trace.row?.bodyReceived(Number(request.headers['content-length'] ?? 0), 0);
    // From here on there are spans and a line of the task, which must not point to a trace that is
    // missing.
    const context = trace.keep('task');

    const ofJob = isWantedAsJob || (kind === 'separate' && task.parameters.format === 'json');
    if (ofJob) {
      if (jobs instanceof JobsElsewhere) return await passOn(trace, () => jobs.passTask(request, response, task));
      recordJob(trace, task, parts);
      if (isWantedAsJob) return await acceptJob({ jobs }, { request, response, client, work, task });
      // Links need something that is kept: the result of a job.
      const job = await addJob({ jobs }, { request, response, client, work, task });
      const { lifecycle } = parts;
      return await answerWhenDone({ jobs, lifecycle }, { response, job, deadlineAt: deadline.at, signal: left });
    }
    const tools = {
      config,
      registry: parts.registry,
      threads: parts.taskThreads,
      metrics: parts.taskMetrics,
      folder: work.path,
      signal: left,
      deadlineAt: deadline.at,
      deadlineSetBy: deadline.setBy,
      progress: () => undefined,
      reserve: (bytes: number) => workFolders.reserve(work.id, bytes),
      tenant: client.tenant,
      asker: trace,
      context,
      mayName: (model: string) => client.key?.mayUse(model) ?? true,
      belongsTo: { [attribute.requestId]: trace.requestId },
    };
    if (stream) return await streamTask(task, tools, { request, response, type: stream });
    const result = await runTask(task, tools);
    recordStages(response);
    await sendResult(response, result, config);
  };
}

/** The other process logs lines of the request, which must not point to a missing trace. */
function passOn(trace: RequestTrace, pass: () => Promise<void>): Promise<void> {
  trace.keep('task');
  trace.isForJob = true;
  return pass();
}

async function readTask(
  kind: TaskKind,
  { config, bodies, registry }: TaskParts,
  of: { request: Request; work: WorkFolder; client: Client; isWantedAsJob: boolean },
): Promise<TaskRequest & { readonly stream: StreamType | undefined }> {
  const { request, work, client } = of;
  const { fields, files } = takesFiles(kind)
    ? await receiveForm()
    : { fields: await readTaskJson(bodies, request), files: [] };
  checkFiles(kind, files);
  const given = { ...fromText(kind, request.query, config), ...fields };
  const stream = of.isWantedAsJob ? undefined : streamWanted(kind, request, given);
  const format = stream ? {} : formatAccepted(kind, request, given);
  const parameters = checkParameters(kind, { ...format, ...given }, config);
  refuseModelOfOthers(client, modelOf(kind, parameters));
  checkStems({ kind, parameters }, registry);
  return { kind, parameters, files, stream };

  async function receiveForm() {
    const form = await receiveUpload(request, work, config);
    return { ...form, fields: fromText(kind, form.fields, config) };
  }
}

/** What the request asks for is done by a job, which is recorded by itself when it has ended. */
function recordJob(trace: RequestTrace, { kind, parameters }: TaskRequest, { registry }: TaskParts): void {
  const name = modelOf(kind, parameters);
  trace.task = kind;
  trace.isForJob = true;
  if (registry.versions(name).length > 0) trace.servedBy = registry.find(name);
}

function takesFiles(kind: TaskKind): boolean {
  return kind === 'separate' || kind === 'score' || kind === 'speech';
}

/**
 * A task's permit, for as long as its answer is open; answers the signal that the caller has left.
 */
function holdPermit(
  response: Response,
  permits: Permits,
  { kind, client }: { kind: TaskKind; client: string },
): AbortSignal {
  whileOpen(response, () => {
    permits.take(kind, client);
    return { [Symbol.dispose]: () => permits.giveBack(kind, client) };
  });
  return leftSignal(response);
}
