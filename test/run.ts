import { runAll } from './support/run-all.js';
import { killAll } from './support/run-file.js';

/**
 * Runs every test file, or those whose name contains one of the arguments:
 *
 *     npm test
 *     npm test -- store check/rules
 *
 * The last line is the count, `N passed, N failed`, with `, N skipped` when a test could not run here. With
 * DMREMAP_TEST_NO_SKIP=1 a skipped test has failed.
 */

/** No file should come near it; a test that hangs is ended by its own limit long before. */
const FILE_TIMEOUT_MS = 300_000;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    killAll();
    process.kill(process.pid, signal);
  });
}

process.exitCode = await runAll({
  folder: import.meta.dirname,
  filters: process.argv.slice(2),
  skipsFail: process.env['DMREMAP_TEST_NO_SKIP'] === '1',
  fileTimeoutMs: FILE_TIMEOUT_MS,
  print: (line) => console.log(line),
});
