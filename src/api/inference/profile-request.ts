import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { runProfileTwin } from '../../engine/lanes/profile-twin.ts';
import type { LoadedModel } from '../../engine/model.ts';
import { Pipeline } from '../../engine/pipelines/pipeline.ts';
import type { RunnableModel } from '../../engine/pipelines/runnable-model.ts';
import { withoutValues } from '../../engine/registry/onnx-messages.ts';
import { firstState } from '../../engine/sequences/model-state.ts';
import { bytesOfAll, type Tensor } from '../../engine/tensor.ts';
import { recordedReason, ServiceError } from '../../errors.ts';
import type { Caller } from '../../http/caller.ts';
import { makeFolder } from '../../make-folder.ts';
import { makeProfileSpans } from '../../observe/profile-spans.ts';
import type { RequestTrace } from '../../observe/request-trace.ts';
import { ours, say } from '../../sentence.ts';
import { log } from '../../telemetry/logger.ts';
import type { AccessControl } from '../access/access-control.ts';
import type { Client } from '../access/clients.ts';
import type { InferCall } from '../open-inference/infer-call.ts';
import type { TraceSettingsStore } from '../settings/trace-settings.ts';

type Parts = {
  config: Pick<Config, 'profilesMax' | 'profileMsMax' | 'profileBytesMax' | 'data' | 'telemetryOff'>;
  access: AccessControl;
  traceSettings: TraceSettingsStore;
};

/**
 * Operator profiles of single requests, by `X-Vitrine-Profile: 1` or by the model's profile_rate.
 * The answer is not touched: the same inputs run once more, after it, in a twin of the session.
 * Bounded in number, time and bytes; a request that finds no room is answered as ever, and its
 * trace says why there is no profile.
 */
export class Profiles {
  readonly #parts: Parts;
  readonly #seen = new Map<string, number>();
  #running = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Undefined for a request that nobody wants profiled; throws forbidden when who asks may not. */
  admit(request: Caller, client: Client, model: RunnableModel, trace: RequestTrace): ProfiledRequest | undefined {
    const { config, access } = this.#parts;
    if (trace.row === undefined) return undefined;
    const asked = request.headers['x-vitrine-profile'] === '1';
    if (!asked && !this.#isDue(model.name)) return undefined;
    if (asked && !access.mayAdminister(client) && client.key?.mayProfile !== true)
      throw new ServiceError(
        'forbidden',
        say`Cannot profile the request: the API key does not allow it; leave out X-Vitrine-Profile, or ask for "may_profile" in VITRINE_API_KEYS_FILE.`,
      );
    if (model instanceof Pipeline) {
      if (!asked) return undefined;
      throw new ServiceError(
        'invalid_request',
        say`Cannot profile the request: ${ours(model.name)} is a pipeline, which has no operators of its own; ask for a profile of a request to a model of its steps.`,
      );
    }
    trace.keep('profiled');
    if (this.#running >= config.profilesMax) {
      trace.profile = 'busy';
      return undefined;
    }
    this.#running += 1;
    return new ProfiledRequest(config, model, trace, () => {
      this.#running -= 1;
    });
  }

  #isDue(model: string): boolean {
    const { profile_rate: rate } = this.#parts.traceSettings.of(model);
    if (rate === 0) return false;
    const seen = (this.#seen.get(model) ?? 0) + 1;
    this.#seen.set(model, seen % rate);
    return seen % rate === 0;
  }
}

type Call = { readonly inputs: readonly Tensor[]; readonly outputs: readonly string[] | undefined };

/** One request that will be profiled, and holds a place for it until then. */
export class ProfiledRequest {
  readonly #config: Parts['config'];
  readonly #model: LoadedModel;
  readonly #trace: RequestTrace;
  readonly #release: () => void;
  #call: Call | undefined;

  constructor(config: Parts['config'], model: LoadedModel, trace: RequestTrace, release: () => void) {
    this.#config = config;
    this.#model = model;
    this.#trace = trace;
    this.#release = release;
  }

  /** Before the inputs go to the lane, which may take them: a copy stays here. */
  keep({ inputs: given, outputs, sequence }: Pick<InferCall, 'inputs' | 'outputs' | 'sequence'>): void {
    const { manifest } = this.#model;
    // How long operators take goes by the size of a state, which is what it was at the beginning.
    const inputs = sequence && manifest.state ? [...given, ...firstState(manifest, given)] : given;
    const bytes = bytesOfAll(inputs);
    if (bytes > this.#config.profileBytesMax) this.#trace.profile = 'too_large';
    else
      this.#call = {
        inputs: inputs.map((tensor) => ({ ...tensor, data: tensor.data.slice() as Tensor['data'] })),
        outputs,
      };
  }

  /** The connection has done with the request: from here on nobody waits. */
  left(): void {
    const isRan = this.#trace.row?.batch?.outcome === 'ran';
    if (!this.#call || !isRan) {
      this.#release();
      return;
    }
    this.#trace.profile = 'taken';
    void this.#run(this.#call).finally(this.#release);
  }

  async #run({ inputs, outputs }: Call): Promise<void> {
    const { data, profileMsMax, profileBytesMax } = this.#config;
    const { session, name, version } = this.#model;
    const run = this.#trace.runSpan();
    const startMs = Date.now();
    try {
      const { size } = await stat(session.file);
      if (size > profileBytesMax) throw new Error(`the model has ${size} bytes, more than VITRINE_PROFILE_BYTES_MAX`);
      const folder = join(data, 'profiles');
      await makeFolder(folder);
      const profile = await runProfileTwin({ session, inputs, outputs, folder, msMax: profileMsMax });
      makeProfileSpans(profile, { run, model: name, version, startMs, endMs: Date.now() });
    } catch (error) {
      log(
        'app',
        'warn',
        `There is no profile of a request to model ${name}: ${withoutValues(recordedReason(error))}`,
        { event_type: 'profile_failed', model: name, version },
        this.#trace.context,
      );
    }
  }
}
