import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { ControlServer } from '../../src/control/server.js';
import { Recorder } from '../control/recorder.js';
import { Scratch } from '../device/scratch.js';
import { SECTOR } from '../support/format-numbers.js';
import type { Body, Suite } from '../support/harness.js';
import { healthyImage, MAIN_SECTORS, type Things } from './commands.js';
import { dmremap, dmremapInThread, type Ended, type RunSettings } from './run-cli.js';

/** A folder to work in, with a place for undo files; everything in it is gone at the end. */
export class Workshop extends Scratch {
  readonly state = this.path('state');
  readonly env = { DMREMAP_STATE_DIR: this.state };
  readonly #dmremap: typeof dmremap;

  /** @param way how dmremap is run: in a process where others of it are killed, or what it leaves open counts */
  constructor(way: 'thread' | 'process' = 'thread') {
    super();
    this.#dmremap = way === 'thread' ? dmremapInThread : dmremap;
  }

  put(name: string, content: Uint8Array): string {
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  /** A file without content of its own: zeros that take no room. */
  sparse(name: string, size: number): string {
    writeFileSync(this.path(name), '');
    truncateSync(this.path(name), size);
    return this.path(name);
  }

  /** dmremap with undo files in here. */
  run(args: readonly string[], settings: RunSettings = {}): Promise<Ended> {
    return this.#dmremap(args, { ...settings, env: { ...this.env, ...settings.env } });
  }

  /** A server in this process that takes messages. */
  async #serve(): Promise<string> {
    const path = this.path('server.ctl');
    if (existsSync(path)) return path;
    const server = new ControlServer(new Recorder());
    await server.listen({ kind: 'unix', path });
    this.atEnd(() => void server.stop());
    return path;
  }

  /** The healthy spare, its main, and its dump. */
  async healthy(): Promise<Things> {
    const spare = this.put('healthy.img', healthyImage());
    const main = this.sparse('main.img', MAIN_SECTORS * SECTOR);
    const target = this.sparse('target.img', 1 << 20);
    const dump = this.path('healthy.json');
    const { code, stderr } = await this.run(['dump', spare, '-o', dump, '--overwrite']);
    if (code !== 0) throw new Error(`the healthy spare cannot be dumped: ${stderr}`);
    return { spare, main, target, dump, control: await this.#serve() };
  }
}

/** The content of a file or block device as a short text. */
export function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Content and the time of the last write: tells also a write of the same bytes. */
export function fingerprint(path: string): string {
  const { mtimeNs, size } = statSync(path, { bigint: true });
  return `${hashOf(path)} of ${size} bytes, written at ${mtimeNs}`;
}

/**
 * The suite, with more time for each test: those that run dozens of processes take seconds on an idle machine,
 * and more than the usual minute on one that is busy with something else.
 */
export function patient(suite: Suite): (title: string, body: Body) => void {
  return (title, body) => suite(title, body, { timeoutMs: 250_000 });
}
