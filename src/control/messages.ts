import { DmremapError } from '../errors.js';
import { parseSectors } from '../exchange/quantities.js';
import type { Controlled } from './controlled.js';

/** Carries a message out; the argument is what follows its name, undefined for nothing. */
type Action = (controlled: Controlled, argument: string | undefined) => Promise<string>;

/** The messages of cli.md, “Serving”. */
const MESSAGES: ReadonlyMap<string, Action> = new Map([
  ['save', plain((controlled) => controlled.save())],
  ['sync', plain((controlled) => controlled.save())],
  ['restore', withWord('discard', (controlled, discard) => controlled.restore(discard))],
  ['attach', (controlled, device) => controlled.attach(needed(device, 'a device'))],
  ['migrate', (controlled, device) => controlled.migrate(needed(device, 'a device'))],
  ['migrate-status', plain((controlled) => controlled.migrateStatus())],
  ['migrate-cancel', plain((controlled) => controlled.migrateCancel())],
  ['status', plain((controlled) => controlled.status())],
  ['metadata_status', plain((controlled) => controlled.status())],
  ['remap', (controlled, text) => controlled.remap(sectorsIn(text))],
  ['unremap', (controlled, text) => controlled.unremap(sectorsIn(text))],
  ['clear', plain((controlled) => controlled.clear())],
  ['verify', (controlled, text) => controlled.verify(sectorsIn(text))],
  ['ping', plain(async () => '')],
  ['stop', withWord('force', (controlled, force) => controlled.stop(force))],
]);

export const MESSAGE_NAMES: readonly string[] = [...MESSAGES.keys()];

/** Carries out one line and gives the line that answers it, without its end. Never rejects. */
export async function answerTo(line: string, controlled: Controlled): Promise<string> {
  try {
    const text = await carryOut(line, controlled);
    return text === '' ? 'ok' : `ok ${oneLine(text)}`;
  } catch (error) {
    return `error ${oneLine(textOf(error))}`;
  }
}

function carryOut(line: string, controlled: Controlled): Promise<string> {
  const [, name = '', argument] = /^\s*(\S*)(?:\s+(\S.*?))?\s*$/.exec(line) ?? [];
  const action = MESSAGES.get(name);
  if (action === undefined)
    throw usage(
      `there is no message ${JSON.stringify(name.slice(0, 60))}`,
      `one of ${MESSAGE_NAMES.join(', ')}`,
    );
  return action(controlled, argument);
}

function plain(action: (controlled: Controlled) => Promise<string>): Action {
  return (controlled, argument) => {
    if (argument !== undefined) throw usage('nothing may follow this message');
    return action(controlled);
  };
}

/** @param word the one that may follow */
function withWord(
  word: string,
  action: (controlled: Controlled, isGiven: boolean) => Promise<string>,
): Action {
  return (controlled, argument) => {
    if (argument !== undefined && argument !== word)
      throw usage(`nothing but ${word} may follow this message`);
    return action(controlled, argument === word);
  };
}

function needed(argument: string | undefined, what: string): string {
  if (argument === undefined) throw usage(`${what} has to follow this message`);
  return argument;
}

function sectorsIn(text: string | undefined) {
  return parseSectors(needed(text, 'a sector'));
}

function usage(message: string, hint?: string): DmremapError {
  return new DmremapError('usage', message, hint === undefined ? {} : { hint });
}

function textOf(error: unknown): string {
  if (error instanceof DmremapError && error.hint !== undefined) return `${error.message}: ${error.hint}`;
  return error instanceof Error ? error.message : String(error);
}

function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, ' ');
}
