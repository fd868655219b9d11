import { runProgram } from '../obligations/run-cli.js';
import { assert } from '../support/harness.js';

/** Runs Python lines with a client `h` of this URI; the lines that they print. */
export async function nbdsh(uri: string, ...lines: readonly string[]): Promise<string[]> {
  // the interpreter for which the distribution installs libnbd's module
  const env = { PATH: '/usr/bin:/bin' };
  const { code, stdout, stderr } = await runProgram(['nbdsh', '-u', uri, '-c', lines.join('\n')], { env });
  assert.is(code, 0, stderr);
  return stdout.trimEnd().split('\n');
}
