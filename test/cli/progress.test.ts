import { Progress, type ProgressMode, progressLine, progressMode } from '../../src/cli/progress.js';
import { assert, needs, suite } from '../support/harness.js';
import { FIXTURE_CLI, runFixture } from './fixture-cli/run.js';
import { runOnTerminal } from './pseudo-terminal.js';

const test = suite('progress');

function recorded(mode: ProgressMode, width = 80) {
  const written: string[] = [];
  let clock = 0;
  const progress = new Progress({ mode, width, write: (text) => written.push(text), now: () => clock });
  return { progress, written, pass: (ms: number) => (clock += ms) };
}

test('nothing without a terminal, a line on one, JSON where it is asked for', () => {
  const terminal = { color: false, unicode: false, width: 80, live: true };
  assert.is(progressMode(undefined, false, terminal), 'line');
  assert.is(progressMode(undefined, true, terminal), 'none');
  assert.is(progressMode(undefined, false, { ...terminal, live: false }), 'none');
  assert.is(progressMode('json', true, { ...terminal, live: false }), 'json');
});

test('JSON comes once a second and at the end', () => {
  const { progress, written, pass } = recorded('json');
  progress.start('copying', 100, 'sectors');
  for (let step = 0; step < 100; step++) {
    pass(25);
    progress.advance(1);
  }
  progress.done();
  const lines = written.map((line) => JSON.parse(line));
  assert.equal(
    lines.map(({ done }) => done),
    [40, 80, 100],
  );
  assert.equal(lines[0], {
    label: 'copying',
    done: 40,
    total: 100,
    unit: 'sectors',
    per_second: 40,
    seconds_left: 2,
  });
  assert.ok(written.every((line) => line.endsWith('\n') && line.indexOf('\n') === line.length - 1));
});

test('the line is redrawn in place, fits, and is taken away', () => {
  const { progress, written, pass } = recorded('line', 40);
  progress.start('a very long description of what is being done', 1 << 30);
  for (let step = 0; step < 5; step++) {
    pass(300);
    progress.advance(1 << 20);
  }
  progress.done();
  progress.done();
  assert.is(written.length, 6);
  for (const text of written) {
    assert.ok(text.startsWith('\r\u001b[K'));
    assert.ok(text.length - '\r\u001b[K'.length < 40);
    assert.not.match(text, '\n');
  }
  assert.is(written.at(-1), '\r\u001b[K');
});

test('an operation tells absolute states; a new label is a new piece of work', () => {
  const { progress, written, pass } = recorded('json');
  const { listener } = progress;
  listener({ label: 'reading', done: 0, total: 10, unit: 'items' });
  pass(1000);
  listener({ label: 'reading', done: 5, total: 10, unit: 'items' });
  listener({ label: 'writing', done: 0, unit: 'items' });
  pass(1000);
  listener({ label: 'writing', done: 3, unit: 'items' });
  progress.done();
  assert.equal(
    written
      .map((line) => JSON.parse(line))
      .map(({ label, done, total, per_second }) => [label, done, total, per_second]),
    [
      ['reading', 5, 10, 5],
      ['writing', 3, undefined, 3],
      ['writing', 3, undefined, 3],
    ],
  );
});

test('the rate is that of the last seconds', () => {
  const { progress, written, pass } = recorded('json');
  progress.start('reading', 1_000_000, 'items');
  for (let second = 0; second < 60; second++) {
    pass(1000);
    progress.advance(second < 40 ? 1000 : 10);
  }
  progress.done();
  const rates = written.map((line) => JSON.parse(line).per_second);
  assert.is(rates[39], 1000);
  assert.is(rates[59], 10);
});

test('silent mode writes nothing', () => {
  const { progress, written, pass } = recorded('none');
  progress.start('x', 10);
  pass(5000);
  progress.advance(1);
  progress.listener({ label: 'y', done: 1 });
  progress.done();
  assert.equal(written, []);
});

test('the wording', () => {
  assert.is(
    progressLine({ label: 'reading', done: 512 * 1024, total: 1024 * 1024 }, 1024),
    'reading:  50%  512 KiB of 1 MiB  1 KiB/s  8:32 left',
  );
  assert.is(progressLine({ label: 'scan', done: 3, unit: 'items' }, 0), 'scan:  3');
  assert.is(
    progressLine({ label: 'map', done: 0, total: 0, unit: 'sectors' }, 0),
    'map:  0 sectors of 0 sectors',
  );
  assert.match(progressLine({ label: 'x', done: 0, total: 36_610, unit: 'items' }, 10), '1:01:01 left');
});

test('a command shows none in a pipe and JSON on demand', async () => {
  const plain = await runFixture(['slow']);
  assert.is(plain.stderr, 'fixture slow: warning: in the middle\n');
  const json = await runFixture(['slow', '--progress=json', '-q']);
  const lines = json.stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.is(lines.length, 2);
  assert.is(lines.at(-1).done, 12 * 1024 * 1024);
  assert.is(json.stdout, '');
});

test('on a terminal a warning does not run into the line', async () => {
  needs('python3');
  const { output, stdout } = await runOnTerminal([process.execPath, FIXTURE_CLI, 'slow'], []);
  assert.is(stdout, 'read\n');
  assert.match(output, /\r\p{Cc}\[Kreading: {2}\d+% {2}/u);
  assert.match(output, /\r\p{Cc}\[Kfixture slow: (\p{Cc}\[33m)?warning:(\p{Cc}\[39m)? in the middle\r\n/u);
  assert.match(output, /\r\p{Cc}\[K$/u);
});
