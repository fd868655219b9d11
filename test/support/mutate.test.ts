import { assert, suite } from './harness.js';
import { mutation } from './mutate.js';
import { judge } from './reader.js';

/** The damage is what it says, again and again, and the reader has an answer to all of it. */

const test = suite('mutate');
const SEEDS = 4000;

test('a seed gives the same image every time', () => {
  for (let seed = 0; seed < 50; seed++) {
    const one = mutation(seed);
    const other = mutation(seed);
    assert.equal(one.image, other.image, one.description);
    assert.is(one.description, other.description);
  }
  assert.is.not(mutation(1).description, mutation(2).description);
});

test('the reader judges every image, and never against itself', () => {
  const met = new Map<string, number>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const { image, base, description, mainSectors, harmless } = mutation(seed);
    const before = Buffer.from(image);
    const { n, p, y, truth, why } = judge(image);
    const told = `${description}: ${n}/${p}/${y} ${why.join(', ')}`;
    assert.equal(image, before, told);
    met.set(`${n}/${p}/${y}`, (met.get(`${n}/${p}/${y}`) ?? 0) + 1);

    assert.ok([0, 4, 8].includes(n), told);
    // What is fine needs no correction, and what is none of ours gets none.
    if (n !== 4) assert.equal([p, y], [n, n], told);
    // -y corrects what -p does, and a role-1 target made whole still waits for its migration.
    if (p === 1 || p === 5) assert.is(y, p, told);
    if (n === 4) assert.ok([1, 4, 5].includes(p) && [1, 4, 5].includes(y), told);
    if (y === 0 || y === 1 || y === 5) assert.ok(truth !== null, told);
    if (harmless) {
      const undamaged = judge(base, { mainSectors });
      assert.equal([n, p, y, truth], [undamaged.n, undamaged.p, undamaged.y, undamaged.truth], told);
    }
  }
  for (const kind of ['0/0/0', '4/1/1', '4/4/1', '4/4/4', '4/5/5', '8/8/8'])
    assert.ok((met.get(kind) ?? 0) > SEEDS / 200, `few images with ${kind}: ${JSON.stringify([...met])}`);
});

test('what is built is right before it is damaged', () => {
  for (let seed = 0; seed < 1000; seed++) {
    const { base, description, mainSectors } = mutation(seed);
    const { n, p, why } = judge(base, { mainSectors });
    const told = `${description}: ${why.join(', ')}`;
    assert.ok(n === 0 || /state 1|role 1/.test(description), told);
    assert.ok(p === 0 || p === 1 || /role [12]/.test(description), told);
  }
});
