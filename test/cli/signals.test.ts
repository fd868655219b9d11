import { assert, suite } from '../support/harness.js';
import { runFixture } from './fixture-cli/run.js';

const test = suite('signals');

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} ends a reading command at once, with 32`, async () => {
    const plain = await runFixture(['wait'], { signal });
    assert.equal(plain, { code: 32, stdout: '', stderr: `ready\nfixture wait: stopped by ${signal}\n` });

    const json = await runFixture(['wait', '--json'], { signal });
    assert.is(json.code, 32);
    assert.equal(JSON.parse(json.stdout), {
      command: 'wait',
      exit_code: 32,
      error: { code: 'cancelled', message: `stopped by ${signal}`, signal },
    });
  });
}

test('a writing command stops where nothing is half done', async () => {
  const { code, stderr } = await runFixture(['work'], { signal: 'SIGINT' });
  assert.is(code, 32);
  assert.match(
    stderr,
    /SIGINT: stopping as soon as nothing is left half done\nstep done\n.*stopped by SIGINT/s,
  );
});

test('a writing command that finishes nevertheless has succeeded', async () => {
  const { code, stdout } = await runFixture(['work', '--finish'], { signal: 'SIGTERM' });
  assert.is(code, 0);
  assert.is(stdout, 'finished\n');
});

test('what must not be left half done is finished, and after it a signal ends the command at once', async () => {
  const { code, stderr } = await runFixture(['correct'], { signal: 'SIGINT' });
  assert.is(code, 32);
  assert.is(
    stderr,
    [
      'ready',
      'fixture correct: SIGINT: stopping as soon as nothing is left half done',
      'corrected',
      'fixture correct: stopped by SIGTERM',
      '',
    ].join('\n'),
  );
});

test('the AbortError of an API that was given the signal is a cancellation', async () => {
  const { code, stdout } = await runFixture(['work', '--abortable', '--json'], { signal: 'SIGTERM' });
  assert.is(code, 32);
  assert.is(JSON.parse(stdout).error.message, 'stopped by SIGTERM');
});

test('a server handles its signals itself', async () => {
  const { code, stdout } = await runFixture(['own'], { signal: 'SIGTERM' });
  assert.is(code, 0);
  assert.is(stdout, 'stopped\n');
});
