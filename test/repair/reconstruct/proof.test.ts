import { proofTests } from './proof-tests.js';

// a share of what `npm run test:proof` tries
proofTests({ seed: 200, count: 200, cases: 600, perSet: 100 });
proofTests({ seed: 1000, count: 1000, cases: 600, perSet: 100 });
