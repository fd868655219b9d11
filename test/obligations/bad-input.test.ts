import { chmodSync, chownSync } from 'node:fs';
import { exitCodeOf } from '../../src/cli/exit-codes.js';
import type { ErrorCode } from '../../src/errors.js';
import { assert, needs, suite } from '../support/harness.js';
import { type BadDevice, badDevices } from './bad-devices.js';
import { ROWS, type Row } from './commands.js';
import { type Ended, withoutPrivileges } from './run-cli.js';
import { type Document, documentOf, isObject } from './schemas.js';
import { patient, Workshop } from './workshop.js';

/** Whatever is named in place of a spare: the same clear answer from every command, in text and in JSON. */

const test = suite('obligations: bad input');
const slow = patient(test);
const shop = new Workshop();
let bad: readonly BadDevice[] = [];
let things = { spare: '', main: '', target: '', dump: '', control: 'missing.ctl' };
test.before(async () => {
  bad = await badDevices(shop);
  things = await shop.healthy();
});
test.after(() => shop.cleanUp());

/** Runs a line with --json alone, as if the text had come out the same. */
async function jsonOnly(line: readonly string[]): Promise<[text: Ended, json: Ended]> {
  const json = await shop.run([...line, '--json']);
  return [{ ...json, stdout: '' }, json];
}

/** Runs a line with and without --json: both have to end with the same code and the same words. */
async function both(line: readonly string[], run = shop.run.bind(shop)): Promise<[text: Ended, json: Ended]> {
  const text = await run(line);
  const json = await run([...line, '--json']);
  const told = line.join(' ');
  assert.is(json.code, text.code, `${told}: the exit code is another one with --json`);
  assert.is(json.stderr, text.stderr, `${told}: standard error is another one with --json`);
  return [text, json];
}

/** One message that says what and where, nothing on standard output, and the error in the document. */
function assertFailure(row: Row, [text, json]: [Ended, Ended], code: ErrorCode, says: RegExp): void {
  const prefix = `dmremap ${row.name}: `;
  assert.is(text.code, exitCodeOf(code), `${prefix}${text.stderr}`);
  assert.is(text.stdout, '', prefix);
  assertOneMessage(text.stderr, prefix, says);
  const document = documentOf(json, row.name);
  const error = document['error'];
  assert.ok(isObject(error), `${prefix}no error in the document`);
  if (!isObject(error)) return;
  assert.is(error['code'], code, prefix);
  assert.is(`${prefix}${error['message']}`, text.stderr.split('\n')[0]);
}

function assertOneMessage(stderr: string, prefix: string, says: RegExp): void {
  const lines = stderr.trimEnd().split('\n');
  assert.ok(lines[0]?.startsWith(prefix), `no message of ${prefix}: ${stderr}`);
  assert.match(lines[0] ?? '', says);
  assert.is(lines.filter((line) => line.startsWith('dmremap')).length, 1, `several messages: ${stderr}`);
  assert.not.match(stderr, /^\s+at |unexpected failure|Error:/m, 'a stack trace');
}

/** A search tells what could not be read beside what was found. */
function assertReported(row: Row, [text, json]: [Ended, Ended], device: BadDevice): void {
  const nothing = device.code === 'too-small' || device.code === 'not-dmremap3';
  assert.is(text.code, nothing ? 0 : exitCodeOf(device.code), `scan: ${device.title}`);
  const document: Document = documentOf(json, row.name);
  const failures = document['failures'];
  assert.equal(
    Array.isArray(failures) ? failures.map(({ code }) => code) : failures,
    nothing ? [] : [device.code],
  );
  if (nothing) assert.is(text.stderr, '');
  else assertOneMessage(text.stderr, 'dmremap scan: ', device.says);
}

for (const row of ROWS.filter(({ takes }) => takes !== 'nothing')) {
  slow(`${row.name}: what is no spare`, async () => {
    for (const [index, device] of bad.entries()) {
      const zeros = device.code === 'not-dmremap3' ? row.onZeros : undefined;
      if (zeros === 'success') continue;
      // every command meets every device; text and JSON are compared at one device in three, in turns
      const run = (index + ROWS.indexOf(row)) % 3 === 0 ? both : jsonOnly;
      const outcome = await run(row.line({ ...things, spare: device.path }));
      if (row.searches) assertReported(row, outcome, device);
      else if (zeros !== undefined) assertFailure(row, outcome, zeros, /./);
      else assertFailure(row, outcome, device.code, device.says);
    }
  });

  slow(`${row.name}: what its user may not open`, async () => {
    if (process.geteuid?.() === 0) needs('setpriv');
    const secret = shop.path('secret.img');
    shop.sparse('secret.img', 1 << 20);
    chmodSync(secret, process.geteuid?.() === 0 ? 0o600 : 0);
    if (process.geteuid?.() === 0) chownSync(secret, 65534, 65534);
    const outcome = await both(row.line({ ...things, spare: secret }), withoutPrivileges);
    const denied: BadDevice = { title: 'denied', path: secret, code: 'permission', says: /not allowed/ };
    if (row.searches) assertReported(row, outcome, denied);
    else assertFailure(row, outcome, 'permission', /not allowed/);
    chmodSync(secret, 0o600);
  });
}

const LACKING = /missing|name main|name sectors|expects|must be provided|--\S+ needs --/;

for (const row of ROWS) {
  slow(`${row.name}: a wrong command line`, async () => {
    const line = row.line(things);
    assertFailure(row, await both([...line, '--no-such-flag']), 'usage', /unknown flag: --no-such-flag/);
    assertFailure(row, await jsonOnly([...line, '-Z']), 'usage', /unknown flag: -Z/);
    const wrong = row.lacking.map((lacking) => [lacking, LACKING] as const);
    if (row.takes !== 'devices')
      wrong.push([[...line, 'one', 'more'], /unexpected argument|whole number|"one"/]);
    for (const [words, says] of wrong) assertFailure(row, await jsonOnly(words), 'usage', says);
  });
}
