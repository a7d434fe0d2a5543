import { type Setting, text } from './setting.ts';

/** Where files are, and the name of the deployment. */
export const folderSettings = {
  data: text('VITRINE_DATA', '.vitrine', 'Folder for everything written at run time. Give each stack its own.'),
  models: text('VITRINE_MODELS', 'models', 'The model repository.'),
  cache: text(
    'VITRINE_CACHE',
    '',
    'Folder for built servers; empty: vitrine/ in the user’s cache folder. Shared by all clones.',
  ),
  environment: text('VITRINE_ENVIRONMENT', 'development', 'deployment.environment.name on all telemetry.'),
} as const satisfies Record<string, Setting>;
