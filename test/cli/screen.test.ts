import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert, needs, suite } from '../support/harness.js';
import { PROJECT } from '../support/project.js';
import { FIXTURE_CLI, runNode } from './fixture-cli/run.js';
import { runOnTerminal, type TerminalSettings } from './pseudo-terminal.js';

const test = suite('on the screen');

const SGR = /\p{Cc}\[[\d;]*m/u;

function help(args: readonly string[], settings: TerminalSettings) {
  const command = [process.execPath, FIXTURE_CLI, 'show', '--help', ...args];
  return runOnTerminal(command, [], { isStdoutTerminal: true, ...settings });
}

test('help has colour on a terminal, and none where it is not wanted', async () => {
  needs('python3');
  assert.match((await help([], {})).output, SGR);
  assert.not.match((await help(['--no-color'], {})).output, SGR);
  assert.not.match((await help([], { env: { NO_COLOR: '1' } })).output, SGR);
  assert.not.match((await help([], { env: { TERM: 'dumb' } })).output, SGR);
});

test('help keeps to the width of the terminal', async () => {
  needs('python3');
  for (const columns of [50, 80, 132]) {
    const { output } = await help(['--no-color'], { columns });
    const longest = Math.max(...output.split('\r\n').map((line) => line.length));
    assert.ok(longest <= columns, `a line of ${longest} at ${columns}`);
    assert.ok(longest > columns - 20, `no line beyond ${longest} at ${columns}`);
  }
});

test('an error is red on a terminal only', async () => {
  needs('python3');
  const command = [process.execPath, FIXTURE_CLI, 'fail', '--code', 'busy'];
  assert.match(
    (await runOnTerminal(command, [])).output,
    /^\p{Cc}\[31mfixture fail:\p{Cc}\[39m the message\r\n/u,
  );
  assert.match(
    (await runOnTerminal([...command, '--no-color'], [])).output,
    /^fixture fail: the message\r\n/,
  );
});

test('bin/run.js is the program', async () => {
  const { version } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'));
  const { stdout, code } = await runNode([join(PROJECT, 'bin', 'run.js'), '--version']);
  assert.is(stdout, `dmremap ${version}\n`);
  assert.is(code, 0);
});
