import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { DMREMAP, type Ended, PLAIN, runProgram } from '../obligations/run-cli.js';
import type { Workshop } from '../obligations/workshop.js';
import { assert } from '../support/harness.js';

/** A server in a process of its own. */
export interface Server {
  readonly uri: string;
  readonly control: string;
  readonly child: ChildProcess;
  /** Asks it to end; how it did. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
}

/** Serves a set; what is left of it ends with the workshop. */
export async function serve(
  shop: Workshop,
  spare: string,
  main: string,
  more: readonly string[] = [],
): Promise<Server> {
  const control = shop.path('set.ctl');
  const line = [
    DMREMAP,
    'serve',
    spare,
    '--main',
    main,
    '--unix',
    shop.path('set.nbd'),
    '--control',
    control,
    ...more,
  ];
  const child = spawn(process.execPath, line, {
    env: { ...PLAIN, ...shop.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  shop.atEnd(() => void child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const uri = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (stdout.includes('\n')) resolve(stdout.split('\n')[0] ?? '');
    });
    void ended.then(({ code }) => reject(new Error(`serve ended with ${code}: ${stderr}`)));
  });
  return {
    uri,
    control,
    child,
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
