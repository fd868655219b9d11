import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Command, failUnlessExpected } from './command.js';
import { Samples } from './samples.js';

const PEAK_MEMORY = pathToFileURL(join(import.meta.dirname, 'peak-memory.js')).href;

/** The most memory that a script of Node had at once, in MiB; its command begins with the script. */
export function peakMemory(command: Command, runs: number): Samples {
  const samples = new Samples();
  for (let run = 0; run < runs; run++) {
    const { status, error, output, stderr } = spawnSync(
      command.program,
      ['--import', PEAK_MEMORY, ...command.args],
      { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] },
    );
    if (error !== undefined) throw error;
    failUnlessExpected(command, status, String(stderr));
    const kibibytes = Number(String(output[3] ?? ''));
    if (!(kibibytes > 0)) throw new Error(`${command.args.join(' ')} did not tell its memory`);
    samples.add(kibibytes / 1024);
  }
  return samples;
}
