/**
 * What went wrong in bringing the stack up, said to the person at the terminal in one sentence:
 * "Cannot <do what>: <current state>; <remedy, naming the setting>".
 */
export class StackFailure extends Error {
  override readonly name = 'StackFailure';
}
