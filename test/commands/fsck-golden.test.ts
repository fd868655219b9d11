import { Workshop } from '../obligations/workshop.js';
import { expectedCases } from '../support/fixtures.js';
import { suite } from '../support/harness.js';
import { assertGolden, FSCK } from './golden.js';

const test = suite('fsck.dmremap3 on golden images');
const shop = new Workshop();
test.after(() => shop.cleanUp());

for (const [name, expected] of expectedCases) test(name, () => assertGolden(shop, FSCK, name, expected));
