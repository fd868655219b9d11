import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { documentOf, isObject } from '../obligations/schemas.js';
import { patient, type Workshop } from '../obligations/workshop.js';
import { BLOCK } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { imageFile, Stage } from './stage.js';
import { KEEPING, REPLACING, shown, type Victim } from './victims.js';

/** A full file system, under the undo file or under the spare: nothing is lost, and the line to type works. */

const test = suite('no space left');
const slow = patient(test);

const asking = ({ line }: Victim) => line.includes('--yes');

function small(shop: Workshop, size: string): string {
  const folder = shop.folderAt('small');
  shop.mount('-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder);
  return folder;
}

for (const victim of [...KEEPING, ...REPLACING].filter(asking))
  slow(`for the undo file: ${victim.name}`, async () => {
    needs('root', 'mount');
    let folder = '';
    const stage = await Stage.of(victim, async (shop) => {
      folder = small(shop, '4k');
      return imageFile(shop);
    });
    try {
      const line = [...victim.line, '--undo-file', join(folder, 'full.undo'), '--json'];
      const ended = await stage.run(line);
      assert.is(ended.code, 8, ended.stdout);
      const { error } = documentOf(ended, victim.line[0] ?? '');
      if (!isObject(error)) return assert.unreachable();
      assert.equal([error['code'], error['errno']], ['undo-unavailable', 'ENOSPC']);
      assert.match(String(error['hint']), /^nothing is changed; .*--undo-file FILE/);
      assert.ok(stage.image.equals(stage.start));
      assert.equal(readdirSync(folder), []);
      const again = await stage.run([...victim.line, '--undo-file', stage.path('elsewhere.undo')]);
      assert.is(again.code, 0, again.stderr);
      assert.is(shown(stage.image, judge(stage.image).truth ?? []), victim.after);
    } finally {
      stage.cleanUp();
    }
  });

/** The image without its blocks of zeros: they take room once they are written. */
function writeSparse(path: string, content: Uint8Array): void {
  rmSync(path, { force: true });
  const file = openSync(path, 'w');
  for (let at = 0; at < content.length; at += BLOCK) {
    const block = content.subarray(at, at + BLOCK);
    if (block.some((byte) => byte !== 0)) writeSync(file, block, 0, block.length, at);
  }
  closeSync(file);
  truncateSync(path, content.length);
}

for (const victim of KEEPING.filter(
  ({ name }) => name === 'convert to redundant' || name === 'resize of a grown device',
))
  slow(`for the spare: ${victim.name}`, async () => {
    needs('root', 'mount');
    let folder = '';
    const stage = await Stage.of(victim, async (shop) => {
      folder = small(shop, '1m');
      mkdirSync(join(folder, 'spare'));
      const path = join(folder, 'spare', 'spare.img');
      return {
        path,
        get content() {
          return readFileSync(path);
        },
        write: (content) => writeSparse(path, content),
      };
    });
    try {
      const filler = join(folder, 'filler');
      assert.throws(() => writeFileSync(filler, Buffer.alloc(1 << 20)), /ENOSPC/);
      const ended = await stage.run([...victim.line, '--json']);
      assert.is(ended.code, 8, ended.stdout);
      const { error } = documentOf(ended, victim.line[0] ?? '');
      if (!isObject(error)) return assert.unreachable();
      assert.equal([error['code'], error['stands']], ['no-space', 'before']);
      assert.match(String(error['hint']), /nothing is lost.*make room, then: dmremap check -p/);
      rmSync(filler);
      const { code, stderr } = await stage.recover();
      assert.ok(code === 0 || code === 1, stderr);
      const { n, truth } = judge(stage.image);
      assert.is(n, 0);
      assert.is(shown(stage.image, truth ?? []), victim.before);
    } finally {
      stage.cleanUp();
    }
  });
