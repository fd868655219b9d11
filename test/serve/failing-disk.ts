import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Scratch } from '../device/scratch.js';
import { run } from '../device/scratch.js';
import { assert } from '../support/harness.js';

/** Byte ranges of a disk, and what becomes of requests that meet them. */
export interface Trouble {
  readonly read?: readonly [from: number, end: number];
  readonly write?: readonly [from: number, end: number];
  /** Answered after so many seconds. */
  readonly slow?: readonly [from: number, end: number, seconds: number];
}

/** A disk in a process of its own, whose sectors truly fail and hang; its content is a file. */
export class FailingDisk {
  readonly path: string;
  readonly #trouble: string;
  readonly #child: ChildProcess;

  private constructor(path: string, trouble: string, child: ChildProcess) {
    this.path = path;
    this.#trouble = trouble;
    this.#child = child;
  }

  static async start(scratch: Scratch, content: string, size: number): Promise<FailingDisk> {
    const [path, trouble, ready] = ['failing', 'trouble', 'ready'].map((name) => `${content}.${name}`) as [
      string,
      string,
      string,
    ];
    writeFileSync(path, '');
    const meets = (from: string, end: string): string =>
      `[ $4 -lt $${end} ] && [ $(( $4 + $3 )) -gt $${from} ]`;
    const slow = `. ${trouble}; if ${meets('slow_from', 'slow_end')}; then sleep $slow_for; fi;`;
    const fails = (what: string): string =>
      `if ${meets(`${what}_from`, `${what}_end`)}; then echo EIO >&2; exit 1; fi;`;
    const dd = 'iflag=count_bytes,skip_bytes oflag=seek_bytes conv=notrunc status=none';
    const server = [
      ...['nbdkit', '--exit-with-parent', 'eval', `get_size=echo ${size}`],
      `pread=${slow} ${fails('read')} dd if=${content} skip=$4 count=$3 iflag=count_bytes,skip_bytes status=none`,
      `pwrite=${slow} ${fails('write')} dd of=${content} seek=$4 count=$3 ${dd}`,
      'flush=true',
      'can_write=true',
      'can_flush=true',
    ];
    const disk = new FailingDisk(
      path,
      trouble,
      // Not in a pipe with us: it says a word on every error.
      spawn('nbdfuse', ['-P', ready, path, '[', ...server, ']'], { stdio: 'ignore' }),
    );
    disk.set({});
    scratch.atEnd(() => {
      // a disk that was pulled is still mounted
      if (readFileSync('/proc/self/mounts', 'utf8').includes(` ${path} `)) run('umount', '-l', path);
      disk.#child.kill('SIGKILL');
    });
    for (let waited = 0; !existsSync(ready); waited += 20) {
      assert.ok(waited < 10_000 && disk.#child.exitCode === null, 'the failing disk has not come up');
      await delay(20);
    }
    return disk;
  }

  /** From now on these sectors fail, and no others. */
  set({ read = [0, 0], write = [0, 0], slow = [0, 0, 0] }: Trouble): void {
    const lines = Object.entries({ read, write, slow }).flatMap(([what, [from, end]]) => [
      `${what}_from=${from}`,
      `${what}_end=${end}`,
    ]);
    writeFileSync(this.#trouble, `${[...lines, `slow_for=${slow[2]}`].join('\n')}\n`);
  }

  /** The disk is gone, and with it all requests that wait for it. */
  pull(): void {
    this.#child.kill('SIGKILL');
  }
}
