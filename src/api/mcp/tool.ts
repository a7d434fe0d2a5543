import type { z } from 'zod';

/** Asks a route of the service, in the name of the client of the tool; throws its failure. */
export type Ask = (path: string, body?: object) => Promise<unknown>;

/** What an assistant may ask. */
export type Tool<Input extends z.ZodObject = z.ZodObject> = {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: Input;
  /** The answer, which is written as JSON, or as it is where it is a text. */
  readonly answer: (given: z.output<Input>, ask: Ask) => Promise<unknown>;
};

export function tool<Input extends z.ZodObject>(of: Tool<Input>): Tool {
  return of as unknown as Tool;
}
