import { askJson } from '../asking/ask.ts';

export type SettingLine = {
  name: string;
  kind: string;
  says: string;
  default: string | number | boolean;
  /** For the administrator only. */
  value?: string | number | boolean;
  is_changed?: boolean;
};

export type FailureLine = {
  code: string;
  status: number;
  retryable: boolean;
  fault: 'caller' | 'left' | 'server';
  means: string;
};

export type Reference = { settings: SettingLine[]; failures: FailureLine[]; runbooks: string[] };

/** Settings, failures and runbooks by name. */
export function askReference(signal: AbortSignal): Promise<Reference> {
  return askJson<Reference>('/page/reference', { signal });
}
