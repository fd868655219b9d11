import { Output, type Sink } from '../../src/cli/output.js';
import { DmremapError } from '../../src/errors.js';
import { assert, needs, suite } from '../support/harness.js';
import { runShell } from './fixture-cli/run.js';

const test = suite('output');

/** A stream in memory that fails when it is told to. */
class FakeSink implements Sink {
  readonly chunks: (string | Uint8Array)[] = [];
  constructor(
    private readonly fail: (count: number) => 'throws' | 'calls back' | undefined = () => undefined,
    private readonly errno = 'EPIPE',
  ) {}
  write(chunk: string | Uint8Array, done: (error?: Error | null) => void): boolean {
    const way = this.fail(this.chunks.length);
    const error = Object.assign(new Error(`write ${this.errno}`), { code: this.errno });
    if (way === 'throws') {
      throw error;
    }
    this.chunks.push(chunk);
    setImmediate(() => done(way === 'calls back' ? error : null));
    return true;
  }
  on(): void {}
  removeAllListeners(): void {}
}

for (const way of ['throws', 'calls back'] as const) {
  test(`a closed reader stops the source: ${way}`, async () => {
    let taken = 0;
    let isEnded = false;
    const output = new Output(new FakeSink((count) => (count >= 2 ? way : undefined)), 'standard output');
    async function* source() {
      try {
        for (;;) {
          taken += 1;
          yield 'x'.repeat(40_000);
        }
      } finally {
        isEnded = true;
      }
    }
    await output.write(source());
    assert.ok(output.isClosed);
    assert.ok(isEnded);
    assert.ok(taken <= 4, `${taken} pieces were taken`);
    await output.write('dropped');
  });

  test(`a full disk is an error: ${way}`, async () => {
    const output = new Output(new FakeSink(() => way, 'ENOSPC'), 'standard output');
    try {
      await output.write('x');
      assert.unreachable();
    } catch (error) {
      assert.instance(error, DmremapError);
      assert.is((error as DmremapError).code, 'no-space');
      assert.is((error as DmremapError).message, 'standard output: write failed: ENOSPC');
    }
  });
}

test('small pieces are gathered, bytes keep their place among them', async () => {
  const sink = new FakeSink();
  await new Output(sink, 'x').write(['a', 'b', new Uint8Array([1]), 'c', 'd']);
  assert.equal(sink.chunks, ['ab', new Uint8Array([1]), 'cd']);
});

test('head -1 leaves the verdict, is silent, and stops the work', async () => {
  needs('bash', 'head');
  for (const flags of ['', '--json']) {
    const { stdout, stderr } = await runShell(
      `$fixture stream --lines 2000000 ${flags} 2> >(cat >&2) | head -1; echo code=$PIPESTATUS`,
    );
    assert.match(stdout, /code=4\n$/);
    assert.not.match(stderr, 'EPIPE');
  }
});

test('a reader that is gone from the start, and a closed descriptor', async () => {
  needs('bash');
  const gone = await runShell('$fixture stream --lines 200000 2>/dev/null | true; echo code=$PIPESTATUS');
  assert.match(gone.stdout, 'code=4');
  const closed = await runShell('$fixture stream >&- 2>/dev/null; echo code=$?');
  assert.match(closed.stdout, 'code=4');
});

test('standard error closed does not change the code', async () => {
  needs('bash');
  const { stdout } = await runShell(
    '$fixture fail --code busy 2>&-; echo code=$?; $fixture fail --code busy 2>&1 >/dev/null | true; echo code=$PIPESTATUS',
  );
  assert.is(stdout, 'code=8\ncode=8\n');
});

test('a slow reader holds back the source: nothing piles up in memory', async () => {
  needs('bash');
  // 24 MB through a pipe that is read only after a second.
  const { stdout, stderr } = await runShell('$fixture stream --lines 300000 | (sleep 1; wc -c)');
  assert.is(stdout.trim(), '24000000');
  const largest = Number(/largest=(\d+)/.exec(stderr)?.[1]);
  assert.ok(largest < 200_000, `${largest} bytes were waiting`);
});

test('a long JSON document arrives whole', async () => {
  needs('bash');
  const { stdout } = await runShell('$fixture stream --lines 50000 --json');
  assert.is(JSON.parse(stdout).rows.length, 50_000);
});

test('a full device is 8 and says so, with and without --json', async () => {
  needs('/dev/full', 'bash');
  for (const flags of ['', '--json', '--help']) {
    const { stdout, stderr } = await runShell(`$fixture stream ${flags} >/dev/full; echo code=$? >&2`);
    assert.is(stdout, '');
    assert.match(stderr, 'write failed: ENOSPC');
    assert.match(stderr, 'code=8');
  }
});

test('a source that breaks is reported after what it gave', async () => {
  const { stdout, stderr, code } = await runShell('$fixture stream --lines 10 --fail-at 5');
  assert.is(stdout.length, 400);
  assert.is(code, 8);
  assert.match(stderr, 'the source broke');
});

test('a request that is stuck does not hold back the end', async () => {
  needs('bash', 'mkfifo', 'timeout');
  const { stdout } = await runShell(
    'd=$(mktemp -d); mkfifo $d/f; timeout 20 $fixture stuck $d/f; echo code=$?; rm -r $d',
  );
  assert.is(stdout, 'done\ncode=4\n');
});
