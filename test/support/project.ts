import { join } from 'node:path';

/** The folder that holds package.json; tests run from dist/test/support. */
export const PROJECT = join(import.meta.dirname, '..', '..', '..');
