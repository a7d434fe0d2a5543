import { parent } from '../threads/parent.ts';
import { differenceOf } from './compare-exchanges.ts';
import { fastExchange } from './fast-exchange.ts';

// The thread in which the exchanges are compared: see choose-exchange.ts.

/** Absent: there is none. */
export type Compared = { readonly difference?: string | undefined };

parent<never, Compared>().send({ difference: await differenceOf(fastExchange) });
