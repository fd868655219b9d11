import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { healthyImage, MAIN_SECTORS } from '../obligations/commands.js';
import { DMREMAP, type Ended, PLAIN, runProgram } from '../obligations/run-cli.js';
import type { Workshop } from '../obligations/workshop.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert } from '../support/harness.js';

/** A server in a process of its own, which may not accept clients yet. */
export interface Started {
  readonly socket: string;
  readonly control: string;
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** One that accepts clients. */
export interface Server extends Started {
  readonly uri: string;
  /** Asks it to end; how it did. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
}

/**
 * Begins to serve a set, at a Unix socket unless a port is told; what is left of the process ends with the
 * workshop.
 */
export function start(shop: Workshop, spare: string, main: string, more: readonly string[] = []): Started {
  const [socket, control] = [shop.path('set.nbd'), shop.path('set.ctl')];
  const place = more.includes('--port') ? [] : ['--unix', socket];
  const line = [DMREMAP, 'serve', spare, '--main', main, ...place, '--control', control, ...more];
  const child = spawn(process.execPath, line, {
    env: { ...PLAIN, ...shop.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  shop.atEnd(() => void child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return { socket, control, child, ended };
}

/** Serves a set; what is left of the process ends with the workshop. */
export async function serve(
  shop: Workshop,
  spare: string,
  main: string,
  more: readonly string[] = [],
): Promise<Server> {
  const started = start(shop, spare, main, more);
  const { child, ended } = started;
  const uri = await new Promise<string>((resolve, reject) => {
    let said = '';
    child.stdout?.on('data', (text: string) => {
      said += text;
      if (said.includes('\n')) resolve(said.split('\n')[0] ?? '');
    });
    void ended.then(({ code, stderr }) => reject(new Error(`serve ended with ${code}: ${stderr}`)));
  });
  return {
    ...started,
    uri,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Runs a client to its end, which has to be a good one; its output. */
export async function run(...command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(command);
  assert.is(code, 0, `${command.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** Sends a message as socat would; the answer. */
export async function ask(path: string, message: string): Promise<string> {
  const socket = connect(path);
  socket.write(`${message}\n`);
  let answer = '';
  for await (const piece of socket.setEncoding('utf8')) {
    answer += piece;
    if (answer.endsWith('\n')) break;
  }
  socket.destroy();
  return answer.trimEnd();
}

/** The set of the healthy spare, on a main whose sectors hold their numbers. */
export function files(shop: Workshop): { spare: string; main: string } {
  const main = Buffer.alloc(MAIN_SECTORS * SECTOR);
  for (let sector = 0; sector < MAIN_SECTORS; sector++) main.writeUInt32LE(sector, sector * SECTOR);
  return { spare: shop.put('spare.img', healthyImage()), main: shop.put('main.img', main) };
}

/** As the header at the front says it: 1 in use, 0 clean. */
export function stateOf(spare: string): number {
  return readFileSync(spare).readUInt32LE(56);
}

/** Sectors that a server has logged with this message, by what it has written to standard error. */
export function sectorsLogged(stderr: string, message: string): number {
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'));
  const told = lines.map((line) => JSON.parse(line) as { readonly msg: string; readonly sectors?: number });
  return told.reduce((sum, { msg, sectors = 0 }) => sum + (msg === message ? sectors : 0), 0);
}
