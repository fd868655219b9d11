import { HEALTHY_ENTRIES, healthyImage, MAIN_SECTORS } from '../obligations/commands.js';
import { DMREMAP, runProgram } from '../obligations/run-cli.js';
import { type Document, documentOf } from '../obligations/schemas.js';
import { fingerprint, patient, Workshop } from '../obligations/workshop.js';
import { patch, patchSealed } from '../support/build-image.js';
import { expectedCases, fixture } from '../support/fixtures.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { assertRefused } from './changes.js';

/** The flags of check, several devices at once, and its text. */

const test = suite('dmremap check');
const slow = patient(test);
const shop = new Workshop();
let spare = '';
let main = '';
test.before(async () => {
  ({ spare, main } = await shop.healthy());
});
test.after(() => shop.cleanUp());

slow('flags that exclude each other', async () => {
  const before = fingerprint(spare);
  for (const flags of [['-n', '-p'], ['-p', '-y'], ['-n', '-y'], ['-npy']])
    await assertRefused(shop, ['check', ...flags, spare], 'usage', /only one of -n, -p and -y/, [spare]);
  const several = ['check', '--main', main, spare, spare];
  await assertRefused(shop, several, 'usage', /--main goes with one spare only/, [spare]);
  assert.is(fingerprint(spare), before);
});

/** The reports on the devices, in the order of the command line. */
function reportsOf(document: Document): Document[] {
  const devices = document['devices'];
  return Array.isArray(devices) ? devices : [];
}

slow('codes of several devices are OR-ed, and one that fails does not stop the rest', async () => {
  const lame = shop.put('lame.img', healthyImage({ set_uuid: Buffer.alloc(16, 7) }).fill(0, 0, 4096));
  const broken = shop.put('broken.img', fixture('same-generation-differs'));
  const ended = await shop.run([
    'check',
    '-p',
    shop.path('missing'),
    lame,
    broken,
    spare,
    shop.folder,
    '--json',
  ]);
  assert.is(ended.code, 1 | 4 | 8 | 16, ended.stderr);
  const reports = reportsOf(documentOf(ended, 'check'));
  assert.equal(
    reports.map(({ exit_code }) => exit_code),
    [8, 1, 4, 0, 16],
  );
  assert.equal(ended.stderr.match(/^dmremap check: /gm)?.length, 2, ended.stderr);
  assert.is((await shop.run(['check', lame, spare])).code, 0);
});

slow('--main compares size and identity', async () => {
  assert.is((await shop.run(['check', spare, '--main', main])).code, 0);
  const other = shop.sparse('other-main.img', MAIN_SECTORS * SECTOR + 4096);
  const wrong = await shop.run(['check', spare, '--main', other]);
  assert.is(wrong.code, 4, wrong.stdout);
  assert.match(wrong.stdout, /main-size-differs/);
  assert.match(wrong.stdout.replace(/\s+/g, ' '), /has 4104 sectors, the metadata says 4096/);
  await assertRefused(shop, ['check', spare, '--main', shop.path('missing')], 'no-such-device', /missing/, [
    spare,
  ]);
  const named = shop.put('named.img', healthyImage({ main_id: 'serial:123' }));
  const anonymous = await shop.run(['check', named, '--main', main]);
  assert.is(anonymous.code, 4);
  assert.match(anonymous.stdout, /main-identity-differs/);
});

slow('a claim of billions of entries costs neither time nor memory', async () => {
  needs('python3');
  const script = `import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)`;
  for (const [field, value] of [
    ['entry_count', 0xffff_ffff],
    ['max_entries', 0xffff_ffff],
  ] as const) {
    for (const [copy, seal] of [
      ['primary', false],
      ['both', false],
      ['both', true],
    ] as const) {
      const image = healthyImage();
      if (seal) patchSealed(image, copy, field, value);
      else patch(image, copy, field, value);
      const path = shop.put('huge.img', image);
      for (const line of [
        ['check', path],
        ['dump', path, '--json'],
      ]) {
        const { stdout } = await runProgram(['python3', '-c', script, process.execPath, DMREMAP, ...line]);
        const [code, kib] = stdout.split(' ').map(Number);
        const told = `${line[0]} of ${copy} ${field} ${value}`;
        assert.is(code, line[0] === 'dump' && copy === 'primary' ? 0 : 4, told);
        assert.ok((kib ?? Infinity) < 150 * 1024, `${told}: ${kib} KiB`);
      }
    }
  }
});

slow('what is said fits 80 columns', async () => {
  const names = expectedCases.map((_, index) => `${index}.img`);
  for (const [index, [name]] of expectedCases.entries()) shop.put(`${index}.img`, fixture(name));
  const lines = [
    ['check', '-v', ...names],
    ['check', ...names],
  ];
  for (const name of names.filter((_, index) => index % 4 === 0))
    lines.push(['info', name, '-v'], ['scan', name]);
  for (const line of [...lines, ['explain'], ['explain', 'format'], ['explain', 'copies-differ']]) {
    const { stdout, stderr } = await shop.run(line, { cwd: shop.folder });
    const wide = (stdout + stderr).split('\n').filter((text) => [...text].length > 80);
    // a command that is to be copied is never broken
    const broken = wide.filter((text) => !/^ *(?:next|next:) +dmremap /.test(text));
    assert.equal(broken, [], line.slice(0, 3).join(' '));
  }
});

slow('every problem says where, what it means, and what to type next', async () => {
  const { problems: rows } = documentOf(await shop.run(['explain', '--json']), 'explain');
  const known = new Set(Array.isArray(rows) ? rows.map(({ id }) => id) : []);
  for (const [name, { n }] of expectedCases) {
    if (n !== 4) continue;
    const path = shop.put(`${name}.img`, fixture(name));
    const document = documentOf(await shop.run(['check', path, '--json']), 'check');
    for (const report of reportsOf(document)) {
      const problems = report['problems'];
      for (const problem of Array.isArray(problems) ? problems : []) {
        if (problem.severity === 'note') continue;
        assert.match(String(problem.next), /^dmremap /, `${name}: ${problem.id}`);
        assert.not.match(String(problem.message), /[{}]|undefined/, `${name}: ${problem.id}`);
        assert.not.match(String(problem.next), /[{}]|undefined/, `${name}: ${problem.id}`);
        assert.ok(known.has(problem.id), `explain does not know ${problem.id}`);
      }
    }
  }
});

slow('--media reads the data sectors', async () => {
  const ended = await shop.run(['check', '--media', '--progress=json', spare]);
  assert.equal([ended.code, HEALTHY_ENTRIES.length], [0, 5], ended.stderr);
});
