import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PROJECT } from '../test/support/project.js';
import { PeerMissing } from './bench.js';

/** A server of one file, by NBD on a Unix socket. */
export interface Contender {
  readonly name: string;
  /** The command line that serves the file on the socket until it is ended. */
  readonly command: (file: string, socket: string) => readonly [program: string, ...args: string[]];
}

/** Our server in front of a plain file: what the protocol costs, without remaps. */
export const ours: Contender = {
  name: 'our server',
  command: (file, socket) => [
    process.execPath,
    join(PROJECT, 'dist', 'test', 'support', 'serve-file.js'),
    file,
    socket,
  ],
};

/** `dmremap serve` of this spare, with the file as its main. */
export function serving(name: string, spare: () => string, ...flags: readonly string[]): Contender {
  return {
    name,
    command: (file, socket) => [
      process.execPath,
      join(PROJECT, 'bin', 'run.js'),
      ...['serve', spare(), '--main', file, '--quiet'],
      ...['--unix', socket, '--control', `${socket}.ctl`, ...flags],
    ],
  };
}

export const nbdkit: Contender = {
  name: 'nbdkit file',
  command: (file, socket) => ['nbdkit', '-f', '-U', socket, 'file', file],
};

export const qemuNbd: Contender = {
  name: 'qemu-nbd',
  command: (file, socket) => [...QEMU_NBD, '-k', socket, file],
};

/** It has no direct I/O: what it has read and written it asks the system to forget. */
export const nbdkitUncached: Contender = {
  name: 'nbdkit file cache=none',
  command: (file, socket) => ['nbdkit', '-f', '-U', socket, 'file', file, 'cache=none'],
};

/** With direct I/O. */
export const qemuNbdDirect: Contender = {
  name: 'qemu-nbd --cache=none',
  command: (file, socket) => [...QEMU_NBD, '--cache=none', '-k', socket, file],
};

const QEMU_NBD = ['qemu-nbd', '-t', '-f', 'raw', '-e', '16'] as const;

/** A contender at work. */
export interface Running {
  readonly name: string;
  readonly uri: string;
  readonly socket: string;
  readonly pid: number;
}

const PATIENCE_MS = 5000;

/** Does work with all of them running, one file for each; ends them afterwards. */
export async function withServers<Result>(
  folder: string,
  contenders: readonly Contender[],
  fileFor: (contender: Contender) => string,
  work: (running: readonly Running[]) => Result | Promise<Result>,
): Promise<Result> {
  const children: ChildProcess[] = [];
  try {
    const running: Running[] = [];
    for (const [index, contender] of contenders.entries()) {
      const socket = join(folder, `nbd-${index}.sock`);
      rmSync(socket, { force: true });
      const [program, ...args] = contender.command(fileFor(contender), socket);
      const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
      children.push(child);
      await listening(child, program, socket);
      const uri = `nbd+unix:///?socket=${socket}`;
      running.push({ name: contender.name, uri, socket, pid: child.pid ?? 0 });
    }
    return await work(running);
  } finally {
    await Promise.all(children.map(ended));
  }
}

/** Some of them remove their socket at their very end, which must not be the next one's of that name. */
function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.pid === undefined || child.exitCode !== null) resolve();
    child.once('exit', () => resolve());
    child.kill();
  });
}

async function listening(child: ChildProcess, program: string, socket: string): Promise<void> {
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = 'code' in error && error.code === 'ENOENT' ? new PeerMissing(`${program} is not here`) : error;
  });
  for (let waited = 0; waited < PATIENCE_MS; waited += 20) {
    if (failure !== undefined) throw failure;
    if (existsSync(socket)) return;
    await delay(20);
  }
  throw new Error(`${program} does not listen`);
}
