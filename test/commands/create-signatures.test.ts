import { readFileSync } from 'node:fs';
import { run } from '../device/scratch.js';
import { runProgram } from '../obligations/run-cli.js';
import { hashOf, patient, Workshop } from '../obligations/workshop.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { assertRefused } from './changes.js';

/** What somebody else's tools have made is refused by name, with blkid at hand and without, and gone with --force. */

interface Foreign {
  readonly title: string;
  readonly needs: readonly string[];
  readonly mib: number;
  readonly make: (image: string) => unknown;
  readonly says: RegExp;
}

const LUKS = [
  'luksFormat',
  '--batch-mode',
  '--type',
  'luks2',
  '--pbkdf',
  'pbkdf2',
  '--pbkdf-force-iterations',
  '1000',
];

const FOREIGN: readonly Foreign[] = [
  {
    title: 'ext4',
    needs: ['mkfs.ext4'],
    mib: 8,
    make: (image) => run('mkfs.ext4', '-q', '-F', image),
    says: /holds ext4 filesystem/,
  },
  {
    title: 'xfs',
    needs: ['mkfs.xfs'],
    mib: 320,
    make: (image) => run('mkfs.xfs', '-q', image),
    says: /holds XFS filesystem/i,
  },
  {
    title: 'btrfs',
    needs: ['mkfs.btrfs'],
    mib: 128,
    make: (image) => run('mkfs.btrfs', '-q', image),
    says: /holds btrfs filesystem/i,
  },
  {
    title: 'swap',
    needs: ['mkswap'],
    mib: 4,
    make: (image) => run('mkswap', image),
    says: /holds swap space/,
  },
  {
    title: 'LUKS',
    needs: ['cryptsetup'],
    mib: 32,
    make: (image) => run('bash', '-c', `echo -n secret | cryptsetup ${LUKS.join(' ')} "$0" -`, image),
    says: /holds LUKS2 encrypted volume/,
  },
  {
    title: 'a GPT',
    needs: ['sgdisk'],
    mib: 8,
    make: (image) => run('sgdisk', '--clear', '--new=1:2048:+2M', image),
    says: /GPT/,
  },
  {
    title: 'an MBR',
    needs: ['sfdisk'],
    mib: 8,
    make: (image) => run('bash', '-c', 'echo start=2048,type=83 | sfdisk -q "$0"', image),
    says: /MBR|DOS partition table/i,
  },
  {
    title: 'two at once: a filesystem, and a partition table at the end',
    needs: ['sgdisk', 'mkfs.ext4'],
    mib: 8,
    make: (image) => {
      run('sgdisk', '--clear', '--new=1:2048:+2M', image);
      // the first GPT goes, the second at the end stays
      run('mkfs.ext4', '-q', '-F', '-b', '1024', image, '4096');
    },
    says: /ext4 filesystem/,
  },
];

const test = suite('dmremap create and what lives there already');
const slow = patient(test);
const shop = new Workshop();
test.after(() => shop.cleanUp());

/** A PATH on which there is nothing at all: our own table of signatures has to do. */
const WITHOUT_BLKID = { PATH: '/nonexistent' };

for (const { title, needs: tools, mib, make, says } of FOREIGN) {
  slow(title, async () => {
    needs(...tools);
    const image = shop.sparse('foreign.img', mib << 20);
    make(image);
    const line = ['create', image, '--main-size', '1G', '--yes'];
    for (const env of [{}, WITHOUT_BLKID]) {
      const error = await assertRefused(shop, line, 'wrong-device', says, [image], { env });
      const signatures = error['signatures'];
      assert.ok(Array.isArray(signatures) && signatures.length > 0, 'named for scripts too');
      assert.match(String(error['hint']), /--force/);
    }
    const forced = await shop.run([...line, '--force'], { env: WITHOUT_BLKID });
    assert.is(forced.code, 0, forced.stderr);
    assert.match(forced.stderr, /holds +\S/, 'and says what goes');
    assert.is(judge(readFileSync(image)).n, 0);
    await assertBlkidFindsNothing(image);
  });
}

/** Not as a guess between several, either. */
async function assertBlkidFindsNothing(image: string): Promise<void> {
  needs('blkid');
  const { code, stdout } = await runProgram(['blkid', '-p', image]);
  assert.equal([code, stdout], [2, '']);
}

slow('what only blkid knows is refused by its name there', async () => {
  needs('mkfs.cramfs', 'blkid');
  const folder = shop.folderAt('files');
  const image = shop.path('cramfs.img');
  run('mkfs.cramfs', '-n', 'name', folder, image);
  run('truncate', '-s', '1M', image);
  const before = hashOf(image);
  const { code, stderr } = await shop.run(['create', image, '--main-size', '1G', '--yes']);
  assert.is(code, 8, stderr);
  assert.match(stderr, /cramfs/);
  assert.is(hashOf(image), before);
});

slow('--discard-remaps is for our own remaps, and is no key to this door', async () => {
  needs('mkswap');
  const image = shop.sparse('swap.img', 1 << 20);
  run('mkswap', image);
  const line = ['create', image, '--main-size', '1G', '--yes', '--discard-remaps', '0'];
  await assertRefused(shop, line, 'wrong-device', /swap space/, [image]);
});

slow('data that nobody knows is no reason to refuse, and is shown as such', async () => {
  const image = shop.put('noise.img', Buffer.alloc(1 << 20, 'noise that is no signature. '));
  const { code, stderr } = await shop.run(['create', image, '--main-size', '1G', '--yes']);
  assert.is(code, 0, stderr);
  assert.match(stderr, /holds +nothing that is known/);
});

slow('a restore and a wipe do not touch what is foreign', async () => {
  needs('mkfs.ext4');
  const { dump } = await shop.healthy();
  const image = shop.sparse('ext4.img', 1 << 20);
  run('mkfs.ext4', '-q', '-F', image);
  await assertRefused(
    shop,
    ['restore', image, '--input', dump, '--yes', '--same-device'],
    'wrong-device',
    /ext/,
    [image],
  );
  await assertRefused(shop, ['wipe', image, '--yes'], 'not-dmremap3', /nothing to wipe/, [image]);
});
