import { runFromLine } from '../support/run-from-line.js';

/**
 * Everything that needs a real kernel, in virtual machines side by side, or what an argument names; each file also
 * runs by itself:
 *
 *     npm run test:kernel -- held-remap
 */
const NAMES = [
  'held-remap',
  'nbd-files',
  'nbd-migrate',
  'cold-start',
  'dm-table',
  'nbd-device',
  'own-mapping',
];

await runFromLine({
  folder: import.meta.dirname,
  files: NAMES.map((name) => `${name}.js`),
  fileTimeoutMs: 900_000,
});
