import type { Config } from '../../config.ts';
import type { FetchedStanding } from '../../engine/places/model-repository.ts';
import type { ModelStatus, Registry } from '../../engine/registry/registry.ts';
import type { ServerTls } from '../../http/tls/server-tls.ts';
import type { JobQueue } from '../../jobs/job-queue.ts';
import type { Lifecycle } from '../../lifecycle.ts';
import type { Beat } from '../../processes/messages.ts';
import type { Telemetry } from '../../running-telemetry.ts';
import type { Gpu } from '../../telemetry/host/gpu/start-gpu.ts';
import type { AccessControl } from '../access/access-control.ts';
import type { Check, CheckStatus, Shown } from './check.ts';
import { gpuCount } from './gpu-presence.ts';
import { placesCheck } from './places-check.ts';
import { providerUse } from './provider-use.ts';
import { CpuMeter, type CpuUse, type DiskUse, diskUse, type MemoryUse, memoryUse } from './resource-use.ts';

export type Seen = Outside & { models: readonly ModelStatus[] };

/** What takes a look outside the process; all health answers of a second are made from the same. */
type Outside = {
  /** Any place of VITRINE_MODELS. */
  isRepositoryThere: boolean;
  /** The places that are downloaded. */
  places: readonly FetchedStanding[];
  disk: DiskUse | undefined;
  memory: MemoryUse;
  cpu: CpuUse | undefined;
  gpus: number;
  /** How long the jobs' database took to answer. */
  databaseMs: number | undefined;
  /**
   * Databases of jobs that were damaged, with their uploads and results, as long as nobody has dealt
   * with them.
   */
  setAside: readonly string[];
};

type HealthConfig = Pick<
  Config,
  'data' | 'gpuRequired' | 'healthCpuPercentMax' | 'healthDiskFreePercentCritical' | 'healthDiskFreePercentMin'
>;

export type HealthParts = {
  config: HealthConfig;
  lifecycle: Lifecycle;
  registry: Registry;
  telemetry: Telemetry;
  jobs: Pick<JobQueue, 'storeTrouble' | 'foldersSetAside' | 'storeAnswerMs'>;
  gpu?: (() => Pick<Gpu, 'figures'>) | undefined;
  access: Pick<AccessControl, 'keysStaleSince'>;
  tls: Pick<ServerTls, 'trouble'>;
};

/**
 * How the service is. A look costs a few small files and is kept for a second, however many ask.
 */
export class HealthChecks {
  readonly #parts: HealthParts;
  readonly #cpu = new CpuMeter();
  #look: { at: number; seen: Promise<Outside> } | undefined;

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  /** What lies outside the process is kept for a moment; the models are as they are now. */
  async see(): Promise<Seen> {
    const now = performance.now();
    if (this.#look === undefined || now - this.#look.at > keptMs) this.#look = { at: now, seen: this.#lookAgain() };
    return { ...(await this.#look.seen), models: this.#parts.registry.models() };
  }

  models(seen: Seen, shown: Shown): Check {
    const { models } = seen;
    const by = (state: ModelStatus['state']) => models.filter((model) => model.state === state);
    const failed = by('unavailable').filter(({ reason }) => reason !== 'not loaded' && reason !== 'unloaded');
    const open = models.filter(({ model }) => model !== undefined && model.breakerState !== 'closed');
    const figures = { loaded: by('ready').length, loading: by('loading').length, failed: failed.length };
    const { registry } = this.#parts;
    if (!registry.healthy)
      return {
        status: 'unhealthy',
        ...figures,
        message: `${registry.abandonedLanes} threads are stuck in a run that does not end: the process has to be replaced.`,
      };
    const { lifecycle } = this.#parts;
    if (lifecycle.state !== 'starting' && !this.#servesModels(seen))
      return {
        status: 'unhealthy',
        ...figures,
        message: seen.isRepositoryThere
          ? 'No model serves: none could be loaded from the folder of VITRINE_MODELS; POST /v2/repository/index has the reasons.'
          : seen.places.length > 0
            ? 'No model serves: no place of VITRINE_MODELS can be used; model_places has the reasons.'
            : 'No model serves: the folder of VITRINE_MODELS is not there; correct the setting, or put the folder back.',
      };
    if (failed.length > 0)
      return {
        status: 'warning',
        ...figures,
        message: `Not loaded: ${namesOf(failed, shown, ({ name, version }) => (version === '' ? name : `${name} version ${version}`))}; POST /v2/repository/index has the reasons.`,
      };
    if (open.length > 0)
      return {
        status: 'warning',
        ...figures,
        message: `Left alone after failures: ${namesOf(open, shown, ({ name }) => name)}.`,
      };
    return { status: 'healthy', ...figures };
  }

  /** The places that models are downloaded from; undefined where there is none. */
  modelPlaces({ places }: Seen, shown: Shown): Check | undefined {
    return places.length === 0 ? undefined : placesCheck(places, shown);
  }

  /**
   * The breaker of each loaded model, and that of the loading of each model which has failed too
   * often.
   */
  breakers({ models }: Seen, shown: Shown): Record<string, string> {
    const running = models.flatMap(({ name, version, model }) =>
      model && shown.model(name) ? [[`${name}/${version}`, model.breakerState]] : [],
    );
    const loading = Object.entries(this.#parts.registry.loadBreakers()).flatMap(([name, state]) =>
      state !== 'closed' && shown.model(name) ? [[`${name}/loading`, state]] : [],
    );
    return Object.fromEntries([...running, ...loading]);
  }

  disk({ disk }: Seen, { sizes }: { sizes: boolean }): Check {
    const { healthDiskFreePercentMin, healthDiskFreePercentCritical } = this.#parts.config;
    if (disk === undefined)
      return { status: 'warning', message: 'The disk of VITRINE_DATA cannot be asked how full it is.' };
    const { freePercent, freeBytes, totalBytes } = disk;
    const figures = { free_percent: freePercent, ...(sizes && { free_bytes: freeBytes, total_bytes: totalBytes }) };
    if (freePercent < healthDiskFreePercentCritical)
      return {
        status: 'unhealthy',
        ...figures,
        message: `${freePercent} % of the disk is free, less than ${healthDiskFreePercentCritical} % (VITRINE_HEALTH_DISK_FREE_PERCENT_CRITICAL); free the disk of VITRINE_DATA.`,
      };
    if (freePercent < healthDiskFreePercentMin)
      return {
        status: 'warning',
        ...figures,
        message: `${freePercent} % of the disk is free, less than ${healthDiskFreePercentMin} % (VITRINE_HEALTH_DISK_FREE_PERCENT_MIN).`,
      };
    return { status: 'healthy', ...figures };
  }

  memory({ memory }: Seen, percentMax: number): Check {
    const figures = {
      used_percent: memory.usedPercent,
      used_bytes: memory.usedBytes,
      limit_bytes: memory.limitBytes,
      of: memory.of,
    };
    if (memory.usedPercent <= percentMax) return { status: 'healthy', ...figures };
    return {
      status: 'warning',
      ...figures,
      message: `More than ${percentMax} % of the ${memory.of}’s memory is in use.`,
    };
  }

  cpu({ cpu }: Seen): Check {
    if (cpu === undefined) return { status: 'healthy', message: 'It is being measured; ask again in a second.' };
    const { healthCpuPercentMax } = this.#parts.config;
    const figures = { used_percent: cpu.usedPercent, cores: cpu.cores, of: cpu.of };
    if (cpu.usedPercent <= healthCpuPercentMax) return { status: 'healthy', ...figures };
    return {
      status: 'warning',
      ...figures,
      message: `More than ${healthCpuPercentMax} % of the ${cpu.of}’s processors are in use.`,
    };
  }

  gpu({ gpus, models }: Seen, shown: Shown): Check {
    const use = providerUse(models, shown);
    const said = use.message === undefined ? '' : ` ${use.message}`;
    if (gpus > 0)
      return {
        status: use.message === undefined ? 'healthy' : 'warning',
        count: gpus,
        devices: shown.sizes ? (this.#parts.gpu?.().figures() ?? []) : undefined,
        ...use,
      };
    if (this.#parts.config.gpuRequired)
      return { status: 'unhealthy', count: 0, ...use, message: 'There is no GPU, and VITRINE_GPU_REQUIRED is on.' };
    return { status: 'warning', count: 0, ...use, message: `There is no GPU; models run on the processor.${said}` };
  }

  telemetry(): Check {
    const message = this.#parts.telemetry.spoolTrouble();
    return message === undefined ? { status: 'healthy' } : { status: 'warning', message };
  }

  certificates(): Check {
    const message = this.#parts.tls.trouble;
    return message === undefined ? { status: 'healthy' } : { status: 'warning', message };
  }

  /** Asked without a key: why the file cannot be used is in the security log only. */
  apiKeys(): Check {
    const since = this.#parts.access.keysStaleSince;
    if (since === undefined) return { status: 'healthy' };
    return {
      status: 'warning',
      stale_since: since.toISOString(),
      message: `The keys in force may be old: their file or provider has not been usable since ${since.toISOString()}; the security log says why.`,
    };
  }

  /**
   * The jobs' database. One that cannot be written at the moment refuses jobs; one that is gone asks
   * for a new process.
   */
  database({ setAside, databaseMs }: Seen): Check {
    const trouble = this.#parts.jobs.storeTrouble;
    const figures = {
      in_use: true,
      response_time_ms: databaseMs === undefined ? undefined : Math.round(databaseMs * 100) / 100,
    };
    if (trouble === undefined && databaseMs === undefined)
      return { status: 'warning', ...figures, message: 'The jobs’ database did not answer within a second.' };
    if (trouble === undefined && setAside.length === 0) return { status: 'healthy', ...figures };
    if (trouble === undefined)
      return {
        status: 'warning',
        ...figures,
        set_aside: setAside,
        message: `The jobs' database was damaged or gone: it lies with the uploads and results that belong to no job that could be read as ${setAside.join(', ')} in VITRINE_DATA/service; see what is needed of it, then move it away.`,
      };
    return { status: trouble.usable ? 'warning' : 'unhealthy', ...figures, message: trouble.message };
  }

  /** What a request needs; the service takes work when all are true. */
  readiness(seen: Seen): { database: boolean; gpu: boolean; disk_space: boolean; models_loaded: boolean } {
    const { lifecycle, registry } = this.#parts;
    return {
      database: this.database(seen).status !== 'unhealthy',
      gpu: this.gpu(seen, nothingShown).status !== 'unhealthy',
      disk_space: this.disk(seen, { sizes: false }).status !== 'unhealthy',
      models_loaded: lifecycle.state !== 'starting' && this.#servesModels(seen) && registry.healthy,
    };
  }

  /** It takes work. */
  fit(seen: Seen): boolean {
    return this.#parts.lifecycle.state === 'ready' && Object.values(this.readiness(seen)).every(Boolean);
  }

  /** What the other processes learn of this one; of the jobs, where it has them. */
  async beat(inFlight: number, hasJobs: boolean): Promise<Beat> {
    const seen = await this.see();
    const { registry, jobs } = this.#parts;
    return {
      healthy: registry.healthy,
      fit: this.fit(seen),
      inFlight,
      jobs: hasJobs ? { trouble: jobs.storeTrouble, setAside: seen.setAside, answerMs: seen.databaseMs } : undefined,
    };
  }

  /** Some model serves; or none is meant to yet, and those that will be asked for can be there. */
  #servesModels({ models, isRepositoryThere }: Seen): boolean {
    if (models.some(({ state }) => state === 'ready')) return true;
    return isRepositoryThere && !this.#parts.registry.expectsModels;
  }

  async #lookAgain(): Promise<Outside> {
    const { config, jobs, registry } = this.#parts;
    const { repository } = registry;
    const [disk, memory, cpu, gpus, setAside, databaseMs, isRepositoryThere, places] = await Promise.all([
      // The folder may be away with its disk: that is a warning, not a defect.
      diskUse(config.data).catch(() => undefined),
      memoryUse(),
      this.#cpu.look(),
      gpuCount(),
      jobs.foldersSetAside().catch(() => []),
      jobs.storeAnswerMs(),
      repository.isThere(),
      repository.standingsNow(),
    ]);
    return { disk, memory, cpu, gpus, setAside, databaseMs, isRepositoryThere, places };
  }
}

/** The names that may be shown; of the others, how many. */
function namesOf(models: readonly ModelStatus[], shown: Shown, say: (model: ModelStatus) => string): string {
  const named = models.filter(({ name }) => shown.model(name)).map(say);
  const others = models.length - named.length;
  return [
    ...named.slice(0, 10),
    ...(others > 0 ? [`${others} ${named.length > 0 ? 'more' : 'of the models'}`] : []),
  ].join(', ');
}

const keptMs = 1000;
const nothingShown: Shown = { model: () => false, sizes: false };

export function worst(statuses: readonly CheckStatus[]): CheckStatus {
  return statuses.includes('unhealthy') ? 'unhealthy' : statuses.includes('warning') ? 'warning' : 'healthy';
}
