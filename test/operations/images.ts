import { readFileSync, writeFileSync } from 'node:fs';
import { numbered, type Scratch } from '../device/scratch.js';
import { buildImage, type ImageSpec } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';

/** Image files for operations: spares from the independent builder, mains whose sectors hold their numbers. */

export function saved(scratch: Scratch, name: string, content: Uint8Array): string {
  const path = scratch.path(name);
  writeFileSync(path, content);
  return path;
}

export function savedSpare(scratch: Scratch, name: string, spec: ImageSpec): string {
  return saved(scratch, name, buildImage(spec));
}

export function savedMain(scratch: Scratch, name: string, sectors: number): string {
  return saved(scratch, name, numbered(sectors * SECTOR));
}

/** Bytes of a file that must not have changed. */
export function unchanged(path: string): () => boolean {
  const before = readFileSync(path);
  return () => readFileSync(path).equals(before);
}
