import { spawnSync } from 'node:child_process';
import { PeerMissing } from './bench.js';

/** Requests a second of a run of fio, as it says itself. */
export function fioRate(args: readonly string[], way: 'read' | 'write'): number {
  const { status, stdout, stderr, error } = spawnSync('fio', [...args, '--output-format=json'], {
    encoding: 'utf8',
  });
  if (error !== undefined) throw new PeerMissing('fio is not here');
  if (status !== 0) throw new Error(`fio ended with ${status}: ${stderr.trim().slice(-500)}`);
  const report: unknown = JSON.parse(stdout.slice(stdout.indexOf('{')));
  const { jobs } = report as {
    readonly jobs: readonly { readonly [way: string]: { readonly iops: number } }[];
  };
  const rate = jobs[0]?.[way]?.iops;
  if (rate === undefined) throw new Error('fio did not say how fast it was');
  return rate;
}
