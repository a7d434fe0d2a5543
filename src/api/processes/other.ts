import type { RequestOptions } from 'node:http';

/** Another process or replica, and how it is asked; without `way` it cannot be. */
export type Other = {
  readonly name: number | string;
  readonly way?: { readonly options: RequestOptions; readonly isSecure: boolean; readonly secret: string } | undefined;
};
