import { spawnSync } from 'node:child_process';
import { Samples } from './samples.js';

/** A program with its arguments; its output goes to /dev/null. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Exit codes that mean that it ran as it should. */
  readonly expected?: readonly number[];
  /** Done before each run, and not timed. */
  readonly prepare?: () => void;
}

/** Milliseconds from before its start to after its end. */
export function timeOf(command: Command): number {
  command.prepare?.();
  const start = process.hrtime.bigint();
  const { status, error, stderr } = spawnSync(command.program, [...command.args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const end = process.hrtime.bigint();
  if (error !== undefined) throw error;
  failUnlessExpected(command, status, String(stderr));
  return Number(end - start) / 1e6;
}

export function failUnlessExpected(command: Command, status: number | null, stderr: string): void {
  if (status !== null && (command.expected ?? [0]).includes(status)) return;
  const words = [command.program, ...command.args].join(' ');
  throw new Error(`${words} ended with ${status}: ${stderr.trim().slice(-500)}`);
}

/**
 * Times of several commands that take turns, so that whatever else goes on disturbs all of them alike. The
 * first turns are not counted: they fill the page cache.
 */
export function race(commands: readonly Command[], turns: number): Samples[] {
  const samples = commands.map(() => new Samples());
  for (let turn = -2; turn < turns; turn++) {
    commands.forEach((command, index) => {
      const time = timeOf(command);
      if (turn >= 0) samples[index]?.add(time);
    });
  }
  return samples;
}
