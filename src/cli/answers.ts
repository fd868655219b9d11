import { DmremapError } from '../errors.js';

/** What `--answer PROBLEM=CHOICE` says, by problem. Throws `usage` where one is malformed or contradicts another. */
export function parseAnswers(texts: readonly string[]): ReadonlyMap<string, string> {
  const answers = new Map<string, string>();
  for (const text of texts) {
    const [, key, choice] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (key === undefined || choice === undefined)
      throw new DmremapError('usage', `${JSON.stringify(text)} is no answer: PROBLEM=CHOICE`);
    const other = answers.get(key);
    if (other !== undefined && other !== choice)
      throw new DmremapError('usage', `two answers to ${key}: ${other} and ${choice}`);
    answers.set(key, choice);
  }
  return answers;
}
