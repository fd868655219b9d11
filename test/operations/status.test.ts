import { MemoryDevice } from '../../src/device/memory-device.js';
import { DmremapError } from '../../src/errors.js';
import type { Status } from '../../src/operations/status.js';
import { offlineStatus, prometheusText, statusLine } from '../../src/operations/status.js';
import { NOW, tryDiagnose } from '../check/check-device.js';
import { buildImage, type Entry, type ImageSpec, patch, patchSealed } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';

/** The status line of cli.md, field by field, for a spare that no server holds. */

const test = suite('status');

const entries = (count: number) => Array.from({ length: count }, (_, index): Entry => [index, 300 + index]);
const SPEC: ImageSpec = { layout: 'redundant', sectors: 4096, mainSectors: 204_800, entries: entries(2) };

async function statusOf(image: Buffer): Promise<Status | undefined> {
  const found = await tryDiagnose(new MemoryDevice(image));
  if (found instanceof DmremapError) throw found;
  return offlineStatus(found);
}

async function line(spec: Partial<ImageSpec>, change: (image: Buffer) => void = () => {}): Promise<string> {
  const image = buildImage({ ...SPEC, ...spec });
  change(image);
  const status = await statusOf(image);
  return status === undefined ? 'none' : statusLine(status);
}

test('the example of cli.md', async () => {
  assert.is(
    await line({}),
    '0 204800 remap v3.0 2/1000 0/1000 2/1000 health=1 errors=W0:R0 auto_remaps=0 manual_remaps=2 scan=0% persist=enabled last_save=1696195200',
  );
});

test('every counter in its place', async () => {
  const fields = {
    lost_remaps: 11,
    auto_remaps: 22,
    manual_remaps: 33,
    write_errors: 44,
    read_errors: 2n ** 64n - 1n,
    last_update_time: NOW,
  };
  assert.is(
    await line({ fields, maxEntries: 600 }),
    `0 204800 remap v3.0 2/600 11/600 2/600 health=1 errors=W44:R18446744073709551615 auto_remaps=22 manual_remaps=33 scan=0% persist=enabled last_save=${NOW}`,
  );
});

test('without an extension the counters are 0, whatever lies there', async () => {
  const told = await line({ layout: 'plain' });
  assert.match(
    told,
    /^0 204800 remap v3\.0 2\/1000 0\/1000 2\/1000 health=1 errors=W0:R0 auto_remaps=0 manual_remaps=0 /,
  );
});

async function health(
  spec: Partial<ImageSpec>,
  change?: (image: Buffer) => void,
): Promise<string | undefined> {
  return / health=(\d) /.exec(await line(spec, change))?.[1];
}

test('health: 1 good', async () => {
  assert.is(await health({ maxEntries: 1000, entries: entries(899) }), '1');
  assert.is(await health({ role: 2 }), '1');
});

test('health: 1 also where something waits that is no copy, which the exit code tells', async () => {
  assert.is(await health({ state: 1 }), '1');
  assert.is(await health({ role: 1 }), '1');
  assert.is(await health({ tailBytes: Buffer.alloc(4096) }), '1');
  assert.is(
    await health({
      entries: [
        [1, 300],
        [1, 301],
      ],
    }),
    '1',
  );
});

test('health: 2 a stale or damaged copy, or nearly full', async () => {
  assert.is(await health({ generation: 2, backupGeneration: 1 }), '2');
  assert.is(await health({}, (image) => patch(image, 'primary', 'state', 1)), '2');
  assert.is(await health({ maxEntries: 1000, entries: entries(900) }), '2');
  const other = (image: Buffer) => patchSealed(image, 'backup', 'set_uuid', Buffer.alloc(16, 7));
  assert.is(await health({}, other), '2', 'its own backup is gone');
});

test('health: 3 full, or errors that could not be remapped', async () => {
  assert.is(await health({ maxEntries: 1000, entries: entries(1000) }), '3');
  assert.is(await health({ state: 3 }), '3');
});

test('nothing is said where no copy is valid', async () => {
  assert.is(await line({}, (image) => patch(image, 'both', 'state', 1)), 'none');
});

test('the same as metrics', async () => {
  const status = await statusOf(buildImage(SPEC));
  assert.ok(status);
  const text = prometheusText('/dev/disk/by-id/a "b"\\', status);
  const lines = text.trimEnd().split('\n');
  assert.is(lines.length % 3, 0);
  for (let index = 0; index < lines.length; index += 3) {
    const [, name] = /^# HELP (dmremap_[a-z_]+) \S/.exec(lines[index] ?? '') ?? [];
    assert.match(lines[index + 1] ?? '', new RegExp(`^# TYPE ${name} (gauge|counter)$`));
    assert.match(lines[index + 2] ?? '', new RegExp(`^${name}\\{device="/dev/disk/by-id/a \\\\\\\\?"b`));
  }
  assert.match(text, /^dmremap_remapped_sectors\{.*\} 2$/m);
  assert.match(text, /^dmremap_health\{.*\} 1$/m);
  assert.match(text, /^dmremap_last_save_timestamp_seconds\{.*\} 1696195200$/m);
  assert.ok(text.endsWith('\n'));
});
