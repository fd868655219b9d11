import { Workshop } from '../obligations/workshop.js';
import { expectedCases } from '../support/fixtures.js';
import { suite } from '../support/harness.js';
import { assertGolden, CHECK } from './golden.js';

const test = suite('dmremap check on golden images');
const shop = new Workshop();
test.after(() => shop.cleanUp());

for (const [name, expected] of expectedCases) test(name, () => assertGolden(shop, CHECK, name, expected));
