import { runFromLine } from './support/run-from-line.js';

/**
 * Runs every test file, or those whose name contains one of the arguments:
 *
 *     npm test
 *     npm test -- store check/rules
 *
 * The last line is the count, `N passed, N failed`, with `, N skipped` when a test could not run here. With
 * DMREMAP_TEST_NO_SKIP=1 a skipped test has failed.
 */
await runFromLine({ folder: import.meta.dirname, fileTimeoutMs: 600_000 });
