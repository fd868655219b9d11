import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { runTool } from '../../src/device/tool.js';
import { assert, suite } from '../support/harness.js';
import { Scratch, until } from './scratch.js';

/** Programs of the system that are asked about a device: those that are missing, hang, or outlive who asked. */

const test = suite('tools of the system');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

/** A program that says its number, writes it down, and hangs. */
function hanging(): { program: string; pid: () => number } {
  const program = scratch.path('hang');
  const note = scratch.path('pid');
  writeFileSync(program, `#!/bin/sh\necho $$ | tee ${note}\nexec sleep 600\n`);
  chmodSync(program, 0o755);
  return { program, pid: () => (existsSync(note) ? Number(readFileSync(note, 'utf8')) : 0) };
}

function isRunning(pid: number): boolean {
  try {
    // one that has ended and was not yet heard of is a zombie
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('what it says, as text or as bytes, and its code', async () => {
  const args = ['-c', "printf 'caf\\303\\251'; exit 3"];
  assert.equal(await runTool('sh', args), { code: 3, output: 'café' });
  assert.equal(await runTool('sh', args, { encoding: 'latin1' }), { code: 3, output: 'cafÃ©' });
});

test('one that is missing', async () => {
  assert.equal(await runTool(scratch.path('none'), []), { code: undefined, failure: 'missing', output: '' });
});

test('one that hangs is given up and killed', async () => {
  const { program, pid } = hanging();
  const told = await runTool(program, [], { timeout: 500 });
  assert.is(told.failure, 'late');
  await until(() => !isRunning(pid()), 'the tool is gone');
});

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  test(`${signal} ends a command and the tool that it waits for`, async () => {
    const { program, pid } = hanging();
    const asking = `import('${import.meta.dirname}/../../src/cli/signals.js').then(({ processInterruption }) => {
      processInterruption().install();
      return import('${import.meta.dirname}/../../src/device/tool.js');
    }).then(({ runTool }) => { console.log('asks'); return runTool(${JSON.stringify(program)}, []); });`;
    const { child } = await scratch.start(process.execPath, '--input-type=module', '-e', asking);
    const ended = new Promise((resolve) => child.once('close', resolve));
    await until(() => pid() > 0, 'the tool is running');
    child.kill(signal);
    assert.is(await ended, 32);
    await until(() => !isRunning(pid()), 'the tool is gone');
  });
