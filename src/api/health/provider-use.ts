import { LoadedModel } from '../../engine/model.ts';
import type { ModelStatus } from '../../engine/registry/registry.ts';
import type { Shown } from './check.ts';

/** On what the models run, and which of them got another provider than they asked for, and why. */
export function providerUse(models: readonly ModelStatus[], shown: Shown) {
  // A pipeline runs nothing itself.
  const loaded = models.flatMap(({ model }) => (model instanceof LoadedModel ? model : []));
  const providers: Record<string, number> = {};
  for (const { report } of loaded) providers[report.provider] = (providers[report.provider] ?? 0) + 1;
  const fallen = loaded.filter(({ report }) => report.refused.length > 0);
  const fellBack = fallen
    .filter(({ name }) => shown.model(name))
    .flatMap(({ name, version, report: { provider, refused } }) =>
      refused.map(({ provider: wanted, reason }) => ({ model: name, version, wanted, provider, reason })),
    );
  const [first] = fellBack;
  return {
    providers,
    ...(fellBack.length > 0 && { fell_back: fellBack }),
    ...(fallen.length > 0 && {
      message: first
        ? `${first.model} runs on ${first.provider}, not on ${first.wanted}: ${first.reason}${fellBack.length > 1 ? `; fell_back has ${fellBack.length - 1} more` : ''}.`
        : `${fallen.length} of the models run on another provider than they ask for.`,
    }),
  };
}
