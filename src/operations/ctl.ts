import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ask } from '../control/client.js';
import { type RunFolder, runFolder, servedSets, socketsOf } from '../control/places.js';
import { DmremapError } from '../errors.js';
import { type Bytes, bytes } from '../units.js';
import { readMigrationLine } from './serve/migration-line.js';
import { readStatusLine, type Status } from './status.js';

export interface CtlOptions {
  /** Name and argument, as they are sent. */
  readonly words: readonly string[];
  /** The uuid of the set whose server is meant. */
  readonly set?: string;
  /** The control socket that is meant. */
  readonly control?: string;
  /** Where the sockets of servers lie; asked only where neither is given. */
  readonly folder: () => RunFolder;
}

/** Where the servers of this user have their sockets. */
export function usersFolder(): RunFolder {
  return runFolder(process.env, process.geteuid?.() === 0);
}

/**
 * Sends one message to a running server (dmremap ctl). Gives what it said after `ok`.
 *
 * @throws DmremapError `no-such-device` where no server answers, `ambiguous` where several do and none is named,
 * `usage`, `permission`; `io`, with what the server said, where it did not do what it was told
 */
export async function ctl(options: CtlOptions): Promise<string> {
  const message = messageOf(options.words);
  if (/[\r\n]/.test(message)) throw new DmremapError('usage', 'a message is one line');
  const answer = await ask(await socketFor(options), message);
  const [, verdict, text = ''] = /^(ok|error)(?: (.*))?$/s.exec(answer) ?? [];
  if (verdict === undefined)
    throw new DmremapError('io', `the server said ${JSON.stringify(answer.slice(0, 60))}`);
  if (verdict === 'error') throw new DmremapError('io', text);
  return text;
}

/**
 * The status of a running server.
 *
 * @throws DmremapError as ctl
 */
export async function liveStatusBehind(control: string): Promise<Status> {
  const line = await ctl({ words: ['status'], control, folder: usersFolder });
  const status = readStatusLine(line);
  if (status === undefined)
    throw new DmremapError('io', `${control} said ${JSON.stringify(line.slice(0, 60))}`);
  return status;
}

/** What is shown of a migration that is followed. */
export type MigrationProgress = (phase: string, done: Bytes, total: Bytes) => void;

/** Between two questions how far it is, in milliseconds. */
const ASK_EVERY = 250;

/**
 * Follows the migration of a running server to its end; gives its last word.
 *
 * @throws DmremapError `io` with the reason where it fails, `cancelled`; as ctl
 */
export async function followMigration(
  options: Omit<CtlOptions, 'words'>,
  progress: MigrationProgress,
): Promise<string> {
  for (;;) {
    const line = await ctl({ ...options, words: ['migrate-status'] });
    const told = readMigrationLine(line);
    if (told === undefined)
      throw new DmremapError('io', `the server said ${JSON.stringify(line.slice(0, 60))}`);
    if (told.phase === 'done' || told.phase === 'none') return line;
    if (told.phase === 'failed') throw new DmremapError('io', line);
    if (told.phase === 'cancelled') throw new DmremapError('cancelled', line);
    progress(told.phase, bytes(told.done), bytes(told.total));
    await delay(ASK_EVERY);
  }
}

/** Messages whose argument is a device. */
const ABOUT_DEVICES = ['attach', 'migrate'];

/** A path means what it means here, wherever the server was started; a tag is looked up there. */
function messageOf([name = '', ...rest]: readonly string[]): string {
  const argument = rest.join(' ');
  if (argument === '') return name;
  const isPath = ABOUT_DEVICES.includes(name) && !/^[A-Z]+=/.test(argument);
  return `${name} ${isPath ? resolve(argument) : argument}`;
}

async function socketFor({ set, control, folder }: CtlOptions): Promise<string> {
  if (control !== undefined) return control;
  return socketsOf(folder(), set ?? (await onlySet(folder()))).control;
}

/** The set whose server answers; what dead servers have left does not count. */
async function onlySet(folder: RunFolder): Promise<string> {
  const running: string[] = [];
  for (const set of await servedSets(folder))
    if (await answers(socketsOf(folder, set).control)) running.push(set);
  const [only, ...more] = running;
  if (only === undefined) throw new DmremapError('no-such-device', `no server is running in ${folder.path}`);
  if (more.length === 0) return only;
  throw new DmremapError('ambiguous', `${running.length} servers are running: ${running.join(', ')}`, {
    hint: 'name one with --set',
    data: { sets: running },
  });
}

/** Whether there is a server, which may be one that this user cannot ask. */
async function answers(socket: string): Promise<boolean> {
  try {
    await ask(socket, 'ping');
    return true;
  } catch (error) {
    if (error instanceof DmremapError && error.code === 'no-such-device') return false;
    throw error;
  }
}
