/** Where undo files may lie besides the file systems of the machine: on volumes in memory, for rehearsals. */
import { dirname } from 'node:path';

/** An open undo file. Its functions throw what the system says, see files.ts. */
export interface UndoStorage {
  readonly path: string;
  size(): Promise<number>;
  /** Fills `into` from byte `at`; returns how much of it the file had. */
  read(at: number, into: Uint8Array): Promise<number>;
  write(at: number, from: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
  /** Closes and removes it. */
  discard(): Promise<void>;
}

/** A folder of files that no file system knows. Errors carry the system's codes: EEXIST, ENOENT, EIO. */
export interface UndoVolume {
  create(path: string): UndoStorage;
  open(path: string): UndoStorage;
  /** Names of the files in it. */
  names(): readonly string[];
  writtenAt(path: string): number;
  syncFolder(): void;
}

const mounted = new Map<string, UndoVolume>();

/** From now on this folder is the volume, until the function that is returned is called. */
export function mountVolume(folder: string, volume: UndoVolume): () => void {
  mounted.set(folder, volume);
  return () => void mounted.delete(folder);
}

/** The volume that a folder is, or that a file lies on; undefined for all that lies on the machine's file systems. */
export function volumeOf(path: string): UndoVolume | undefined {
  return mounted.size === 0 ? undefined : (mounted.get(path) ?? mounted.get(dirname(path)));
}
