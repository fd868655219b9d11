import { ask } from '../control/client.js';
import { type RunFolder, servedSets, socketsOf } from '../control/places.js';
import { DmremapError } from '../errors.js';

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

export interface CtlResult {
  /** Whether the server did what it was told. */
  readonly done: boolean;
  /** What it said after `ok` or `error`. */
  readonly answer: string;
}

/**
 * Sends one message to a running server (dmremap ctl).
 *
 * @throws DmremapError `no-such-device` where no server answers, `ambiguous` where several do and none is named,
 * `usage`, `permission`, `io`
 */
export async function ctl(options: CtlOptions): Promise<CtlResult> {
  const message = options.words.join(' ');
  if (/[\r\n]/.test(message)) throw new DmremapError('usage', 'a message is one line');
  const answer = await ask(await socketFor(options), message);
  const [, verdict, text = ''] = /^(ok|error)(?: (.*))?$/s.exec(answer) ?? [];
  if (verdict === undefined)
    throw new DmremapError('io', `the server said ${JSON.stringify(answer.slice(0, 60))}`);
  return { done: verdict === 'ok', answer: text };
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
