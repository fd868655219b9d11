import { assert, suite } from '../support/harness.js';
import { runFixture } from './fixture-cli/run.js';

const test = suite('results');

test('the JSON document begins with command and exit_code, whatever the result says', async () => {
  const { stdout } = await runFixture(['show', '/dev/x', '3-4', '--json', '--code', '4']);
  assert.match(
    stdout,
    /^\{\n {2}"command": "show",\n {2}"exit_code": 4,\n {2}"big": 18446744073709551615,\n/,
  );
  const document = JSON.parse(stdout);
  assert.equal(document.sectors, [[3, 2]]);
  assert.not('nothing' in document);
});

test('the name of a command in a group has its words', async () => {
  const { stdout } = await runFixture(['group', 'one', '--json']);
  assert.equal(JSON.parse(stdout), { command: 'group one', exit_code: 0, one: 1 });
});

test('shared flags may stand before the command', async () => {
  const { stdout, code } = await runFixture(['--json', 'show', 'x']);
  assert.is(JSON.parse(stdout).spare, 'x');
  assert.is(code, 0);
});

test('warnings go to standard error and into the document', async () => {
  const plain = await runFixture(['show', 'x', '--warn', 'beware']);
  assert.is(plain.stderr, 'fixture show: warning: beware\n');
  assert.is(plain.stdout, 'spare x – shown\n');
  const json = await runFixture(['show', 'x', '--warn', 'beware', '--json']);
  assert.equal(JSON.parse(json.stdout).warnings, ['beware']);
});

test('--quiet leaves errors only, but prints JSON that was asked for', async () => {
  const quiet = await runFixture(['show', 'x', '--warn', 'beware', '-q']);
  assert.is(quiet.stdout, '');
  assert.is(quiet.stderr, '');
  assert.is(JSON.parse((await runFixture(['show', 'x', '-q', '--json'])).stdout).spare, 'x');
  assert.match((await runFixture(['fail', '--code', 'io', '-q'])).stderr, 'the message');
});

test('--verbose says more', async () => {
  assert.is((await runFixture(['show', 'x', '-v'])).stderr, 'fixture show: a detail\n');
});

test('text is ASCII with --ascii, and where the locale or the terminal wants it', async () => {
  const ascii = 'spare x - shown\n';
  assert.is((await runFixture(['show', 'x', '--ascii'])).stdout, ascii);
  assert.is((await runFixture(['show', 'x'], { env: { LC_ALL: 'C' } })).stdout, ascii);
  assert.is((await runFixture(['show', 'x'], { env: { TERM: 'dumb' } })).stdout, ascii);
});

test('a command loads nothing that it does not use', async () => {
  const { stdout } = await runFixture(['show', 'x', '--loaded', '--json']);
  const modules: string[] = JSON.parse(stdout).modules;
  assert.ok(modules.some((name) => name.includes('/@oclif/core/')));
  for (const unused of [
    'cli-table3',
    'koffi',
    'rxjs',
    'mute-stream',
    '@oclif/core/lib/index.js',
    'wsl-utils',
  ]) {
    assert.equal(
      modules.filter((name) => name.includes(`/${unused}`)),
      [],
      unused,
    );
  }
});

test('--version says the version, in JSON too', async () => {
  assert.equal(await runFixture(['--version']), { code: 0, stdout: 'fixture 1.2.3\n', stderr: '' });
  const { stdout } = await runFixture(['--version', '--json']);
  assert.equal(JSON.parse(stdout), { command: 'fixture', exit_code: 0, version: '1.2.3' });
});

for (const args of [[], ['help'], ['--help'], ['-h'], ['-q'], ['help', '--json']]) {
  test(`help of the program: ${JSON.stringify(args)}`, async () => {
    const { stdout, stderr, code } = await runFixture(args);
    assert.is(code, 0);
    assert.is(stderr, '');
    assert.match(stdout, /^Commands for tests\n/);
    assert.match(stdout, /\n {2}show +Show what was parsed\.\n/);
    assert.match(stdout, /\nTOPICS\n {2}group\n/);
  });
}

for (const args of [
  ['show', '--help'],
  ['show', '-h'],
  ['help', 'show'],
  ['--help', 'show'],
  ['show', 'x', '-vh'],
]) {
  test(`help of a command: ${args.join(' ')}`, async () => {
    const { stdout, stderr, code } = await runFixture(args);
    assert.is(code, 0);
    assert.is(stderr, '');
    assert.match(stdout, /^Show what was parsed\.\n\nUSAGE\n {2}\$ fixture show SPARE \[SECTOR\.\.\.\]/);
    assert.match(stdout, /\n {2}-q, --quiet {5}Print errors only\.\n/);
    const longest = Math.max(...stdout.split('\n').map((line) => line.length));
    assert.ok(longest <= 80, `a line of ${longest} columns`);
  });
}

test('help of a group lists its commands', async () => {
  const { stdout, code } = await runFixture(['group', '--help']);
  assert.is(code, 0);
  assert.match(stdout, 'group one  The first of the group.');
});
