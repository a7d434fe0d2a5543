import type { Request, Response } from 'express';
import { recordFailure } from '../../http/record-failure.ts';
import { requestTrace } from '../../http/trace-request.ts';
import { runTask } from '../../tasks/task.ts';
import type { TaskTools } from '../../tasks/task-tools.ts';
import type { TaskRequest } from '../../tasks/task-types.ts';
import { StreamedAnswer, type StreamType } from './streamed-answer.ts';

/** Does a task, and answers its sound while it is made. */
export async function streamTask(
  task: TaskRequest,
  tools: TaskTools,
  { request, response, type }: { request: Request; response: Response; type: StreamType },
): Promise<void> {
  const streamed = new StreamedAnswer(response, type, tools.config);
  const refused = streamed.refused.signal;
  try {
    const result = await runTask(task, {
      ...tools,
      signal: AbortSignal.any([tools.signal, refused]),
      grown: (sound) => streamed.grown(sound),
    });
    await streamed.end(result.facts);
  } catch (thrown) {
    const error: unknown = refused.aborted ? refused.reason : thrown;
    if (!(await streamed.failed(error))) throw error;
    recordFailure(error, request, requestTrace(response), { isGone: response.destroyed, isDecided: true });
  }
}
