import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type Sink, writeOutputFile } from '../../src/device/output-file.js';
import { DmremapError } from '../../src/errors.js';
import { assert, suite } from '../support/harness.js';
import { fails, Scratch } from './scratch.js';

const test = suite('writeOutputFile');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

const hello = (sink: Sink): Promise<void> => sink.write('hello\n');

test('writes text and bytes in order', async () => {
  const path = scratch.path('out.txt');
  const written = await writeOutputFile(path, {}, async (sink) => {
    void sink.write('one '); // not waited for
    await sink.write(Buffer.from('zwei – '));
    await sink.write('');
    await sink.write('three\n');
  });
  assert.is(readFileSync(path, 'utf8'), 'one zwei – three\n');
  assert.is(written, statSync(path).size);
  assert.equal(readdirSync(scratch.folder), ['out.txt']);
});

test('an empty file, and one in the folder of now', async () => {
  assert.is(await writeOutputFile(scratch.path('empty'), {}, async () => {}), 0);
  assert.is(statSync(scratch.path('empty')).size, 0);
  const before = process.cwd();
  process.chdir(scratch.folder);
  try {
    await writeOutputFile('relative', {}, hello);
    await writeOutputFile('x'.repeat(255), {}, hello);
  } finally {
    process.chdir(before);
  }
  assert.is(readFileSync(scratch.path('relative'), 'utf8'), 'hello\n');
  assert.is(readFileSync(scratch.path('x'.repeat(255)), 'utf8'), 'hello\n');
});

test('chunks of every size, also such as do not fit a buffer', async () => {
  const path = scratch.path('chunks');
  const expected: Buffer[] = [];
  await writeOutputFile(path, {}, async (sink) => {
    for (const [index, size] of [1, 262_143, 262_144, 262_145, 700_001, 3, 0, 524_288].entries()) {
      const chunk = Buffer.alloc(size, index + 1);
      expected.push(Buffer.from(chunk));
      await sink.write(chunk);
      chunk.fill(0xff); // it is the caller's again
    }
  });
  assert.equal(readFileSync(path), Buffer.concat(expected));
});

test('50 MB pass through little memory', async () => {
  const path = scratch.path('large');
  const chunk = `${'x'.repeat(999)}\n`;
  const before = process.memoryUsage.rss();
  let most = before;
  await writeOutputFile(path, {}, async (sink) => {
    for (let line = 0; line < 50_000; line++) {
      await sink.write(chunk);
      if (line % 1000 === 0) most = Math.max(most, process.memoryUsage.rss());
    }
  });
  assert.is(statSync(path).size, 50_000_000);
  assert.ok(most - before < 40 << 20, `${(most - before) >> 20} MiB`);
});

test('what is there already stays, unless it may be replaced', async () => {
  const path = scratch.path('there');
  writeFileSync(path, 'precious', { mode: 0o640 });
  let asked = false;
  const error = await fails(
    'usage',
    writeOutputFile(path, {}, async () => {
      asked = true;
    }),
    /there already/,
  );
  assert.match(error.hint ?? '', '--overwrite');
  assert.is(asked, false, 'nothing is produced in vain');
  assert.is(readFileSync(path, 'utf8'), 'precious');
  await writeOutputFile(path, { overwrite: true }, hello);
  assert.is(readFileSync(path, 'utf8'), 'hello\n');
  assert.is(statSync(path).mode & 0o777, 0o640);
});

test('a name that is taken meanwhile is not overwritten', async () => {
  const path = scratch.path('race');
  await fails(
    'usage',
    writeOutputFile(path, {}, async (sink) => {
      await sink.write('late');
      writeFileSync(path, 'early');
    }),
    /there already/,
  );
  assert.is(readFileSync(path, 'utf8'), 'early');
  assert.equal(readdirSync(scratch.folder), ['race']);
});

test('a link stays a link, and what it leads to is replaced', async () => {
  mkdirSync(scratch.path('deep'));
  writeFileSync(scratch.path('deep/file'), 'old');
  symlinkSync('deep/file', scratch.path('link'));
  await fails('usage', writeOutputFile(scratch.path('link'), {}, hello));
  await writeOutputFile(scratch.path('link'), { overwrite: true }, hello);
  assert.ok(lstatSync(scratch.path('link')).isSymbolicLink());
  assert.is(readFileSync(scratch.path('deep/file'), 'utf8'), 'hello\n');
  symlinkSync('nowhere', scratch.path('dangling'));
  await fails('usage', writeOutputFile(scratch.path('dangling'), {}, hello));
  await writeOutputFile(scratch.path('dangling'), { overwrite: true }, hello);
  assert.ok(lstatSync(scratch.path('dangling')).isFile());
});

test('if producing fails, nothing is left and nothing is lost', async () => {
  const path = scratch.path('out');
  writeFileSync(path, 'old');
  const bug = new DmremapError('io', 'the spare cannot be read');
  let thrown: unknown;
  await writeOutputFile(path, { overwrite: true }, async (sink) => {
    await sink.write(Buffer.alloc(1 << 20));
    throw bug;
  }).catch((error: unknown) => {
    thrown = error;
  });
  assert.is(thrown, bug);
  assert.is(readFileSync(path, 'utf8'), 'old');
  assert.equal(readdirSync(scratch.folder), ['out']);
});

test('two at once do not meet', async () => {
  const slow = (text: string) => async (sink: Sink) => {
    await sink.write(text);
    await delay(20);
    await sink.write(text);
  };
  const path = scratch.path('out');
  const results = await Promise.allSettled([
    writeOutputFile(path, {}, slow('a')),
    writeOutputFile(path, {}, slow('b')),
  ]);
  assert.equal(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  assert.match(readFileSync(path, 'utf8'), /^(aa|bb)$/);
  assert.ok(!existsSync(scratch.path('.tmp')));
  assert.equal(readdirSync(scratch.folder), ['out']);
});
