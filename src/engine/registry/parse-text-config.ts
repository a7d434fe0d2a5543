import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';

const depthMax = 16;
const charsMax = 1_000_000;

type Value = string | number | boolean | Message | Value[];
type Message = { [name: string]: Value };

/**
 * The text format of protocol buffers, as Triton's config.pbtxt is written: fields, messages, lists.
 * A field that stands more than once is a list. Throws invalid_model with the line.
 */
export function parseTextConfig(text: string, source: string): Message {
  if (text.length > charsMax) throw unreadable(source, 1, `it has more than ${charsMax} characters`);
  const reader = new TextReader(text, source);
  const message = reader.message(undefined, 0);
  return message;
}

/** One token: a text, a sign, or a word (a name, a number, true). */
type Token = { readonly kind: 'text' | 'sign' | 'word' | 'end'; readonly value: string; readonly line: number };

const tokenPattern = /(\s+|#[^\n]*)|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|([{}[\]:,;<>])|([-+.\w]+)/y;

class TextReader {
  readonly #text: string;
  readonly #source: string;
  #at = 0;
  #line = 1;
  #next: Token;

  constructor(text: string, source: string) {
    this.#text = text;
    this.#source = source;
    this.#next = this.#read();
  }

  /** Until its closing sign, or the end of the text. */
  message(closing: string | undefined, depth: number): Message {
    if (depth > depthMax) throw this.#refused('it is nested too deeply');
    const fields: Message = Object.create(null);
    for (;;) {
      const token = this.#take();
      if (token.kind === 'end' && closing === undefined) return fields;
      if (token.value === closing && token.kind === 'sign') return fields;
      if (token.kind !== 'word' || !/^[A-Za-z_]\w*$/.test(token.value))
        throw this.#refused(
          token.kind === 'end' ? `"${closing}" is missing` : `"${token.value}" is no name of a field`,
        );
      const isMarked = this.#skip(':');
      const value = this.#value(isMarked, depth);
      const before = fields[token.value];
      fields[token.value] =
        before === undefined
          ? value
          : [...(Array.isArray(before) ? before : [before]), ...(Array.isArray(value) ? value : [value])];
      if (!this.#skip(',')) this.#skip(';');
    }
  }

  #value(isMarked: boolean, depth: number): Value {
    if (this.#skip('{')) return this.message('}', depth + 1);
    if (this.#skip('<')) return this.message('>', depth + 1);
    if (this.#skip('[')) {
      const list: Value[] = [];
      while (!this.#skip(']')) {
        if (this.#next.kind === 'end') throw this.#refused('"]" is missing');
        list.push(this.#value(true, depth + 1));
        this.#skip(',');
      }
      return list;
    }
    const token = this.#take();
    if (!isMarked) throw this.#refused(`":" or "{" is missing before "${token.value}"`);
    if (token.kind === 'text') {
      let text = token.value;
      // Texts side by side are one.
      while (this.#next.kind === 'text') text += this.#take().value;
      return text;
    }
    if (token.kind !== 'word') throw this.#refused('a value is missing');
    if (token.value === 'true' || token.value === 'false') return token.value === 'true';
    return /^[-+]?(\d|\.\d)/.test(token.value) ? this.#number(token.value) : token.value;
  }

  #number(word: string): number {
    const number = Number(word.replace(/f$/, ''));
    if (Number.isNaN(number)) throw this.#refused(`"${word}" is no number`);
    return number;
  }

  #skip(sign: string): boolean {
    if (this.#next.kind !== 'sign' || this.#next.value !== sign) return false;
    this.#take();
    return true;
  }

  #take(): Token {
    const token = this.#next;
    if (token.kind !== 'end') this.#next = this.#read();
    return token;
  }

  #read(): Token {
    for (;;) {
      if (this.#at >= this.#text.length) return { kind: 'end', value: '', line: this.#line };
      tokenPattern.lastIndex = this.#at;
      const found = tokenPattern.exec(this.#text);
      if (!found) throw this.#refused(`"${this.#text.slice(this.#at, this.#at + 20)}" cannot be read`);
      const { 0: whole, 1: blank, 2: quoted, 3: sign } = found;
      this.#at += whole.length;
      const line = this.#line;
      if (blank !== undefined) {
        this.#line += blank.split('\n').length - 1;
        continue;
      }
      if (quoted !== undefined) return { kind: 'text', value: unescaped(quoted.slice(1, -1)), line };
      return { kind: sign === undefined ? 'word' : 'sign', value: whole, line };
    }
  }

  #refused(why: string): ServiceError {
    return unreadable(this.#source, this.#line, why);
  }
}

function unescaped(text: string): string {
  const signs: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };
  return text.replace(/\\(.)/g, (_, sign: string) => signs[sign] ?? sign);
}

function unreadable(source: string, line: number, why: string): ServiceError {
  return new ServiceError(
    'invalid_model',
    say`Cannot use ${ours(source)}: line ${line}: ${ours(why)}; correct it, or write a model.json.`,
  );
}
