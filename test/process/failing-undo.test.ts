import { NBDFUSE_NEEDS } from '../device/nbdfuse.js';
import { run } from '../device/scratch.js';
import { documentOf, isObject } from '../obligations/schemas.js';
import { patient, type Workshop } from '../obligations/workshop.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { FailingFile } from './failing-file.js';
import { imageFile, Stage } from './stage.js';
import { shown, VICTIMS, type Victim } from './victims.js';

/** The disk of the undo file fails with EIO, before the change or when it is to be marked finished. */

const test = suite('undo files on a disk that fails');
const slow = patient(test);

const SIZE = 1 << 20;
/** More writes than a change of two parts makes there. */
const MOST = 40;

/** Runs the line with the nth write on the undo file's disk and all later ones failing; false where none failed. */
async function failsAt(victim: Victim, nth: number): Promise<boolean> {
  let disk: FailingFile | undefined;
  let folder = '';
  const stage = await Stage.of(victim, async (shop: Workshop) => {
    disk = await FailingFile.of(shop, 'undo.disk', SIZE, 'loop');
    run('mkfs.ext4', '-q', '-O', '^has_journal', disk.path);
    folder = shop.folderAt('mounted');
    shop.mount(disk.path, folder);
    return imageFile(shop);
  });
  try {
    run('sync', '-f', folder);
    disk?.fail({ from: 0, to: SIZE, nth });
    const ended = await stage.run([...victim.line, '--undo-file', `${folder}/a.undo`, '--json']);
    if (disk?.hasFailed !== true || ended.code === 0) return false;
    assert.is(ended.code, 8, ended.stdout);
    const { error } = documentOf(ended, victim.line[0] ?? '');
    if (!isObject(error)) throw new Error(ended.stdout);
    const { code, hint } = error;
    if (code === 'undo-unavailable') {
      assert.match(String(hint), /^(nothing is changed|a part of the change is made).*--undo-file FILE/);
      if (String(hint).startsWith('nothing')) assert.ok(stage.image.equals(stage.start));
      const again = await stage.run([...victim.line, '--undo-file', stage.path('elsewhere.undo')]);
      assert.is(again.code, 0, again.stderr);
    } else {
      assert.match(String(hint), /^what was written stands and is whole; next: dmremap check -p /);
      assert.is((await stage.run(['check', '-p', 'SPARE'])).code, 0);
    }
    const { n, truth } = judge(stage.image);
    assert.is(n, 0);
    assert.is(shown(stage.image, truth ?? []), victim.after);
    return true;
  } finally {
    disk?.heal();
    stage.cleanUp();
  }
}

for (const victim of VICTIMS.filter(({ name }) => ['restore, plain', 'convert to redundant'].includes(name)))
  slow(victim.name, async () => {
    needs(...NBDFUSE_NEEDS, 'losetup', '/dev/loop-control', 'mkfs.ext4');
    let nth = 0;
    while (nth < MOST && (await failsAt(victim, nth))) nth++;
    assert.ok(nth >= 2 && nth < MOST, `${nth} writes have failed`);
  });
