/**
 * The last thing that was looked up, by a number and up to three words: most requests look for what
 * the one before looked for. Each key is always of one type: comparing is slow where types mix.
 */
export class LastFound<Value> {
  #number = Number.NaN;
  #a = '';
  #b = '';
  #c = '';
  #value: Value | undefined;

  get(number: number, a: string, b = '', c = ''): Value | undefined {
    return number === this.#number && a === this.#a && b === this.#b && c === this.#c ? this.#value : undefined;
  }

  set(value: Value, number: number, a: string, b = '', c = ''): Value {
    this.#number = number;
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#value = value;
    return value;
  }
}
