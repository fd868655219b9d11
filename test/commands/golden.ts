import { readFileSync } from 'node:fs';
import { type Ended, fsck, type RunSettings } from '../obligations/run-cli.js';
import { documentOf } from '../obligations/schemas.js';
import type { Workshop } from '../obligations/workshop.js';
import { type Expected, fixture } from '../support/fixtures.js';
import { assert } from '../support/harness.js';
import { judge } from '../support/reader.js';

/** The golden images through a real program: exit codes, bytes, and what is true afterwards. */

export type Mode = 'n' | 'p' | 'y';

export interface Program {
  readonly name: string;
  /** Checks an image in a mode. */
  readonly check: (shop: Workshop, mode: Mode, path: string) => Promise<Ended>;
}

export const CHECK: Program = {
  name: 'dmremap check',
  check: async (shop, mode, path) => {
    const ended = await shop.run(['check', `-${mode}`, path, '--json']);
    documentOf(ended, 'check');
    return ended;
  },
};

export const FSCK: Program = {
  name: 'fsck.dmremap3',
  check: (shop, mode, path) => {
    const settings: RunSettings = { env: shop.env };
    // fsck(8) passes -a where we say -p
    return fsck([mode === 'p' ? '-a' : `-${mode}`, path], settings);
  },
};

export async function assertGolden(
  shop: Workshop,
  { name: program, check }: Program,
  name: string,
  expected: Expected,
): Promise<void> {
  for (const mode of ['n', 'p', 'y'] as const) {
    const before = fixture(name);
    const path = shop.put('golden.img', before);
    const { code, stderr } = await check(shop, mode, path);
    const told = `${program} -${mode} ${name} (${expected.why}): ${stderr}`;
    assert.is(code, expected[mode], told);
    const after = readFileSync(path);
    if (code === 1) await assertMended(shop, { name: program, check }, path, expected, told);
    else assert.equal(after, before, told);
  }
}

/** All copies verify, the entries are the true ones, and a second check finds nothing. */
async function assertMended(
  shop: Workshop,
  { check }: Program,
  path: string,
  expected: Expected,
  told: string,
): Promise<void> {
  const after = readFileSync(path);
  const verdict = judge(after);
  assert.equal([verdict.n, verdict.why], [0, []], `${told}, as the second reader sees it afterwards`);
  assert.equal(verdict.truth, expected.truth, told);
  const again = await check(shop, 'n', path);
  assert.is(again.code, 0, `${told}, the second check: ${again.stdout}`);
  assert.equal(readFileSync(path), after, told);
}
