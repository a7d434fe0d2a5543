export type CheckStatus = 'healthy' | 'warning' | 'unhealthy';
export type Check = { status: CheckStatus; message?: string; [figure: string]: unknown };

/** What an answer may say to who asks. */
export type Shown = { model(name: string): boolean; sizes: boolean };
