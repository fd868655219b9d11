import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AMBIVALENT, blkidProbe } from '../../src/device/blkid.js';
import { assert, needs, suite } from '../support/harness.js';
import { MIB, newImage, tool, workFolder, writePieces } from './support.js';

/** What blkid says, and what becomes of it when it says nothing, too much, or never comes back. */

const test = suite('blkid');
const folder = workFolder();
const image = join(folder, 'image');

function program(name: string, body: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

test('names a filesystem, and nothing on zeros', async () => {
  needs('blkid', 'mke2fs');
  newImage(image, 8 * MIB);
  assert.is(await blkidProbe(image), undefined);
  tool('mke2fs', ['-q', '-F', '-t', 'ext4', image]);
  assert.equal(await blkidProbe(image), [{ type: 'ext4', usage: 'filesystem' }]);
});

test('names a partition table', async () => {
  needs('blkid', 'sgdisk');
  tool('sgdisk', ['--new=1:0:0', newImage(image, 8 * MIB)]);
  assert.equal(await blkidProbe(image), [{ type: 'gpt', usage: 'partition-table' }]);
});

test('kinds of several usages are asked for one by one, and each is named once', async () => {
  const torn = program(
    'torn',
    `case "$*" in
      *"-u filesystem"*) printf 'TYPE=ext2\\nUSAGE=filesystem\\nPTTYPE=dos\\n' ;;
      *"-u raid"*) exit 8 ;;
      *"-u crypto"*) exit 2 ;;
      *"-u other"*) printf 'TYPE=swap\\nUSAGE=other\\nPTTYPE=dos\\n' ;;
      *) exit 8 ;;
    esac`,
  );
  assert.equal(await blkidProbe(image, { program: torn }), [
    { type: 'ext2', usage: 'filesystem' },
    { type: 'dos', usage: 'partition-table' },
    { type: AMBIVALENT, usage: 'raid' },
    { type: 'swap', usage: 'other' },
  ]);
  const mute = program('mute', 'case "$*" in *" -u "*) exit 2 ;; *) exit 8 ;; esac');
  assert.equal(await blkidProbe(image, { program: mute }), [{ type: AMBIVALENT }]);
});

test('two filesystems on each other are said to be ambivalent', async () => {
  needs('blkid', 'mke2fs', 'mkfs.btrfs');
  tool('mkfs.btrfs', ['-q', newImage(image, 128 * MIB)]);
  const other = newImage(join(folder, 'other'), 8 * MIB);
  tool('mke2fs', ['-q', '-F', '-t', 'ext2', other]);
  await writePieces(image, [{ at: 0, content: readFileSync(other).subarray(0, 4096) }]);
  assert.equal(await blkidProbe(image), [{ type: AMBIVALENT, usage: 'filesystem' }]);
});

test('what cannot be asked has nothing to say', async () => {
  newImage(image, MIB);
  assert.is(await blkidProbe(join(folder, 'not-there')), undefined);
  assert.is(await blkidProbe(image, { program: join(folder, 'no-such-program') }), undefined);
  assert.is(await blkidProbe(image, { program: program('fails', 'exit 4') }), undefined);
  assert.is(await blkidProbe(image, { program: program('killed', 'kill -9 $$') }), undefined);
  assert.is(await blkidProbe(image, { program: program('empty', 'echo PART_ENTRY_TYPE=0x83') }), undefined);
});

test('is asked for a probe without its cache, by a full path', async () => {
  const echo = program('echo', 'printf "TYPE=%s\\n" "$*"');
  const asked = await blkidProbe('-x', { program: echo });
  assert.equal(asked, [{ type: `-p -c /dev/null -o export ${process.cwd()}/-x` }]);
});

test('quoted values are read as they were', async () => {
  const quoting = program('quoting', `printf '%s\\n' 'TYPE=a\\ b\\"' 'USAGE=other'`);
  assert.equal(await blkidProbe(image, { program: quoting }), [{ type: 'a b"', usage: 'other' }]);
});

test('is given up when it hangs', async () => {
  const began = Date.now();
  const hangs = program('hangs', 'exec sleep 30');
  assert.is(await blkidProbe(image, { program: hangs, timeout: 200 }), undefined);
  assert.ok(Date.now() - began < 5000);
});

test('is found without the folders of system programs in the path', async () => {
  needs('blkid', 'mke2fs');
  tool('mke2fs', ['-q', '-F', '-t', 'ext2', newImage(image, 8 * MIB)]);
  const path = process.env['PATH'];
  try {
    for (const short of ['/nowhere', '', undefined]) {
      if (short === undefined) delete process.env['PATH'];
      else process.env['PATH'] = short;
      assert.equal(await blkidProbe(image), [{ type: 'ext2', usage: 'filesystem' }]);
    }
  } finally {
    process.env['PATH'] = path;
  }
});
