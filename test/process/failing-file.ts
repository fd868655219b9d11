import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { serveFile } from '../device/nbdfuse.js';
import type { Scratch } from '../device/scratch.js';
import type { SpareFile } from './stage.js';

/** Writes that truly fail with EIO: those that touch these bytes of the file, from the nth such write on. */
export interface Fault {
  readonly from: number;
  readonly to: number;
  /** Counted from 0. */
  readonly nth: number;
}

/** A file, or a loop device on it, on a medium of zeros that fails where the test says. */
export class FailingFile implements SpareFile {
  readonly path: string;
  readonly #content: string;
  readonly #faults: string;

  private constructor(path: string, medium: string) {
    this.path = path;
    [this.#content, this.#faults] = [`${medium}.content`, `${medium}.faults`];
  }

  static async of(scratch: Scratch, name: string, size: number, kind: 'file' | 'loop'): Promise<FailingFile> {
    const medium = scratch.path(name);
    writeFileSync(`${medium}.content`, Buffer.alloc(size));
    writeFileSync(`${medium}.faults`, '');
    const path = await serveFile(scratch, name, server(medium, size), 'write');
    const file = new FailingFile(kind === 'loop' ? scratch.loop(path) : path, medium);
    file.heal();
    return file;
  }

  /** What lies on the medium. */
  get content(): Buffer {
    return readFileSync(this.#content);
  }

  /** Replaces what lies there; nothing fails any more. */
  write(content: Uint8Array): void {
    this.heal();
    const file = openSync(this.path, 'r+');
    for (let at = 0; at < content.length; ) at += writeSync(file, content, at, content.length - at, at);
    closeSync(file);
  }

  fail({ from, to, nth }: Fault): void {
    writeFileSync(this.#faults, `from=${from} to=${to} nth=${nth}\n`);
    writeFileSync(`${this.#faults}.seen`, '0\n');
  }

  heal(): void {
    this.fail({ from: 0, to: 0, nth: 0 });
  }

  /** Whether a write has failed. */
  get hasFailed(): boolean {
    const nth = Number(/nth=(\d+)/.exec(readFileSync(this.#faults, 'utf8'))?.[1]);
    return Number(readFileSync(`${this.#faults}.seen`, 'utf8')) > nth;
  }
}

/** An nbdkit whose writes go to one file and are counted and refused by what stands in another. */
function server(medium: string, size: number): readonly string[] {
  const [content, faults] = [`${medium}.content`, `${medium}.faults`];
  // $3 is the count, $4 the offset
  const pread = `dd if=${content} iflag=count_bytes,skip_bytes skip=$4 count=$3 status=none`;
  const pwrite = `. ${faults}
    if [ $4 -lt $to ] && [ $(($4 + $3)) -gt $from ]; then
      read seen <${faults}.seen; echo $((seen + 1)) >${faults}.seen
      if [ $seen -ge $nth ]; then echo EIO >&2; exit 1; fi
    fi
    dd of=${content} oflag=seek_bytes conv=notrunc seek=$4 status=none`;
  const one = 'thread_model=echo serialize_all_requests';
  return ['eval', one, `get_size=echo ${size}`, `pread=${pread}`, `pwrite=${pwrite}`, 'flush=exit 0'];
}
