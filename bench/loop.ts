import { spawnSync } from 'node:child_process';
import { PeerMissing } from './bench.js';

const attached = new Map<string, string>();

/** A loop device over this file; the same as before where there is one. All of them are gone when we end. */
export function attachedLoop(file: string): string {
  const known = attached.get(file);
  if (known !== undefined) return known;
  const { status, stdout } = losetup('--find', '--show', file);
  if (status !== 0) throw new PeerMissing('no loop device can be attached here');
  if (attached.size === 0) process.once('exit', detachAll);
  const node = stdout.trim();
  attached.set(file, node);
  return node;
}

function detachAll(): void {
  for (const node of attached.values()) losetup('--detach', node);
}

function losetup(...args: string[]): { readonly status: number | null; readonly stdout: string } {
  return spawnSync('losetup', args, { encoding: 'utf8' });
}
