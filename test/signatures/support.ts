import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ProbeOptions, probeSignatures } from '../../src/signatures/probe.js';
import type { ByteRange, Signature } from '../../src/signatures/signature.js';
import type { ProbeRead } from '../../src/signatures/window.js';
import { bytes } from '../../src/units.js';

/** Image files, the tools that write on them, and the probe over both. */

export const MIB = 1024 * 1024;

/** A folder that goes with the test process. */
export function workFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dmremap-signatures-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A file of zeros without blocks. */
export function newImage(path: string, size: number): string {
  writeFileSync(path, '');
  truncateSync(path, size);
  return path;
}

/** Runs a program; throws with what it printed if it fails. */
export function tool(
  program: string,
  args: readonly string[],
  input = '',
  env: NodeJS.ProcessEnv = {},
): string {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  return execFileSync(program, args, {
    input,
    encoding: 'utf8',
    stdio: 'pipe',
    env: { ...process.env, PATH: path, LC_ALL: 'C', ...env },
  });
}

/** Runs `use` with a loop device over the image, its logical sectors of this size in bytes. */
export function withLoop<T>(image: string, use: (device: string) => T, sectorSize = 512): T {
  const size = ['--sector-size', String(sectorSize)];
  const device = tool('losetup', ['--find', '--show', ...size, image]).trim();
  try {
    return use(device);
  } finally {
    tool('losetup', ['--detach', device]);
  }
}

export async function probeFile(path: string, options: ProbeOptions = {}): Promise<Signature[]> {
  const file = await open(path, 'r');
  try {
    return await probeSignatures(readerOf(file), bytes(statSync(path).size), options);
  } finally {
    await file.close();
  }
}

function readerOf(file: FileHandle): ProbeRead {
  return async (at, length) => {
    const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, at);
    return bytesRead === length ? buffer : undefined;
  };
}

export async function eraseAll(path: string, ranges: readonly ByteRange[]): Promise<void> {
  const file = await open(path, 'r+');
  try {
    for (const { at, length } of ranges) await file.write(new Uint8Array(length), 0, length, at);
  } finally {
    await file.close();
  }
}

/** Puts bytes into an image file. */
export async function writePieces(
  path: string,
  pieces: readonly { readonly at: number; readonly content: Uint8Array }[],
): Promise<void> {
  const file = await open(path, 'r+');
  try {
    for (const { at, content } of pieces) await file.write(content, 0, content.length, at);
  } finally {
    await file.close();
  }
}

export function ids(found: readonly Signature[]): string[] {
  return found.map(({ id }) => id);
}

/** A device of any size that is zero but for what is put on it, and that counts what is read of it. */
export class SparseDevice {
  readonly size: number;
  /** Offset and length of each read so far. */
  readonly reads: ByteRange[] = [];
  /** Reads that touch one of these ranges fail. */
  readonly unreadable: { readonly at: number; readonly length: number }[] = [];
  readonly #pieces: { at: number; content: Uint8Array }[] = [];

  constructor(size: number) {
    this.size = size;
  }

  put(at: number, content: Uint8Array): this {
    this.#pieces.push({ at, content });
    return this;
  }

  zero({ at, length }: ByteRange): void {
    this.put(at, new Uint8Array(length));
  }

  readonly read: ProbeRead = async (at, length) => {
    if (at < 0 || at + length > this.size) throw new Error(`read of ${length} at ${at} is beyond the device`);
    this.reads.push({ at, length });
    if (this.unreadable.some((bad) => at < bad.at + bad.length && bad.at < at + length)) return undefined;
    const into = new Uint8Array(length);
    for (const piece of this.#pieces) {
      const from = Math.max(at, piece.at);
      const to = Math.min(at + length, piece.at + piece.content.length);
      if (from < to) into.set(piece.content.subarray(from - piece.at, to - piece.at), from - at);
    }
    return into;
  };

  probe(options: ProbeOptions = {}): Promise<Signature[]> {
    return probeSignatures(this.read, bytes(this.size), options);
  }
}

/** A device over bytes in memory. */
export function deviceOf(content: Uint8Array): SparseDevice {
  return new SparseDevice(content.length).put(0, content);
}
