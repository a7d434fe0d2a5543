import { type Setting, text } from './setting.ts';

/** Where files are, and the name of the deployment. */
export const folderSettings = {
  data: text('VITRINE_DATA', '.vitrine', 'Folder for everything written at run time. Give each stack its own.'),
  models: text(
    'VITRINE_MODELS',
    'models',
    'The model repository, or several with commas between: folders, s3://bucket/prefix, https://host/models.tar.gz#sha256=…. The first that has a model serves it. See docs/models-from-elsewhere.md.',
  ),
  cache: text(
    'VITRINE_CACHE',
    '',
    'Folder for servers; empty: vitrine/ in the user’s cache folder. Shared by all clones.',
  ),
  mirror: text(
    'VITRINE_MIRROR',
    '',
    'Address that stands in for https://github.com when archives of servers are downloaded. none: nothing is downloaded.',
  ),
  mirrorSums: text(
    'VITRINE_MIRROR_SHA256SUMS',
    '',
    'File with SHA-256 of archives on the mirror, as sha256sum prints it; they come before the pinned ones.',
  ),
  environment: text('VITRINE_ENVIRONMENT', 'development', 'deployment.environment.name on all telemetry.'),
} as const satisfies Record<string, Setting>;
