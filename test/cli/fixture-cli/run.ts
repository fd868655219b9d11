import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** The fixture program, as arguments for node. */
export const FIXTURE_CLI = join(import.meta.dirname, 'main.js');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunSettings {
  readonly env?: NodeJS.ProcessEnv;
  /** Sent when `ready` appears on standard error. */
  readonly signal?: NodeJS.Signals;
  /** Given on standard input, which is then closed. */
  readonly input?: string;
}

/** Everything in the environment that output depends on. */
const PLAIN: NodeJS.ProcessEnv = {
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  LC_ALL: 'C.UTF-8',
  TERM: 'xterm',
};

/** Runs the fixture program to its end. */
export function runFixture(args: readonly string[], settings: RunSettings = {}): Promise<Ended> {
  return runNode([FIXTURE_CLI, ...args], settings);
}

export function runNode(args: readonly string[], settings: RunSettings = {}): Promise<Ended> {
  const child = spawn(process.execPath, args, { env: { ...PLAIN, ...settings.env }, stdio: 'pipe' });
  let stdout = '';
  let stderr = '';
  let isSignalled = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (settings.signal !== undefined && !isSignalled && stderr.includes('ready')) {
      isSignalled = true;
      child.kill(settings.signal);
    }
  });
  child.stdin.end(settings.input ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Runs a shell script; `$fixture` in it runs the fixture program. */
export function runShell(script: string): Promise<Ended> {
  const child = spawn('bash', ['-c', script], {
    env: { ...PLAIN, fixture: `${process.execPath} ${FIXTURE_CLI}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
