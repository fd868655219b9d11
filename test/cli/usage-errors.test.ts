import { DMREMAP, runProgram } from '../obligations/run-cli.js';
import { assert, needs, suite } from '../support/harness.js';
import { runFixture } from './fixture-cli/run.js';

const test = suite('usage errors');

interface Case {
  readonly title: string;
  readonly args: readonly string[];
  readonly message: string;
  /** The program that the hint names. */
  readonly program?: string;
}

const CASES: readonly Case[] = [
  { title: 'missing argument', args: ['show'], message: 'missing argument: SPARE' },
  { title: 'unknown flag', args: ['show', 'x', '--bogus'], message: 'unknown flag: --bogus' },
  {
    title: 'mistyped flag',
    args: ['show', 'x', '--formt', 'hex'],
    message: 'unknown flag: --formt (did you mean --format?)',
  },
  { title: 'unknown short flag', args: ['show', 'x', '-Z'], message: 'unknown flag: -Z' },
  {
    title: 'value of no option',
    args: ['show', 'x', '--format', 'pdf'],
    message: '--format: "pdf" is none of text, hex',
  },
  { title: 'flag without its value', args: ['show', 'x', '--count'], message: '--count expects a value' },
  { title: 'flag before a flag', args: ['show', 'x', '--count', '--on'], message: '--count expects a value' },
  {
    title: 'flag given twice',
    args: ['show', 'x', '--count=1', '--count=2'],
    message: '--count can only be specified once',
  },
  {
    title: 'excluding flags',
    args: ['show', 'x', '--on', '--off'],
    message: '--off and --on exclude each other',
  },
  { title: 'empty device name', args: ['show', ''], message: 'the name of a device is empty' },
  {
    title: 'count below its bound',
    args: ['show', 'x', '--count', '0'],
    message: '--count: "0" is not a whole number from 1 up',
  },
  {
    title: 'unexpected argument',
    args: ['wait', 'more', 'words'],
    message: 'unexpected arguments: "more" "words"',
  },
  {
    title: 'unknown command',
    args: ['shwo'],
    message: 'unknown command: shwo (did you mean show?)',
    program: 'fixture',
  },
  {
    title: 'unknown command with --help',
    args: ['shwo', '--help'],
    message: 'unknown command: shwo (did you mean show?)',
    program: 'fixture',
  },
  {
    title: 'flag instead of a command',
    args: ['--bogus'],
    message: 'unknown flag: --bogus',
    program: 'fixture',
  },
  {
    title: 'unknown command of a group',
    args: ['group', 'two'],
    message: 'unknown command: two',
    program: 'fixture group',
  },
  {
    title: 'group without a command',
    args: ['group'],
    message: 'missing argument: one of one',
    program: 'fixture group',
  },
  {
    title: 'colon instead of a space',
    args: ['group:one'],
    message: 'unknown command: group:one (did you mean group one?)',
    program: 'fixture',
  },
];

for (const { title, args, message, program = `fixture ${args[0]}` } of CASES) {
  test(`${title}: 16, in our words, the same with and without --json`, async () => {
    const plain = await runFixture(args);
    const prefix = program === 'fixture' || program === 'fixture group' ? 'fixture' : program;
    assert.is(plain.stderr, `${prefix}: ${message}\nTry '${program} --help'.\n`);
    assert.is(plain.stdout, '');
    assert.is(plain.code, 16);

    const json = await runFixture([...args, '--json']);
    assert.is(json.code, 16);
    assert.is(json.stderr, plain.stderr);
    const document = JSON.parse(json.stdout);
    assert.equal(Object.keys(document), ['command', 'exit_code', 'error']);
    assert.equal(document, {
      command: prefix === 'fixture' ? 'fixture' : args[0],
      exit_code: 16,
      error: { code: 'usage', message, hint: `Try '${program} --help'.` },
    });
  });
}

test('a hint of our own stays', async () => {
  const { stderr, code } = await runFixture(['show', 'x', '--size', '4X']);
  assert.match(stderr, /^fixture show: --size: "4X" is not a size\nA size is a whole number of bytes, /);
  assert.is(code, 16);
});

test('a missing argument is not taken from standard input', async () => {
  assert.is((await runFixture(['show'], { input: '/dev/sdx\n' })).code, 16);
});

test('a flag that may be repeated does not take the argument behind it', async () => {
  const { stdout } = await runFixture(['show', '--answer', 'a=b', 'x', '--json']);
  const document = JSON.parse(stdout);
  assert.is(document.spare, 'x');
  assert.equal(document.answers, ['a=b']);
});

test('what follows -- is no flag, neither for the parser nor for --json', async () => {
  const { stdout, code } = await runFixture(['show', '--', '--json']);
  assert.is(stdout, 'spare --json – shown\n');
  assert.is(code, 0);
});

test('NODE_ENV=test changes nothing', async () => {
  const { stderr, code } = await runFixture(['show', 'x'], { env: { NODE_ENV: 'test' } });
  assert.is(stderr, '');
  assert.is(code, 0);
});

test('no user database entry, no HOME and no SHELL are needed', async () => {
  needs('root', 'setpriv');
  const nobody = [
    'setpriv',
    '--reuid',
    '4123456',
    '--inh-caps=+dac_override',
    '--ambient-caps=+dac_override',
  ];
  const { stdout, stderr } = await runProgram(
    [...nobody, process.execPath, DMREMAP, 'explain', 'copy-damaged'],
    {
      env: { HOME: undefined, SHELL: undefined },
    },
  );
  assert.is(stderr, '');
  assert.match(stdout, /copy-damaged/);
});
