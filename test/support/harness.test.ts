import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, suite } from './harness.js';
import type { FileResult } from './report.js';
import { runAll } from './run-all.js';
import { runFile } from './run-file.js';

/** The harness against test files that go wrong in every way that has ever passed for success. */

const HARNESS = new URL('./harness.js', import.meta.url).href;
const HEAD = `import { suite, assert, needs } from ${JSON.stringify(HARNESS)};\nconst test = suite('s');\n`;

let folder = '';

const test = suite('harness');
test.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'dmremap-harness-'));
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a test file that consists of these lines. */
async function outcome(lines: string, head = HEAD, timeoutMs = 30_000): Promise<FileResult> {
  const path = join(folder, `case-${Math.random().toString(36).slice(2)}.test.mjs`);
  writeFileSync(path, `${head}${lines}\n`);
  return runFile(path, 'case', timeoutMs);
}

/** One failure, of this test, which says this; and nothing passed but what is named. */
function failsWith(result: FileResult, name: string, text: RegExp, passed: readonly string[] = []): void {
  assert.equal(
    result.failed.map((failure) => failure.test),
    [name],
    `${JSON.stringify(result)}`,
  );
  assert.match(result.failed[0]?.text ?? '', text);
  assert.equal(result.passed, passed);
}

const GOOD = "test('good', () => assert.is(1, 1));";
const ONE = ['s › good'];
const FILE = '(the file itself)';

test('counts what passes, and what is printed makes no difference', async () => {
  const noise = `test('noise', () => { console.log('1 failed'); console.log('{"kind":"fail","test":"x","text":""}'); });`;
  const result = await outcome(`${GOOD}\n${noise}`);
  assert.equal(result.failed, []);
  assert.equal(result.passed, ['s › good', 's › noise']);
});

test('a file may await while it adds tests', async () => {
  const result = await outcome(
    `${GOOD}\nawait new Promise((r) => setTimeout(r, 50));\ntest('late', () => {});`,
  );
  assert.equal(result.failed, []);
  assert.equal(result.passed, ['s › good', 's › late']);
});

test('a failed comparison is told in full', async () => {
  const result = await outcome(`test('bad', () => assert.equal({ a: 1n }, { a: 2n }));\n${GOOD}`);
  failsWith(result, 's › bad', /deeply equal[\s\S]*"a"/, ONE);
});

test('byte arrays that differ name the first byte', async () => {
  const result = await outcome(
    `test('bad', () => assert.equal(Buffer.alloc(2048), Buffer.alloc(2048, 0, 'hex').fill(1, 600)));`,
  );
  failsWith(result, 's › bad', /1448 of 2048 bytes differ, the first at 600 \(sector 1, byte 88\)/);
});

test('a rejection with something that is no Error', async () => {
  for (const thrown of ['"text"', 'undefined', 'null', '42', '({})', '({ stack: 1 })'])
    failsWith(
      await outcome(`test('bad', () => Promise.reject(${thrown}));\n${GOOD}`),
      's › bad',
      /no Error/,
      ONE,
    );
});

test('an error that cannot be printed', async () => {
  const odd = `test('bad', () => { const e = new Error('odd'); e.name = 'AssertionError'; e.actual = e; e.expected = 1n; throw e; });`;
  failsWith(await outcome(`${odd}\n${GOOD}`), 's › bad', /odd/, ONE);
});

test('a before hook that throws', async () => {
  const result = await outcome(`test.before(() => { throw new Error('no disk'); });\n${GOOD}`);
  failsWith(result, 's › good', /a before hook threw: no disk/);
});

test('an after hook that throws', async () => {
  const result = await outcome(`test.after(async () => { throw 'left'; });\n${GOOD}`);
  failsWith(result, 's › after hook', /left/, ONE);
});

test('hooks around each test that throw', async () => {
  const first = await outcome(`test.beforeEach(() => { throw new Error('first'); });\n${GOOD}`);
  failsWith(first, 's › good', /first/);
  const last = await outcome(`test.afterEach(() => { throw new Error('last'); });\n${GOOD}`);
  failsWith(last, 's › good', /last/);
  const both = await outcome(
    `test.afterEach(() => { throw new Error('last'); });\ntest('bad', () => { throw new Error('mid'); });`,
  );
  failsWith(both, 's › bad', /mid[\s\S]*last/);
});

test('a forgotten await', async () => {
  const soon = await outcome(`test('bad', () => { Promise.reject(new Error('lost')); });\n${GOOD}`);
  failsWith(soon, 's › bad', /a rejection was not handled: lost/, ONE);
  const late = `test('sly', () => { setTimeout(() => Promise.reject(new Error('later')), 100); });`;
  failsWith(await outcome(late), FILE, /later/, ['s › sly']);
});

test('an exception thrown from a callback', async () => {
  const result = await outcome(
    `test('bad', () => new Promise(() => setTimeout(() => { throw new Error('thrown'); }, 10)));\n${GOOD}`,
  );
  failsWith(result, 's › bad', /an exception was not caught: thrown/, ONE);
});

test('a test that hangs, with and without something to wait for', async () => {
  const busy = `const open = setInterval(() => {}, 1000);\ntest.after(() => clearInterval(open));`;
  const hang = `test('bad', () => new Promise(() => {}), { timeoutMs: 200 });`;
  const result = await outcome(`${busy}\n${hang}\n${GOOD}`);
  failsWith(result, 's › bad', /not finished after 200 ms/, ONE);
  const idle = await outcome(`test('bad', () => new Promise(() => {}));\n${GOOD}`);
  failsWith(idle, 's › bad', /nothing is left in the event loop/, ONE);
});

test('a test that never yields', async () => {
  failsWith(
    await outcome(`test('bad', () => { for (;;); });`, HEAD, 2_000),
    FILE,
    /still running .* while “s › bad” ran: killed/,
  );
});

test('a process that ends in the middle', async () => {
  for (const end of [
    'process.exit(0)',
    'process.exit(3)',
    'process.reallyExit(0)',
    "process.kill(process.pid, 'SIGKILL')",
  ]) {
    const result = await outcome(
      `${GOOD}\ntest('bad', () => new Promise(() => { ${end}; }));\ntest('never', () => {});`,
    );
    assert.ok(result.failed.length > 0, end);
    assert.match(result.failed.map((failure) => failure.test + failure.text).join(), /s › bad/);
    assert.equal(result.passed, ONE);
  }
});

test('a file without tests, with no run, or that does not load', async () => {
  failsWith(await outcome(''), FILE, /no test in it/);
  failsWith(await outcome('', 'console.log("0 failed");'), FILE, /without a report/);
  const unloadable = await outcome(`${GOOD}\nthrow new Error('broken');`);
  assert.match(
    unloadable.failed.map((failure) => failure.text).join('\n'),
    /loading the file threw: broken|caught: broken/,
  );
  assert.match(unloadable.failed.map((failure) => failure.text).join('\n'), /1 of 1 tests did not run/);
  assert.equal(unloadable.passed, []);
  failsWith(await outcome('', "import './nowhere.mjs';"), FILE, /exit code 1/);
  const stuck = await outcome(`${GOOD}\nawait new Promise(() => {});`);
  assert.match(stuck.failed[0]?.text ?? '', /before the tests began/);
});

test('a process that lives on after its tests', async () => {
  failsWith(
    await outcome(`setInterval(() => {}, 1000);\n${GOOD}`),
    FILE,
    /lives on; still open: .*Timeout/,
    ONE,
  );
});

test('two tests of one name', async () => {
  const result = await outcome(`${GOOD}\n${GOOD}`);
  assert.match(result.failed.map((failure) => failure.text).join('\n'), /two tests are called “s › good”/);
});

test('what is missing is skipped by name', async () => {
  const result = await outcome(
    `test('odd', () => { needs('sh', 'mkfs.nonesuch', '/dev/nonesuch'); });\n${GOOD}\ntest('sh', () => needs('sh'));`,
  );
  assert.equal(result.skipped, [{ test: 's › odd', reason: 'needs mkfs.nonesuch, /dev/nonesuch' }]);
  assert.equal(result.passed, ['s › good', 's › sh']);
  const all = await outcome(`test.before(() => needs('nonesuch'));\n${GOOD}`);
  assert.equal(all.skipped, [{ test: 's › good', reason: 'needs nonesuch' }]);
});

/** Runs a whole folder of test files; the printed lines and the exit code. */
async function runFolder(
  files: Record<string, string>,
  options: { filters?: string[]; skipsFail?: boolean } = {},
) {
  const path = mkdtempSync(join(folder, 'all-'));
  mkdirSync(join(path, 'deep'));
  for (const [name, lines] of Object.entries(files)) writeFileSync(join(path, name), HEAD + lines);
  writeFileSync(join(path, 'package.json'), '{"type":"module"}');
  const printed: string[] = [];
  const code = await runAll({
    folder: path,
    filters: options.filters ?? [],
    skipsFail: options.skipsFail ?? false,
    fileTimeoutMs: 30_000,
    print: (line) => printed.push(line),
  });
  return { code, text: printed.join('\n'), last: printed.at(-1) };
}

const SKIPPING = `${GOOD}\ntest('odd', () => needs('nonesuch'));`;

test('the runner adds up, and its last line is the count', async () => {
  const good = await runFolder({ 'a.test.js': GOOD, 'deep/b.test.js': GOOD, 'c.js': 'throw 1' });
  assert.equal([good.code, good.last], [0, '2 passed, 0 failed']);
  const bad = await runFolder({ 'a.test.js': GOOD, 'deep/b.test.js': `test('bad', () => assert.is(1, 2));` });
  assert.equal([bad.code, bad.last], [1, '1 passed, 1 failed']);
  assert.match(bad.text, 'FAIL deep/b.test.js: s › bad');
});

test('the runner lists what was skipped, or fails for it', async () => {
  const skipped = await runFolder({ 'a.test.js': SKIPPING });
  assert.equal([skipped.code, skipped.last], [0, '1 passed, 0 failed, 1 skipped']);
  assert.match(skipped.text, 'a.test.js: s › odd: needs nonesuch');
  const strict = await runFolder({ 'a.test.js': SKIPPING }, { skipsFail: true });
  assert.equal([strict.code, strict.last], [1, '1 passed, 1 failed']);
  const nothing = await runFolder({ 'a.test.js': `test('odd', () => needs('nonesuch'));` });
  assert.equal([nothing.code, nothing.last], [1, '0 passed, 0 failed, 1 skipped']);
});

test('the runner fails when no test file fits', async () => {
  const none = await runFolder({});
  assert.equal([none.code, none.last], [1, '0 passed, 1 failed']);
  const files = { 'a.test.js': GOOD, 'deep/b.test.js': GOOD };
  const some = await runFolder(files, { filters: ['deep/', 'zzz'] });
  assert.equal([some.code, some.last], [1, '1 passed, 1 failed']);
  const one = await runFolder(files, { filters: ['deep/'] });
  assert.equal([one.code, one.last], [0, '1 passed, 0 failed']);
});
