import { join } from 'node:path';
import { blkidProbe } from '../../src/device/blkid.js';
import { assert, needs, suite } from '../support/harness.js';
import { eraseAll, ids, MIB, newImage, probeFile, tool, withLoop, workFolder } from './support.js';

/** What the real tools write is found by its name, and is gone for us and for blkid once erased. */

interface Case {
  readonly title: string;
  readonly needs: readonly string[];
  readonly mib: number;
  readonly make: (image: string) => unknown;
  readonly ids: readonly string[];
  readonly name: string;
  /** What blkid calls it. */
  readonly blkid: string;
}

const test = suite('signatures of real tools');
const folder = workFolder();

function mke2fs(title: string, args: readonly string[], id = title, name = `${id} filesystem`): Case {
  return {
    title,
    needs: ['mke2fs'],
    mib: 16,
    make: (image) => tool('mke2fs', ['-q', '-F', ...args, image]),
    ids: [id],
    name,
    blkid: id === 'ext-journal' ? 'jbd' : id,
  };
}

/** A filesystem whose only signature bears its name. */
function plain(title: string, program: string, mib: number, args: (image: string) => string[]): Case {
  return {
    title,
    needs: [program],
    mib,
    make: (image) => tool(program, args(image)),
    ids: [title.toLowerCase()],
    name: `${title} filesystem`,
    blkid: title.toLowerCase(),
  };
}

function fat(bits: number, mib: number): Case {
  return {
    title: `FAT${bits}`,
    needs: ['mkfs.vfat'],
    mib,
    make: (image) => tool('mkfs.vfat', ['-F', String(bits), image]),
    ids: [`fat${bits}`],
    name: `FAT${bits} filesystem`,
    blkid: 'vfat',
  };
}

function mkswap(page: number): Case {
  return {
    title: `swap with pages of ${page}`,
    needs: ['mkswap'],
    mib: 4,
    make: (image) => tool('mkswap', ['-p', String(page), image]),
    ids: ['swap'],
    name: 'swap space',
    blkid: 'swap',
  };
}

function luks(version: 1 | 2, more: readonly string[], found: readonly string[]): Case {
  return {
    title: `LUKS${version}${more.length > 0 ? ` ${more.join(' ')}` : ''}`,
    needs: ['cryptsetup'],
    mib: 32,
    make: (image) =>
      tool(
        'cryptsetup',
        [
          ...['luksFormat', '--batch-mode', '--type', `luks${version}`, '--pbkdf', 'pbkdf2'],
          ...['--pbkdf-force-iterations', '1000', ...more, image, '-'],
        ],
        'secret',
      ),
    ids: found,
    name: `LUKS${version} encrypted volume`,
    blkid: 'crypto_LUKS',
  };
}

function pvcreate(sector: number): Case {
  return {
    title: `LVM2 with its label in sector ${sector}`,
    needs: ['pvcreate', 'losetup', 'root'],
    mib: 16,
    make: (image) =>
      withLoop(image, (device) => {
        // Only this device is looked at, and nothing of the system's LVM is read or written.
        const config = `devices { use_devicesfile=0 hints="none" filter=["a|^${device}$|", "r|.*|"] }
          global { locking_dir="${folder}" } activation { udev_sync=0 udev_rules=0 }`;
        const args = ['--config', config, '--yes', '--labelsector', String(sector), device];
        return tool('pvcreate', args, '', { LVM_SYSTEM_DIR: folder, LVM_SUPPRESS_FD_WARNINGS: '1' });
      }),
    ids: ['lvm2'],
    name: 'LVM2 physical volume',
    blkid: 'LVM2_member',
  };
}

const cases: readonly Case[] = [
  mke2fs('ext2', ['-t', 'ext2']),
  mke2fs('ext3', ['-t', 'ext3']),
  mke2fs('ext4', ['-t', 'ext4']),
  mke2fs('ext4 without a journal', ['-t', 'ext4', '-O', '^has_journal'], 'ext4'),
  mke2fs('ext4 with clusters', ['-t', 'ext4', '-b', '1024', '-O', 'bigalloc'], 'ext4'),
  mke2fs('ext4 with blocks of 64 KiB', ['-t', 'ext4', '-b', '65536'], 'ext4'),
  mke2fs(
    'ext journal',
    ['-O', 'journal_dev', '-b', '1024'],
    'ext-journal',
    'external journal of an ext filesystem',
  ),
  plain('XFS', 'mkfs.xfs', 320, (image) => ['-q', image]),
  plain('Btrfs', 'mkfs.btrfs', 128, (image) => ['-q', image]),
  {
    title: 'F2FS',
    needs: ['mkfs.f2fs'],
    mib: 64,
    make: (image) => tool('mkfs.f2fs', ['-q', image]),
    ids: ['f2fs', 'f2fs'],
    name: 'F2FS filesystem',
    blkid: 'f2fs',
  },
  fat(12, 2),
  fat(16, 16),
  fat(32, 64),
  plain('exFAT', 'mkfs.exfat', 16, (image) => [image]),
  plain('NTFS', 'mkntfs', 16, (image) => ['--force', '--fast', '--quiet', image]),
  {
    title: 'ISO 9660',
    needs: ['xorriso'],
    mib: 0,
    make: (image) => tool('xorriso', ['-as', 'mkisofs', '-quiet', '-J', '-o', image, import.meta.dirname]),
    ids: ['iso9660'],
    name: 'ISO 9660 filesystem',
    blkid: 'iso9660',
  },
  plain('SquashFS', 'mksquashfs', 0, (image) => [import.meta.dirname, image, '-quiet', '-noappend']),
  plain('EROFS', 'mkfs.erofs', 0, (image) => [image, import.meta.dirname]),
  plain('UDF', 'mkudffs', 16, (image) => [image]),
  plain('JFS', 'mkfs.jfs', 16, (image) => ['-q', image]),
  plain('ReiserFS', 'mkfs.reiserfs', 64, (image) => ['-q', '-f', '-f', image]),
  mkswap(4096),
  mkswap(8192),
  mkswap(16384),
  mkswap(32768),
  mkswap(65536),
  luks(1, [], ['luks1']),
  luks(2, [], ['luks2', 'luks2-second']),
  luks(2, ['--luks2-metadata-size', '4m'], ['luks2', 'luks2-second']),
  pvcreate(0),
  pvcreate(1),
  pvcreate(3),
  {
    title: 'bcache',
    needs: ['make-bcache', 'losetup', 'root'],
    mib: 16,
    make: (image) => withLoop(image, (device) => tool('make-bcache', ['-B', device])),
    ids: ['bcache'],
    name: 'bcache device',
    blkid: 'bcache',
  },
  {
    title: 'GPT',
    needs: ['sgdisk'],
    mib: 16,
    make: (image) => tool('sgdisk', ['--new=1:0:0', image]),
    ids: ['mbr-protective', 'gpt', 'gpt-backup'],
    name: 'GPT partition table',
    blkid: 'gpt',
  },
  {
    title: 'GPT with sectors of 4096',
    needs: ['sgdisk', 'losetup', 'root'],
    mib: 16,
    make: (image) => withLoop(image, (device) => tool('sgdisk', ['--new=1:0:0', device]), 4096),
    ids: ['mbr-protective', 'gpt', 'gpt-backup'],
    name: 'GPT partition table',
    // Through sectors of 512 bytes, which an image file has, blkid sees no more.
    blkid: 'PMBR',
  },
  {
    title: 'MBR',
    needs: ['sfdisk'],
    mib: 16,
    make: (image) => tool('sfdisk', ['--quiet', image], 'label: dos\n,8M,L,*\n,,L\n'),
    ids: ['mbr'],
    name: 'MBR partition table',
    blkid: 'dos',
  },
];

for (const one of cases) {
  test(one.title, async () => {
    needs('blkid', ...one.needs);
    const image = join(folder, 'image');
    newImage(image, one.mib * MIB);
    one.make(image);

    const found = await probeFile(image);
    assert.equal(ids(found), one.ids);
    assert.ok(found.some(({ name }) => name === one.name));
    assert.ok(found.every(({ ours }) => !ours));
    const seen = await blkidProbe(image);
    assert.is(
      seen?.some(({ type }) => type === one.blkid),
      true,
      `blkid says ${JSON.stringify(seen)}`,
    );

    await eraseAll(
      image,
      found.flatMap(({ erase }) => erase),
    );
    assert.equal(ids(await probeFile(image)), []);
    assert.is(await blkidProbe(image), undefined);
  });
}
