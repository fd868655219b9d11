import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CATALOGUE } from '../../src/check/catalogue/index.js';
import { exitCodeOf } from '../../src/cli/exit-codes.js';
import { ERROR_CODES } from '../../src/errors.js';
import { assert, suite } from '../support/harness.js';
import { PROJECT } from '../support/project.js';
import { ROWS } from './commands.js';
import { dmremap, type Ended, fsck } from './run-cli.js';
import { GENERAL, SCHEMAS } from './schemas.js';

/**
 * What users script against stands in files, so that a change of it is seen: help/NAME.txt, the help of each
 * command; frozen.json, all commands, flags, exit codes and problem ids. After a change that is meant:
 *
 *     DMREMAP_UPDATE_FROZEN=1 npm test -- obligations/frozen
 */

const test = suite('obligations: frozen');
const FOLDER = join(PROJECT, 'test', 'obligations');
const UPDATE = process.env['DMREMAP_UPDATE_FROZEN'] === '1';

/** What the frozen file says; freezes it anew if that is asked for. */
function frozen(file: string, now: string): string {
  const path = join(FOLDER, file);
  if (UPDATE) writeFileSync(path, now);
  assert.ok(existsSync(path), `${file} is not there: freeze it with DMREMAP_UPDATE_FROZEN=1`);
  return readFileSync(path, 'utf8');
}

function commandFiles(folder = ''): string[] {
  return readdirSync(join(PROJECT, 'commands', folder), { withFileTypes: true }).flatMap((entry) => {
    const name = join(folder, entry.name);
    return entry.isDirectory() ? commandFiles(name) : [name.replace(/\.ts$/, '').replaceAll('/', ' ')];
  });
}

test('every command has its row and its schema', () => {
  const commands = commandFiles().sort();
  assert.equal(ROWS.map(({ name }) => name).sort(), commands);
  const schemas = [...SCHEMAS.keys()].filter((name) => !GENERAL.includes(name));
  assert.equal(
    schemas,
    commands.map((name) => name.replaceAll(' ', '-')),
  );
});

function assertHelp(name: string, { code, stdout, stderr }: Ended): void {
  assert.equal([code, stderr], [0, ''], name);
  const wide = stdout.split('\n').filter((line) => line.length > 80);
  assert.equal(wide, [], `${name}: lines beyond 80 columns`);
  const file = `help/${name.replaceAll(' ', '-')}.txt`;
  assert.fixture(stdout, frozen(file, stdout), `${file} is what users rely on`);
}

for (const { name } of ROWS) {
  test(`${name} --help`, async () => {
    assertHelp(name, await dmremap([...name.split(' '), '--help']));
  });
}

test('the help of the programs themselves', async () => {
  assertHelp('dmremap', await dmremap(['--help']));
  assert.is((await dmremap([])).stdout, readFileSync(join(FOLDER, 'help', 'dmremap.txt'), 'utf8'));
  assertHelp('fsck.dmremap3', await fsck(['--help']));
});

test('no help is left of commands that are gone', () => {
  const known = [...ROWS.map(({ name }) => name.replaceAll(' ', '-')), 'dmremap', 'fsck.dmremap3'];
  const files = readdirSync(join(FOLDER, 'help')).map((file) => file.replace(/\.txt$/, ''));
  assert.equal(files.sort(), known.sort());
});

interface ManifestCommand {
  readonly id: string;
  readonly args: { readonly [name: string]: { readonly required?: boolean; readonly multiple?: boolean } };
  readonly flags: { readonly [name: string]: ManifestFlag };
}

interface ManifestFlag {
  readonly type: 'boolean' | 'option';
  readonly char?: string;
  readonly options?: readonly string[];
  readonly default?: unknown;
  readonly required?: boolean;
  readonly multiple?: boolean;
}

function manifestCommands(): ManifestCommand[] {
  const text = readFileSync(join(PROJECT, 'oclif.manifest.json'), 'utf8');
  const { commands } = JSON.parse(text) as { commands: { [id: string]: ManifestCommand } };
  return Object.values(commands);
}

/** `-o, --output VALUE`, `--layout redundant|plain = redundant` */
function flagLine(name: string, flag: ManifestFlag): string {
  const value = flag.type === 'boolean' ? '' : ` ${flag.options?.join('|') ?? 'VALUE'}`;
  const usual = flag.default === undefined ? '' : ` = ${flag.default}`;
  const required = flag.required === true ? ' (required)' : '';
  return `${flag.char === undefined ? '' : `-${flag.char}, `}--${name}${value}${usual}${required}`;
}

function argumentLine(name: string, arg: ManifestCommand['args'][string]): string {
  const word = `${name.toUpperCase()}${arg.multiple === true ? '...' : ''}`;
  return arg.required === true ? word : `[${word}]`;
}

function frozenFacts() {
  const commands = manifestCommands().map(({ id, args, flags }) => [
    id.replaceAll(':', ' '),
    {
      arguments: Object.entries(args).map(([name, arg]) => argumentLine(name, arg)),
      flags: Object.entries(flags)
        .map(([name, flag]) => flagLine(name, flag))
        .sort(),
    },
  ]);
  return {
    commands: Object.fromEntries(commands),
    error_codes: Object.fromEntries(ERROR_CODES.map((code) => [code, exitCodeOf(code)])),
    problems: Object.fromEntries(CATALOGUE.map(({ id, severity, fix }) => [id, `${severity}, ${fix}`])),
  };
}

test('commands, flags, exit codes and problem ids', () => {
  const now = JSON.stringify(frozenFacts(), null, 2);
  const before = linesOf(JSON.parse(frozen('frozen.json', `${now}\n`)));
  const after = linesOf(frozenFacts());
  const gone = before.filter((line) => !after.includes(line));
  const fresh = after.filter((line) => !before.includes(line));
  assert.equal({ gone, fresh }, { gone: [], fresh: [] }, 'frozen.json is what users rely on');
});

/** `commands check flags -p, --preen`: a line for each fact, whatever the order in the file. */
function linesOf(facts: unknown, way = ''): string[] {
  if (typeof facts !== 'object' || facts === null) return [`${way}${facts}`];
  return Object.entries(facts).flatMap(([key, value]) =>
    linesOf(value, Array.isArray(facts) ? way : `${way}${key} `),
  );
}
