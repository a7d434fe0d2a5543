import { modelMetadata } from '../../engine/registry/manifest.ts';
import type { Registry } from '../../engine/registry/registry.ts';
import { tritonConfig } from '../../engine/registry/triton-config.ts';
import { type FailureCode, ServiceError } from '../../errors.ts';
import type { AuditEntry } from '../access/audit-entry.ts';
import type { Client } from '../access/clients.ts';
import { statisticsFor, statisticsOf } from '../models/model-information.ts';
import { indexFor, type LoadParameters, load, unload } from '../models/model-repository.ts';
import type { MakeChange } from '../processes/make-changes.ts';
import type { Message } from './protocol/codec.ts';
import { modelConfigEnums } from './protocol/model-config-messages.ts';

type Parts = { readonly registry: Registry; readonly changes: MakeChange };

/** As Triton's: a model that is not ready, or that there is not, is an answer and no failure. */
export function readyOf({ registry }: Parts, message: Message): Message {
  try {
    registry.find(...nameAndVersion(message));
    return { ready: true };
  } catch (error) {
    if (error instanceof ServiceError && absences.includes(error.code)) return { ready: false };
    throw error;
  }
}

const absences: readonly FailureCode[] = ['model_not_found', 'model_not_ready'];

export function metadataOf({ registry }: Parts, message: Message): Message {
  const model = registry.find(...nameAndVersion(message));
  return modelMetadata(model.manifest, registry.versions(model.name));
}

/** The configuration that HTTP answers, with numbers for the words of enumerations. */
export function configOf({ registry }: Parts, message: Message): Message {
  const config = tritonConfig(registry.find(...nameAndVersion(message)).manifest);
  const { version_policy: policy } = config;
  const numbered = <Tensor extends { data_type: string }>(tensor: Tensor) => ({
    ...tensor,
    data_type: modelConfigEnums.DataType[tensor.data_type as keyof typeof modelConfigEnums.DataType],
  });
  return {
    config: {
      ...config,
      version_policy: 'specific' in policy ? { specific: { versions: policy.specific.versions.map(Number) } } : policy,
      input: config.input.map(numbered),
      output: config.output.map(numbered),
      ...(config.sequence_batching && {
        sequence_batching: { ...config.sequence_batching, state: config.sequence_batching.state.map(numbered) },
      }),
      instance_group: config.instance_group.map((group) => ({
        ...group,
        kind: modelConfigEnums['ModelInstanceGroup.Kind'].KIND_CPU,
      })),
      ...(config.ensemble_scheduling && {
        ensemble_scheduling: {
          step: config.ensemble_scheduling.step.map((step) => ({
            ...step,
            input_map: new Map(Object.entries(step.input_map)),
            output_map: new Map(Object.entries(step.output_map)),
          })),
        },
      }),
      parameters: new Map(Object.entries(config.parameters)),
    },
  };
}

/** Without a name: of every model that is ready and that the client may use. */
export function statisticsOfModels({ registry }: Parts, message: Message, client: Client): Message {
  const [name, version] = nameAndVersion(message);
  return { model_stats: name === '' ? statisticsFor(registry, client) : statisticsOf(registry, name, version) };
}

export async function repositoryIndexFor({ registry }: Parts, message: Message, client: Client): Promise<Message> {
  return { models: await indexFor(registry, client, message.ready === true) };
}

export async function loadByMessage(parts: Parts, message: Message, entry: AuditEntry): Promise<Message> {
  await load(parts, message.model_name as string, entry, async () => {
    const given = message.parameters as ReadonlyMap<string, Message>;
    const parameters = [...given].map(([name, { string_param: text }]) => [name, text ?? '']);
    return Object.fromEntries(parameters) as LoadParameters;
  });
  return {};
}

export async function unloadByMessage(parts: Parts, message: Message, entry: AuditEntry): Promise<Message> {
  await unload(parts, message.model_name as string, entry);
  return {};
}

function nameAndVersion({ name, version }: Message): [name: string, version: string | undefined] {
  return [name as string, version === '' ? undefined : (version as string)];
}
