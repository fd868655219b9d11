import { assert, suite } from './support/harness.js';
import { codeOf, importsOf } from './support/source-text.js';
import { findCycle, loadedBy, type SourceFile, sourcesIn } from './support/source-tree.js';

/** The plan of the house: who may import whom. Change it here first. */

interface Room {
  /** Rooms that this one may import, besides itself and COMMON. */
  readonly uses: readonly string[];
  /** No I/O, no clock, no randomness: those come in as arguments. */
  readonly pure?: true;
}

const BELOW = [
  'layout',
  'format',
  'signatures',
  'device',
  'machine',
  'undo',
  'store',
  'check',
  'repair',
  'migrate',
  'exchange',
  'remap',
  'serve',
  'server',
  'control',
];

const ROOMS: Readonly<Record<string, Room>> = {
  'src/layout': { uses: [], pure: true },
  'src/format': { uses: ['layout'], pure: true },
  'src/signatures': { uses: [], pure: true },
  'src/device': { uses: [] },
  'src/machine': { uses: ['device', 'format', 'layout', 'store', 'migrate'] },
  'src/undo': { uses: ['format', 'layout', 'device', 'store'] },
  'src/store': { uses: ['format', 'layout', 'device', 'signatures'] },
  'src/check': { uses: ['format', 'layout', 'store'], pure: true },
  'src/repair': { uses: ['format', 'layout', 'store', 'check'], pure: true },
  'src/migrate': { uses: ['format', 'layout', 'store', 'check'], pure: true },
  'src/exchange': { uses: ['format', 'layout', 'store'], pure: true },
  'src/remap': { uses: ['format', 'layout'], pure: true },
  'src/serve': { uses: ['remap', 'migrate', 'store', 'device', 'format', 'layout'] },
  'src/nbd': { uses: [], pure: true },
  'src/server': { uses: ['nbd', 'serve', 'device'] },
  'src/control': { uses: ['server', 'exchange', 'device'] },
  // What belongs to the process of a server.
  'src/service': { uses: ['server', 'serve', 'nbd', 'remap', 'device', 'format', 'operations'] },
  'src/operations': { uses: BELOW },
  'src/cli': { uses: ['operations', 'check', 'repair', 'migrate', 'format', 'layout', 'exchange', 'store'] },
  // A program of its own, which starts without the command framework.
  'src/fsck': { uses: ['cli', 'operations'] },
  commands: { uses: ['cli', 'operations', 'service'] },
};

/** Files that every room may import. */
const COMMON = ['src/errors.ts', 'src/units.ts'];

/** Packages and modules of Node that are let in at few places only, and in how many files at most. */
const GUESTS: readonly (readonly [module: RegExp, where: RegExp, most?: number])[] = [
  [/^@oclif\//, /^(commands|src\/cli)\//],
  [/^inquirer$|^@inquirer\//, /^src\/cli\//],
  [/^cli-table3$/, /^src\/cli\/render\//, 1],
  [/^crc(\/|$)/, /^src\/format\/checksum\.ts$/],
  [
    /^node:fs(\/|$)/,
    /^src\/(device\/|undo\/files\.ts$|server\/(socket-file|tls)\.ts$|control\/places\.ts$|service\/(log-place|pid-file)\.ts$)/,
  ],
  // the bell's socket is no connection: the event loop watches nothing else for us
  [/^node:(net|tls)$/, /^src\/(server|control|service|operations\/serve)\/|^src\/device\/bell\.ts$/],
  [/^pino$/, /^src\/service\/log\.ts$/],
  [/^prom-client$/, /^src\/service\/metrics\.ts$/],
  [/^koffi$/, /^src\/device\//],
  [/^uvu(\/|$)/, /^test\/support\/harness\.ts$/],
];

/** What a pure room may not mention, in code. */
const IMPURE: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['the clock', /\bDate\s*\.\s*now\b|\bnew\s+Date\s*(?:\(\s*\)|(?!\s*\())/],
  ['chance', /\bMath\s*\.\s*random\b/],
  ['process', /(?<![.\w$])process\s*[.[]/],
  ['performance', /(?<![.\w$])performance\s*[.[]/],
  ['console', /(?<![.\w$])console\s*[.[]/],
];

/** What bin/fsck.dmremap3.js starts, in one file. */
const FSCK = 'src/fsck/main.ts';
const NEVER_IN_FSCK = /^@oclif\/|^inquirer$|^@inquirer\/|^cli-table3$/;

const program = sourcesIn('src', 'commands', 'bin');
const everything = [...program, ...sourcesIn('test', 'bench', 'scripts')];

/** `src/check` for src/check/rules/a.ts; `src/fsck` for src/fsck.ts; `commands` for commands/ctl/save.ts. */
function roomOf(file: string): string {
  const [top = '', second = ''] = file.split('/');
  return top === 'src' ? `${top}/${second.replace(/\.ts$/, '')}` : top;
}

function bare(room: string): string {
  return room.replace(/^src\//, '');
}

const test = suite('architecture');

test('every source lies in a room of the plan', () => {
  const lost = program
    .map((file) => file.name)
    .filter((name) => !COMMON.includes(name) && !(roomOf(name) in ROOMS) && !name.startsWith('bin/'));
  assert.equal(lost, []);
});

test('imports run one way', () => {
  const wrong = program
    .filter((file) => !file.name.startsWith('bin/'))
    .flatMap((file) =>
      file.imports
        .filter(({ file: target }) => target !== undefined && !mayImport(file.name, target))
        .map(({ from }) => `${file.name} imports ${from}`),
    );
  assert.equal(wrong, []);
});

function mayImport(importer: string, target: string): boolean {
  if (COMMON.includes(target)) return true;
  if (COMMON.includes(importer)) return false;
  const [own, other] = [roomOf(importer), roomOf(target)];
  return own === other || (ROOMS[own]?.uses.includes(bare(other)) ?? false);
}

test('the entries hold nothing: each loads one program', () => {
  const entries = program.filter((file) => file.name.startsWith('bin/'));
  const loaded = entries.map(({ imports }) => imports.map(({ from }) => from));
  assert.equal(loaded, [['../dist/src/fsck/program.cjs'], ['../dist/src/cli/program.cjs']]);
});

test('nothing imports itself by a detour', () => {
  assert.is(findCycle(program)?.join(' → '), undefined);
});

test('guests stay where they were let in', () => {
  const wrong: string[] = [];
  for (const [module, where, most] of GUESTS) {
    const hosts = everything.filter((file) => file.imports.some(({ from }) => module.test(from)));
    // Tests and scripts may read files; uvu is the guest that is meant for them.
    const watched = /uvu/.test(module.source) ? hosts : hosts.filter((file) => program.includes(file));
    for (const file of watched) if (!where.test(file.name)) wrong.push(`${file.name} imports ${module}`);
    if (most !== undefined && watched.length > most)
      wrong.push(`${module} in ${watched.map((file) => file.name)}`);
  }
  assert.equal(wrong, []);
});

test('pure rooms are pure', () => {
  const pure = program.filter((file) => ROOMS[roomOf(file.name)]?.pure === true);
  assert.equal(pure.flatMap(impurities), []);
});

function impurities(file: SourceFile): string[] {
  const modules = file.imports
    .filter(({ from }) => from.startsWith('node:') && from !== 'node:buffer')
    .map(({ from }) => `${file.name} imports ${from}`);
  const words = IMPURE.filter(([, pattern]) => pattern.test(file.code)).map(
    ([what]) => `${file.name} uses ${what}`,
  );
  return [...modules, ...words];
}

test('modules of Node are named as such', () => {
  const plain = /^(?:fs|path|os|net|util|crypto|child_process|stream|events|buffer|url|zlib)(?:\/|$)/;
  const wrong = program.flatMap((file) => file.imports.filter(({ from }) => plain.test(from)));
  assert.equal(wrong, []);
});

test('fsck.dmremap3 starts without the command framework', () => {
  const loaded = loadedBy(FSCK);
  assert.ok(loaded.size > 3, 'its imports were not found');
  const wrong = [...loaded].filter(([module]) => NEVER_IN_FSCK.test(module)).map(([, way]) => way);
  assert.equal(wrong, []);
});

test('the independent witnesses import nothing of src', () => {
  const witness = /^test\/support\/(?:build-image|format-numbers|reader|mutate|random|fixtures)/;
  const wrong = everything
    .filter((file) => witness.test(file.name))
    .flatMap((file) => file.imports.filter((item) => item.file?.startsWith('src/')).map(() => file.name));
  assert.equal(wrong, []);
});

test('what is impure is seen, in code alone', () => {
  const seen = (text: string) =>
    IMPURE.filter(([, pattern]) => pattern.test(codeOf(text))).map(([what]) => what);
  assert.equal(seen('a = Date.now(); b = new Date(); c = new Date;'), ['the clock']);
  assert.equal(seen('Math.random(); process.exit(1); performance.now(); console.log(1)').length, 4);
  assert.equal(seen('// Date.now()\nnew Date(5); `process.env`; "console.log"; a.process.b'), []);
});

test('imports are found in every form', () => {
  const source = `
    import a, { type B } from './a.js'; // import x from 'commented';
    import type { C } from "./c.js"; /* import 'commented too'; */
    import type from './type.js';
    import './effect.js';
    export * from './all.js';
    export type { D } from './d.js';
    const text = 'import e from "quoted"', pattern = /import f from 'pattern'/, half = 4 / 2;
    const deep = \`import '\${await import('./deep.js')}' import "template"\`;
    const { g } = await import('./lazy.js');`;
  const found = importsOf(source).map(({ from, typeOnly }) => (typeOnly ? `type ${from}` : from));
  const wanted = ['./a.js', 'type ./c.js', './type.js', './effect.js', './all.js', 'type ./d.js'];
  assert.equal(found.sort(), [...wanted, './deep.js', './lazy.js'].sort());
});
