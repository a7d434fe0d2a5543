/** The names of a class's methods. */
export type MethodOf<Served> = {
  [Name in keyof Served]: Served[Name] extends (...given: never[]) => unknown ? Name : never;
}[keyof Served] &
  string;

/** The methods of an object that lives in another thread. */
export type Remote<Served> = {
  readonly [Name in MethodOf<Served>]: Served[Name] extends (...given: infer Given) => infer Answer
    ? (...given: Given) => Promise<Awaited<Answer>>
    : never;
};

/** Each method of the class, done by `ask`. */
export function remote<Served>(
  served: { readonly prototype: Served },
  ask: (method: MethodOf<Served>, given: readonly unknown[]) => Promise<unknown>,
): Remote<Served> {
  const methods = Object.getOwnPropertyNames(served.prototype).filter((name) => name !== 'constructor');
  return Object.fromEntries(
    methods.map((name) => [name, (...given: unknown[]) => ask(name as MethodOf<Served>, given)]),
  ) as Remote<Served>;
}
