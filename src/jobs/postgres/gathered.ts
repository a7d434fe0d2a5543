type Waiting<Given, Answer> = {
  readonly given: Given;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
};

/**
 * Sends together what comes while the sending before is on its way. What fails together is sent
 * again one by one, so that nobody fails for another.
 */
export class Gathered<Given, Answer> {
  readonly #send: (all: readonly Given[]) => Promise<readonly Answer[]>;
  #waiting: Waiting<Given, Answer>[] = [];
  #sending = false;

  /** `send` answers each in the order given. */
  constructor(send: (all: readonly Given[]) => Promise<readonly Answer[]>) {
    this.#send = send;
  }

  add(given: Given): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ given, resolve, reject });
      if (!this.#sending) void this.#sendAll();
    });
  }

  async #sendAll(): Promise<void> {
    this.#sending = true;
    while (this.#waiting.length > 0) {
      const all = this.#waiting.splice(0, togetherMax);
      try {
        const answers = await this.#send(all.map(({ given }) => given));
        for (const [at, { resolve }] of all.entries()) resolve(answers[at]!);
      } catch (error) {
        if (all.length === 1) all[0]!.reject(error);
        else for (const one of all) await this.#sendOne(one);
      }
    }
    this.#sending = false;
  }

  async #sendOne({ given, resolve, reject }: Waiting<Given, Answer>): Promise<void> {
    try {
      resolve((await this.#send([given]))[0]!);
    } catch (error) {
      reject(error);
    }
  }
}

const togetherMax = 256;
