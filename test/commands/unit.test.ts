import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { healthyImage } from '../obligations/commands.js';
import { documentOf } from '../obligations/schemas.js';
import { Workshop } from '../obligations/workshop.js';
import { fixture } from '../support/fixtures.js';
import { assert, needs, suite } from '../support/harness.js';
import { assertRefused } from './changes.js';

/**
 * The boot files: what they hold, what those who read them say of them, and what they do where the check fails.
 * That they build the device from a cold start is test/kernel's to show.
 */

const test = suite('dmremap unit');
const shop = new Workshop();
const UUID = '11111111-2222-3333-4444-555555555555';
const NAME = 'dmremap-11111111';
let spare = '';
test.before(() => {
  spare = shop.put('spare.img', healthyImage({ main_id: 'wwn:0x5000c500a1b2c3d4' }));
});
test.after(() => shop.cleanUp());

const TARGETS = ['linear', 'nbd'] as const;
const FORMATS = ['systemd', 'initramfs-tools', 'dracut'] as const;
const EACH = TARGETS.flatMap((target) => FORMATS.map((format) => ({ target, format })));

interface BootFile {
  readonly path: string;
  readonly mode: string;
  readonly content: string;
}

async function filesOf(target: string, format: string): Promise<readonly BootFile[]> {
  const ended = await shop.run(['unit', spare, '--for', target, '--format', format, '--json']);
  assert.is(ended.code, 0, ended.stderr);
  return documentOf(ended, 'unit')['files'] as unknown as readonly BootFile[];
}

for (const { target, format } of EACH) {
  test(`${target}, ${format}: the check first, and no name or table that another boot would change`, async () => {
    const files = await filesOf(target, format);
    const all = files.map(({ content }) => content).join('\n');
    const made = `dmremap ${target === 'linear' ? 'table' : 'serve'} SET=${UUID}`;
    const [checks, makes] = [all.indexOf(`fsck.dmremap3 -a SET=${UUID}`), all.indexOf(made)];
    assert.ok(checks >= 0 && checks < makes, all);
    assert.not.match(all, /\/dev\/(sd|hd|vd|xvd|nvme|mmcblk|loop|dm-|md|nbd\d)/);
    assert.not.match(all, /\d+ \d+ linear/);
    assert.not.match(all, new RegExp(spare));
    assert.ok(
      files.every(({ path }) => path.includes(NAME)),
      'files of two sets do not meet',
    );
  });

  test(`${target}, ${format}: the text gives the same files`, async () => {
    const files = await filesOf(target, format);
    const { code, stdout } = await shop.run(['unit', spare, '--for', target, '--format', format]);
    assert.is(code, 0);
    if (format === 'systemd') return assert.is(stdout, files[0]?.content);
    const folder = shop.path(`put ${target} ${format}`);
    execFileSync('sh', ['-s', folder], { input: stdout });
    for (const { path, mode, content } of files) {
      assert.is(readFileSync(join(folder, path), 'utf8'), content);
      assert.is((statSync(join(folder, path)).mode & 0o777).toString(8), mode.replace(/^0/, ''));
    }
  });
}

test('systemd finds nothing wrong with the units', async () => {
  needs('systemd-analyze');
  for (const target of TARGETS) {
    const [unit] = await filesOf(target, 'systemd');
    const path = shop.put(`${NAME}-${target}.service`, Buffer.from(unit?.content ?? ''));
    const verified = (file: string) => spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
    const { status, stderr } = verified(path);
    assert.equal([status, stderr], [0, ''], target);
    const spoiled = shop.put('spoiled.service', Buffer.from((unit?.content ?? '').replace('Type=', 'Tipe=')));
    assert.match(verified(spoiled).stderr, /Tipe/, 'and it does look');
  }
});

test('the scripts are in order by shellcheck', async () => {
  needs('shellcheck');
  for (const { target, format } of EACH) {
    if (format === 'systemd') continue;
    const { stdout } = await shop.run(['unit', spare, '--for', target, '--format', format]);
    const scripts = [stdout, ...(await filesOf(target, format)).map(({ content }) => content)];
    for (const [index, script] of scripts.entries()) {
      const path = shop.put(`${target}-${format}-${index}.sh`, Buffer.from(script));
      // SC1091: what initramfs-tools brings is not here
      const { status, stdout: said } = spawnSync('shellcheck', ['-e', 'SC1091', path], { encoding: 'utf8' });
      assert.equal([status, said], [0, ''], path);
    }
  }
});

/** Programs that write down how they were called, and end as they are told. */
function recorders(): string {
  const folder = shop.path('recorders');
  if (existsSync(folder)) return folder;
  mkdirSync(folder);
  const programs: { readonly [name: string]: string } = {
    'fsck.dmremap3': 'exit $FSCK',
    dmremap: 'test "$1" != table || echo "echo told the shell \'what a table says\' >>$LOG"; exit $DMREMAP',
    modprobe: 'exit 0',
    sleep: 'exit 0',
    udevadm: 'exit 0',
    'nbd-client': 'exit 0',
  };
  for (const [name, end] of Object.entries(programs)) {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\necho ${name} "$@" >>"$LOG"\n${end}\n`);
    chmodSync(path, 0o755);
  }
  return folder;
}

/** Runs a script where /run is its own; returns its code and what was called. */
function runScript(script: string, fsck: number, program = 0): { code: number | null; calls: string[] } {
  const log = shop.path('calls');
  writeFileSync(log, '');
  const path = shop.put('script.sh', Buffer.from(script));
  const within = 'mount -t tmpfs none /run && mkdir /run/dmremap && exec sh "$0"';
  const { status } = spawnSync('unshare', ['-m', 'sh', '-c', within, path], {
    env: {
      PATH: `${recorders()}:${process.env['PATH']}`,
      LOG: log,
      FSCK: String(fsck),
      DMREMAP: String(program),
    },
  });
  return { code: status, calls: readFileSync(log, 'utf8').trimEnd().split('\n') };
}

/** What the shell is given for a line of a unit (systemd.service(5), “COMMAND LINES”), in the order of the unit. */
function linesOf(unit: string): string {
  const lines = [...unit.matchAll(/^Exec(?:StartPre|Start|StartPost)=\/bin\/sh -c '(.*)'$/gm)];
  return lines
    .map(([, line = '']) => `sh -c '${line.replace(/\\\\|\$\$|%%/g, (two) => two[0] ?? '')}' || exit`)
    .join('\n');
}

test('what the check does not leave in order is not built; what it corrected is', async () => {
  needs('root', 'unshare');
  for (const { target, format } of EACH) {
    const files = await filesOf(target, format);
    const content = files.find(({ path }) => /local-top|build\.sh|\.service/.test(path))?.content ?? '';
    const script = format === 'systemd' ? linesOf(content) : content;
    const built = (calls: readonly string[]) =>
      calls.some((call) => call.startsWith(target === 'linear' ? 'told the shell' : 'nbd-client -unix'));
    for (const [fsck, builds] of [
      [0, true],
      [1, true],
      [4, false],
      [5, false],
      [8, false],
      [12, false],
      [16, false],
      [32, false],
    ] as const) {
      const { code, calls } = runScript(script, fsck);
      const told = `${target}, ${format}, fsck ${fsck}: ${calls.join('; ')}`;
      assert.is(calls.filter((call) => call !== 'udevadm settle')[0], `fsck.dmremap3 -a SET=${UUID}`, told);
      assert.is(built(calls), builds, told);
      assert.is(code === 0, builds, told);
      if (!builds)
        assert.not.ok(
          calls.some((call) => call.startsWith('dmremap')),
          told,
        );
    }
    const { code, calls } = runScript(script, 0, 8);
    assert.ok(code !== 0 && !built(calls), `${target}, ${format}: what failed is not built: ${calls}`);
  }
});

test('disks that come late are waited for in an initramfs', async () => {
  needs('root', 'unshare');
  const files = await filesOf('linear', 'initramfs-tools');
  const script = files.find(({ path }) => path.includes('local-top'))?.content ?? '';
  assert.is(runScript(script, 8).calls.filter((call) => call.startsWith('fsck')).length, 31);
  assert.is(runScript(script, 4).calls.filter((call) => call.startsWith('fsck')).length, 1);
});

test('a set that nothing would find at boot is refused', async () => {
  const nameless = shop.put('nameless.img', healthyImage());
  const line = (path: string) => ['unit', path, '--for', 'linear', '--format', 'systemd'];
  await assertRefused(shop, line(nameless), 'unsupported', /no identity of its main/, [nameless]);
  const plain = shop.put('plain.img', fixture('plain-some'));
  await assertRefused(shop, line(plain), 'unsupported', /no identity/, [plain]);
  const { stderr } = await shop.run(line(plain));
  const [, first = ''] = /^first:\s+dmremap (.*)$/m.exec(stderr) ?? [];
  assert.is((await shop.run([...first.split(' '), '--yes', '--dry-run'])).code, 0, stderr);
  const retired = shop.put('retired.img', fixture('role-retired'));
  await assertRefused(shop, line(retired), 'retired', /retired/, [retired]);
});

test('every flag that is missing is named, and what a flag needs', async () => {
  const said = async (...line: string[]) => (await shop.run(line)).stderr.split('\n', 1)[0];
  assert.is(await said('unit', spare), 'dmremap unit: missing flag: --for; missing flag: --format');
  assert.is(await said('map', spare, '--overwrite'), 'dmremap map: --overwrite needs --svg');
  assert.is(await said('map', spare, '--width', '5'), 'dmremap map: --width: 5 is not 20 or greater');
});
