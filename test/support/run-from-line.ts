import { runAll } from './run-all.js';
import { killAll } from './run-file.js';

export interface RunFromLine {
  /** See RunOptions. */
  readonly folder: string;
  readonly files?: readonly string[];
  /** No file should come near it; a test that hangs is ended by its own limit long before. */
  readonly fileTimeoutMs: number;
}

/**
 * Runs test files as a command: the arguments choose among them, and the exit code is set. With
 * DMREMAP_TEST_NO_SKIP=1 a skipped test has failed.
 */
export async function runFromLine(what: RunFromLine): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      killAll();
      process.kill(process.pid, signal);
    });
  }
  process.exitCode = await runAll({
    ...what,
    filters: process.argv.slice(2),
    skipsFail: process.env['DMREMAP_TEST_NO_SKIP'] === '1',
    print: (line) => console.log(line),
  });
}
