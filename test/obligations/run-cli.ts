/** Runs the two programs as people do, a process of its own for each command line; or in a thread. */
import { type SpawnOptions, spawn } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT } from '../support/project.js';
import { runInThread } from './in-thread.js';

export const DMREMAP = join(PROJECT, 'bin', 'run.js');
export const FSCK = join(PROJECT, 'bin', 'fsck.dmremap3.js');

export interface Ended {
  /** Null where a signal ended it: our own after the time limit, or a crash. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunSettings {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Given on standard input, which is then closed. Without it standard input is /dev/null. */
  readonly input?: string;
}

/**
 * Everything in the environment that output depends on. There is no place for undo files unless a test gives
 * one: what ought to change nothing could otherwise leave files on the machine of whoever runs the tests.
 */
export const PLAIN: NodeJS.ProcessEnv = {
  PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
  HOME: '/nonexistent',
  LC_ALL: 'C.UTF-8',
  TERM: 'xterm',
  DMREMAP_STATE_DIR: '/proc/no-undo-files-here',
};

/** Nothing that is run here takes longer; what does is hanging. */
const PATIENCE_MS = 30_000;

export function dmremap(args: readonly string[], settings?: RunSettings): Promise<Ended> {
  return runProgram([process.execPath, DMREMAP, ...args], settings);
}

export function fsck(args: readonly string[], settings?: RunSettings): Promise<Ended> {
  return runProgram([process.execPath, FSCK, ...args], settings);
}

/**
 * dmremap in a thread (in-thread.ts), which takes half the time. Not a server, which has signals, a nice value and
 * programs of its own; and whoever names a folder must have it for himself.
 */
export function dmremapInThread(args: readonly string[], settings: RunSettings = {}): Promise<Ended> {
  const { cwd, env, input = '' } = settings;
  if (args[0] === 'serve' || cwd !== undefined) return dmremap(args, settings);
  return runInThread(DMREMAP, args, { env: { ...PLAIN, ...env }, input, patience: PATIENCE_MS });
}

/**
 * Runs a shell script, in which `$dmremap` and `$fsck` are the programs; more words become $1, $2, … A pipe
 * ends with the code of the program that failed.
 */
export function shell(
  script: string,
  words: readonly string[] = [],
  settings: RunSettings = {},
): Promise<Ended> {
  const env = {
    dmremap: `${process.execPath} ${DMREMAP}`,
    fsck: `${process.execPath} ${FSCK}`,
    ...settings.env,
  };
  return runProgram(['bash', '-o', 'pipefail', '-c', script, 'bash', ...words], { ...settings, env });
}

/**
 * Runs it as somebody who is not the owner of what he names. Root is bereft of its capabilities, since only
 * they let it into files of others; unlike another user it can still reach a project in its own home.
 */
export function withoutPrivileges(args: readonly string[], settings?: RunSettings): Promise<Ended> {
  const drop = process.geteuid?.() === 0 ? ['setpriv', '--inh-caps=-all', '--bounding-set=-all'] : [];
  return runProgram([...drop, process.execPath, DMREMAP, ...args], settings);
}

/** Any program, to its end, with what it printed. */
export function runProgram(command: readonly string[], settings: RunSettings = {}): Promise<Ended> {
  const [program = '', ...args] = command;
  const { env, cwd, input } = settings;
  const options: SpawnOptions = {
    env: { ...PLAIN, ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
    ...(cwd === undefined ? {} : { cwd }),
  };
  const child = spawn(program, args, options);
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A program that fails at once closes its input before all of it was given.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Runs it with nobody at the other end of its standard output; what it says on standard error, and its code. */
export function withReaderGone(args: readonly string[], settings: RunSettings = {}): Promise<Ended> {
  const child = spawn(process.execPath, [DMREMAP, ...args], {
    env: { ...PLAIN, ...settings.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  });
  // Long before the program has anything to say.
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout: '', stderr }));
  });
}
