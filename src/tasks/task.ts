import { accountForTask } from './account-for-task.ts';
import { modelForTask, modelOf } from './task-model.ts';
import { checkParameters } from './task-parameters.ts';
import type { TaskTools } from './task-tools.ts';
import type { TaskRequest, TaskResult } from './task-types.ts';

/**
 * Does one task: cheap checks first, then the work in a thread. When it settles, nothing runs any
 * more and the folder may be removed. Every outcome is counted, traced and logged here.
 */
export async function runTask(request: TaskRequest, tools: TaskTools): Promise<TaskResult> {
  const checked = { ...request, parameters: checkParameters(request.kind, request.parameters, tools.config) };
  return accountForTask(checked, modelOf(request.kind, checked.parameters), tools, (record) => {
    const model = modelForTask(checked, tools.registry, tools.mayName);
    if (model) record.uses(tools.registry.find(model.name, model.version));
    return tools.threads.run({ request: checked, model }, { ...tools, record });
  });
}
