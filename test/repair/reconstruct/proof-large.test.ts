import { proofTests } from './proof-tests.js';

// sets of this size are dear: a sample of what `npm run test:proof` tries
proofTests({ seed: 100_000, count: 100_000, cases: 12, perSet: 12 });
proofTests({ seed: 1_000_000, count: 1_000_000, cases: 2, perSet: 2 });
