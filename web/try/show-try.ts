import { askJson } from '../asking/ask.ts';
import { element } from '../dom/element.ts';
import { failureNotice } from '../dom/notice.ts';
import { hashOf, type View } from '../route.ts';
import { fills } from './example-input.ts';
import { fillField, modelTrial, smallestOf } from './model-trial.ts';
import { type Trial, trials } from './trial.ts';
import { trialCard } from './trial-card.ts';

type Listed = { name: string; state: string };

/**
 * Choose something, give it a sound or words, see how far it is, hear and see what comes back; then
 * on to what became of the request.
 */
export const showTry: View = async (host, route, signal) => {
  const [, id = 'separate'] = route.path;
  const choices = [...trials.map(({ id: each, title }) => [each, title] as const), ['model', 'Any model'] as const];
  host.append(
    element(
      'header',
      { class: 'hero' },
      element('h1', {}, 'See what a model does, and where its time goes'),
      element(
        'p',
        { class: 'quiet lead' },
        'Everything here runs on this machine. Each call is traced; from its result you get to the request, its spans, its log lines and the GPU at that moment.',
      ),
    ),
    element(
      'nav',
      { class: 'segments big', 'aria-label': 'What to try' },
      choices.map(([each, title]) =>
        element('a', { href: `#/try/${each}`, 'aria-current': each === id ? 'page' : undefined }, title),
      ),
    ),
  );
  const trial = id === 'model' ? await chosenModel(route.parameters, signal) : trials.find((each) => each.id === id);
  if (!trial) {
    host.append(failureNotice(new Error('There is nothing of this name to try; choose one above.')));
    return;
  }
  const card = trialCard(trial, signal);
  // Another model takes other inputs, and they can be filled in other ways.
  for (const name of id === 'model' ? ['model', fillField] : [])
    card.querySelector<HTMLSelectElement>(`#field-${name}`)?.addEventListener('change', ({ target }) => {
      const chosen = new URLSearchParams(route.parameters);
      chosen.set(name, (target as HTMLSelectElement).value);
      location.hash = hashOf(['try', 'model'], chosen);
    });
  host.append(card);
};

async function chosenModel(parameters: URLSearchParams, signal: AbortSignal): Promise<Trial> {
  const listed = await askJson<Listed[]>('/v2/repository/index', { method: 'POST', body: '{"ready":true}', signal });
  const models = [...new Set(listed.map(({ name }) => name))].sort();
  const wanted = parameters.get('model');
  const model = models.find((each) => each === wanted) ?? (await smallestOf(models, signal));
  if (model === undefined) throw new Error('There is no model that is ready; load one in the view Models.');
  const fill = fills.find((each) => each === parameters.get(fillField)) ?? 'zeros';
  return modelTrial({ model, models, fill }, signal);
}
