import { combineExitCodes, exitCodeOf } from '../../src/cli/exit-codes.js';
import { describeFailure } from '../../src/cli/report.js';
import { DmremapError, ERROR_CODES } from '../../src/errors.js';
import { assert, suite } from '../support/harness.js';
import { runFixture } from './fixture-cli/run.js';

const test = suite('errors and exit codes');

const EXPECTED = new Map<string, number>([
  ['usage', 16],
  ['no-terminal', 16],
  ['cancelled', 32],
]);

for (const code of ERROR_CODES) {
  test(`${code}: the same exit code with and without --json`, async () => {
    const expected = EXPECTED.get(code) ?? 8;
    assert.is(exitCodeOf(code), expected);

    const plain = await runFixture(['fail', '--code', code]);
    assert.is(plain.code, expected);
    assert.is(plain.stdout, '');
    assert.is(plain.stderr, 'fixture fail: the message\nthe hint\n');

    const json = await runFixture(['fail', '--code', code, '--json']);
    assert.is(json.code, expected);
    // A number beyond 2^53 must be there digit by digit: JSON.parse would round it.
    assert.match(json.stdout, '"big": 9223372036854775808');
    const document = JSON.parse(json.stdout);
    assert.equal(Object.keys(document), ['command', 'exit_code', 'error']);
    assert.is(document.exit_code, expected);
    assert.equal(Object.keys(document.error), ['code', 'message', 'hint', 'big', 'device']);
    assert.is(document.error.code, code);
  });
}

test('exit codes of several devices are combined bit by bit', () => {
  assert.is(combineExitCodes([]), 0);
  assert.is(combineExitCodes([1, 4, 1, 8]), 13);
});

test('a line to type is not broken', () => {
  const terminal = { color: false, unicode: false, width: 40, live: false };
  const hintOf = (hint: string) =>
    describeFailure(new DmremapError('io', 'x', { hint }), false)
      .text('dmremap', terminal)
      .split('\n')
      .slice(1, -1);
  assert.equal(hintOf('look at it: dmremap check x.img'), ['look at it: dmremap check x.img']);
  assert.equal(hintOf('what can still be read of this: dmremap dump /dev/disk/by-id/ata-something-long'), [
    'what can still be read of this:',
    '  dmremap dump /dev/disk/by-id/ata-something-long',
  ]);
});

test('the cause is shown with --verbose only', async () => {
  const verbose = await runFixture(['fail', '--code', 'io', '-v']);
  assert.match(verbose.stderr, 'caused by: Error: the cause');
  assert.not.match((await runFixture(['fail', '--code', 'io'])).stderr, 'cause');
});

for (const how of ['bug', 'string', 'uncaught', 'rejected'] as const) {
  test(`${how}: 8, asks for a report, shows no stack`, async () => {
    const plain = await runFixture(['fail', '--how', how]);
    assert.is(plain.code, 8);
    assert.match(plain.stderr, 'unexpected failure: ');
    assert.match(plain.stderr.replaceAll('\n', ' '), 'Please report it');
    assert.not.match(plain.stderr, /^ +at /m);

    const json = await runFixture(['fail', '--how', how, '--json']);
    assert.is(json.code, 8);
    assert.is(JSON.parse(json.stdout).exit_code, 8);
    assert.is(JSON.parse(json.stdout).error.unexpected, true);
  });
}

test('the stack of a bug is shown with --verbose and with DEBUG', async () => {
  const hasStack = /^ +at .*fail\.js/m;
  assert.match((await runFixture(['fail', '--how', 'bug', '--verbose'])).stderr, hasStack);
  assert.match((await runFixture(['fail', '--how', 'bug'], { env: { DEBUG: 'x' } })).stderr, hasStack);
});

test('the error of a system call is given the code that it amounts to', async () => {
  const { stdout, code } = await runFixture(['fail', '--how', 'errno', '--json']);
  assert.is(code, 8);
  const { error } = JSON.parse(stdout);
  assert.is(error.code, 'no-such-device');
  assert.is(error.errno, 'ENOENT');
});

test('a result that JSON cannot hold is a bug, not half a document', async () => {
  const { stdout, code } = await runFixture(['fail', '--json']);
  assert.is(code, 8);
  assert.match(JSON.parse(stdout).error.message, 'NaN');
});

test('a command that never ends with nothing to wait for is not success', async () => {
  const { stderr, code } = await runFixture(['fail', '--how', 'dry']);
  assert.is(code, 8);
  assert.match(stderr, 'ended before it was done');
});

test('exit codes of results are the same with and without --json', async () => {
  for (const code of [0, 1, 4, 8, 13]) {
    assert.is((await runFixture(['show', 'x', '--code', String(code)])).code, code);
    assert.is((await runFixture(['show', 'x', '--code', String(code), '--json'])).code, code);
  }
});
