import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT } from '../support/project.js';

/** `dmremap table --target linear` on image files, and its table for the devices of a guest. */

export function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((done, failed) => {
    execFile(program, args, { maxBuffer: 64 * 1024 * 1024 }, (error, output, errors) => {
      if (error === null) done(output);
      else failed(new Error(`${program} ${args.join(' ')}: ${error.message}\n${errors}`));
    });
  });
}

/** The linear table of a set, as the program prints it. */
export function askTable(spare: string, main: string): Promise<string> {
  const dmremap = join(PROJECT, 'bin', 'run.js');
  return run(process.execPath, [dmremap, 'table', spare, '--main', main, '--target', 'linear']);
}

/** The table with other names for the two devices; any other content fails. */
export function renamed(table: string, names: ReadonlyMap<string, string>): string {
  const lines = table.trimEnd().split('\n');
  return lines
    .map((line) => {
      const [, head, device, tail] = /^(\d+ \d+ linear) (\S+) (\d+)$/.exec(line) ?? [];
      const name = names.get(device ?? '');
      if (name === undefined) throw new Error(`not a linear segment of main or spare: ${line}`);
      return `${head} ${name} ${tail}\n`;
    })
    .join('');
}
