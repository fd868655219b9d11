import { LogSink, type Put } from '../../src/service/log-sink.js';
import { assert, suite } from '../support/harness.js';

const test = suite('log sink');

const MEBIBYTE = 1 << 20;

/** A log that takes up to `room` bytes at a time, none while it is shut, and refuses all while it is broken. */
class Taker {
  text = '';
  isShut = false;
  isBroken = false;
  readonly #room: number;

  constructor(room: number) {
    this.#room = room;
  }

  readonly put: Put = async (bytes) => {
    if (this.isBroken) throw new Error('EIO');
    if (this.isShut) return 0;
    const taken = Math.min(this.#room, bytes.length);
    this.text += Buffer.from(bytes.subarray(0, taken)).toString();
    return taken;
  };
}

function sinkOf(taker: Taker): { sink: LogSink; lacks: number[] } {
  const lacks: number[] = [];
  return { sink: new LogSink(taker.put, (lines) => lacks.push(lines)), lacks };
}

test('lines are taken whole and in order, in however small pieces', async () => {
  const taker = new Taker(3);
  const { sink, lacks } = sinkOf(taker);
  const lines = Array.from({ length: 50 }, (_, number) => `line ${number}\n`);
  for (const line of lines) sink.write(line);
  await sink.end();
  assert.is(taker.text, lines.join(''));
  assert.equal(lacks, []);
});

test('a log that takes nothing keeps nobody waiting, nor more than a bound; it is told what it lacks', async () => {
  const taker = new Taker(MEBIBYTE);
  taker.isShut = true;
  const { sink, lacks } = sinkOf(taker);
  const line = `${'x'.repeat(1023)}\n`;
  for (let count = 0; count < 3000; count++) sink.write(line);
  assert.is(taker.text, '');
  taker.isShut = false;
  await sink.end();
  assert.is(taker.text.length, MEBIBYTE);
  assert.equal(lacks, [3000 - 1024]);
});

test('what is refused is left out, and told once something is taken', async () => {
  const taker = new Taker(MEBIBYTE);
  const { sink, lacks } = sinkOf(taker);
  taker.isBroken = true;
  sink.write('one\n');
  sink.write('two\n');
  await new Promise(setImmediate);
  taker.isBroken = false;
  sink.write('three\n');
  sink.write('four\n');
  await sink.end();
  assert.is(taker.text, 'three\nfour\n');
  assert.equal(lacks, [2]);
});

test('what tells of lines that are missing may find no room itself: none is forgotten', async () => {
  const taker = new Taker(MEBIBYTE);
  taker.isShut = true;
  const told: number[] = [];
  const sink: LogSink = new LogSink(taker.put, (lines) => {
    told.push(lines);
    sink.write('y'.repeat(2000));
  });
  for (let count = 0; count < 3000; count++) sink.write(`${'x'.repeat(1023)}\n`);
  taker.isShut = false;
  await sink.end();
  assert.ok(told.length > 1);
  assert.equal(new Set(told), new Set([3000 - 1024]));
});

test('a line that was cut off stands alone', async () => {
  const taker = new Taker(3);
  const { sink } = sinkOf(taker);
  sink.write('first\n');
  sink.write('second\n');
  const put = taker.put;
  let calls = 0;
  const cutting = new LogSink(
    (bytes) => (++calls === 2 ? Promise.reject(new Error('ENOSPC')) : put(bytes)),
    () => {},
  );
  await sink.end();
  cutting.write('third\n');
  cutting.write('fourth\n');
  await cutting.end();
  assert.is(taker.text, 'first\nsecond\nthi\nfourth\n');
});

test('the end waits for a log that takes something, and not for one that takes nothing', async () => {
  const taker = new Taker(MEBIBYTE);
  taker.isShut = true;
  const { sink } = sinkOf(taker);
  sink.write('never\n');
  await sink.end();
  taker.isShut = false;
  sink.write('too late\n');
  await new Promise(setImmediate);
  assert.is(taker.text, '');
});
