import { choice, flag, integer, type Setting, text } from './setting.ts';

/** Where the uploads and results of jobs lie. */
export const fileSettings = {
  files: text(
    'VITRINE_FILES',
    '',
    'Where the files of jobs lie: file:///folder that all replicas mount, or s3://bucket/prefix. Empty: the folder of VITRINE_DATA, for one replica. Credentials of S3 come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from the files and roles that AWS’ own tools use.',
  ),
  s3Endpoint: text(
    'VITRINE_S3_ENDPOINT',
    '',
    'Address of an S3 that is not AWS’: https://s3.example.com:9000. For VITRINE_FILES and for VITRINE_MODELS.',
  ),
  s3Region: text('VITRINE_S3_REGION', 'us-east-1', 'The region of the bucket.'),
  s3PathStyle: flag(
    'VITRINE_S3_PATH_STYLE',
    true,
    'Whether the bucket is part of the path rather than of the name of the host. Most servers besides AWS’ want that.',
  ),
  s3PartBytes: integer(
    'VITRINE_S3_PART_BYTES',
    8 * 1024 ** 2,
    5 * 1024 ** 2,
    1024 ** 3,
    'Size of the parts that a large file is sent in. A part that fails is sent again alone; each transfer holds four in memory.',
  ),
  filesLinks: choice(
    'VITRINE_FILES_LINKS',
    'service',
    ['service', 'signed'],
    'How callers get results from S3: the service passes them on, or answers with a link to the bucket that is signed.',
  ),
  filesLinkSeconds: integer(
    'VITRINE_FILES_LINK_SECONDS',
    300,
    10,
    7 * 86_400,
    'How long a signed link to a result can be used.',
  ),
  filesMsMax: integer(
    'VITRINE_FILES_MS_MAX',
    30_000,
    100,
    3_600_000,
    'How long S3, or an https address of VITRINE_MODELS, may be silent in the middle of a transfer before it is tried again.',
  ),
  filesAbandonedMs: integer(
    'VITRINE_FILES_ABANDONED_MS',
    86_400_000,
    1_000,
    365 * 86_400_000,
    'Age at which files that no job owns, and parts of unfinished transfers, are removed from VITRINE_FILES.',
  ),
} as const satisfies Record<string, Setting>;
