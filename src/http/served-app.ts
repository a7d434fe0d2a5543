import type { Request, Response } from 'express';
import type { SharedBudget } from '../resilience/shared-budget.ts';
import type { HttpExchange } from './http-exchange.ts';

/** What the HTTP server serves. */
export type ServedApp = {
  readonly serve: (request: Request, response: Response) => void;
  readonly budgets: { readonly connections: SharedBudget };
  readonly exchange: HttpExchange;
};
