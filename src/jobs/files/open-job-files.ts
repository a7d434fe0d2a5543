import { fileURLToPath } from 'node:url';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import type { WorkFolders } from '../work-folders.ts';
import { FolderObjects } from './folder-objects.ts';
import type { JobFiles } from './job-files.ts';
import { localFiles } from './local-files.ts';
import { type S3FilesConfig, S3Objects } from './s3-objects.ts';
import { SharedFiles } from './shared-files.ts';

/** Where the settings want the files of jobs. */
export async function openJobFiles(
  config: S3FilesConfig & Pick<Config, 'databaseUrl' | 'filesLinks' | 'filesAbandonedMs'>,
  folders: WorkFolders,
): Promise<JobFiles> {
  const { files, databaseUrl } = config;
  if (files === '') {
    if (databaseUrl === '') return localFiles(folders);
    throw new ServiceError(
      'invalid_setting',
      'Cannot start: VITRINE_DATABASE_URL is set, and replicas that share jobs have to share their files; set VITRINE_FILES to file:///folder or s3://bucket/prefix.',
    );
  }
  if (/^file:\/\/\//.test(files)) return new SharedFiles(new FolderObjects(fileURLToPath(files)), config);
  if (/^s3:\/\/[^/]+/.test(files)) return new SharedFiles(await S3Objects.open(config), config);
  throw new ServiceError(
    'invalid_setting',
    'Cannot start: VITRINE_FILES is no place for files; write file:///folder, s3://bucket/prefix, or nothing.',
  );
}
