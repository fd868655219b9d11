import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DmremapError, type ErrorCode } from '../../src/errors.js';
import { assert } from '../support/harness.js';

/** A folder with images, loop devices, mounts and helpers, all of which are gone afterwards, also after a failure. */
export class Scratch {
  readonly folder = mkdtempSync(join(tmpdir(), 'dmremap-device-'));
  private readonly undo: (() => void)[] = [];

  path(name: string): string {
    return join(this.folder, name);
  }

  /** An image whose every sector holds its own number, so that reads from a wrong place show. */
  image(name: string, size: number): string {
    writeFileSync(this.path(name), numbered(size));
    return this.path(name);
  }

  folderAt(name: string): string {
    mkdirSync(this.path(name), { recursive: true });
    return this.path(name);
  }

  /** Attaches a loop device; returns its node. */
  loop(image: string, ...options: string[]): string {
    const node = run('losetup', '--find', '--show', ...options, image).trim();
    this.atEnd(() => run('losetup', '-d', node));
    return node;
  }

  /** Mounts and returns a function that unmounts. */
  mount(...args: string[]): () => void {
    run('mount', ...args);
    const point = args.at(-1) ?? '';
    return this.atEnd(() => run('umount', point));
  }

  /** Starts a program that prints a line when it is ready; returns a function that ends it. */
  async start(
    program: string,
    ...args: string[]
  ): Promise<{ child: ChildProcess; stop: () => Promise<void> }> {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
    this.atEnd(() => child.kill('SIGKILL'));
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('error', reject);
      child.once('close', (code) => reject(new Error(`${program} ended with ${code} before it was ready`)));
    });
    const stop = async (): Promise<void> => {
      child.kill('SIGKILL');
      await gone;
    };
    return { child, stop };
  }

  /** Does something at the end, or earlier when the returned function is called. */
  atEnd(what: () => void): () => void {
    let done = false;
    const once = (): void => {
      if (done) return;
      done = true;
      what();
    };
    this.undo.push(once);
    return once;
  }

  cleanUp(): void {
    const failures: unknown[] = [];
    for (const what of this.undo.splice(0).reverse()) {
      try {
        what();
      } catch (error) {
        failures.push(error);
      }
    }
    // what a program that was killed has still written may come while this goes on
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    if (failures.length > 0) throw failures[0];
  }
}

/** Runs a program to its end; its output. */
export function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  });
}

/** Bytes in which every sector begins with its own number. */
export function numbered(size: number, first = 0): Buffer {
  const content = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 512) content.writeUInt32LE(first + at / 512 + 1, at);
  return content;
}

/** The DmremapError of this code with which a promise must end. */
export async function fails(
  code: ErrorCode,
  work: Promise<unknown>,
  message?: RegExp,
): Promise<DmremapError> {
  let error: unknown;
  try {
    await work;
  } catch (thrown) {
    error = thrown;
  }
  if (!(error instanceof DmremapError)) {
    throw error ?? new Error(`nothing was thrown, but ${code} was expected`);
  }
  assert.is(error.code, code, error.message);
  if (message !== undefined) assert.match(error.message, message);
  return error;
}

/** Waits until something is so. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (condition()) return;
    await delay(25);
  }
  throw new Error(`waited in vain: ${what}`);
}
