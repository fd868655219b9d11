import { findRow } from '../check/catalogue/index.js';
import { DmremapError } from '../errors.js';

/**
 * What `--answer PROBLEM=CHOICE` says, by problem. Throws `usage` where one is malformed, names no
 * problem, or contradicts another.
 */
export function parseAnswers(texts: readonly string[]): ReadonlyMap<string, string> {
  const answers = new Map<string, string>();
  for (const text of texts) {
    const [, key, choice] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (key === undefined || choice === undefined)
      throw new DmremapError('usage', `${JSON.stringify(text)} is no answer: PROBLEM=CHOICE`);
    if (findRow(key.replace(/@.*$/, '')) === undefined)
      throw new DmremapError('usage', `there is no problem ${key}`, { hint: 'all of them: dmremap explain' });
    const other = answers.get(key);
    if (other !== undefined && other !== choice)
      throw new DmremapError('usage', `two answers to ${key}: ${other} and ${choice}`);
    answers.set(key, choice);
  }
  return answers;
}
