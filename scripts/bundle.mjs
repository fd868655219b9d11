/**
 * Puts each program in one file, after tsc: a program of a hundred modules spends most of its start on finding,
 * reading and linking them. CommonJS as the entries in bin/ are: Node starts sooner with it, and loads a module
 * of its own no sooner than it is used.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');

/**
 * Found at run time: a native library, what is loaded only to ask questions or to serve, what oclif can do
 * without, and the programs of which one is chosen.
 */
const EXTERNAL = [
  ...['koffi', 'inquirer', 'pino', 'prom-client', 'typescript'],
  ...['./framework.cjs', '../fsck/program.cjs'],
];

const inputs = new Set();
for (const [program, code] of [
  ['src/cli/program', choice()],
  ['src/cli/framework', dmremap()],
  ['src/fsck/program', "export { check, main } from './main.js';"],
]) {
  const { metafile } = await bundle(program, code);
  for (const input of Object.keys(metafile.inputs)) inputs.add(input);
}
writeFileSync(join(dist, 'src', 'licenses.txt'), licenses(inputs));

/** What bin/run.js starts: the command framework takes long to load, and is loaded for what needs it. */
function choice() {
  return `
    import { readPlainCheck } from './plain-check.js';
    export const main = (argv) => {
      const check = readPlainCheck(argv);
      if (check === undefined) return require('./framework.cjs').main(argv);
      return require('../fsck/program.cjs').check(check);
    };`;
}

/** The program with a list of its commands, which oclif by itself looks for as files. */
function dmremap() {
  const commands = readdirSync(join(dist, 'commands'), { recursive: true })
    .filter((file) => file.endsWith('.js'))
    .map((file) => `'${file.slice(0, -3).replaceAll('/', ':')}': () => import('../../commands/${file}')`);
  return `
    import { main as start, thisProgram } from './main.js';
    const commands = { ${commands.join(', ')} };
    export const main = (argv) => start(argv, { ...thisProgram(), commands });`;
}

function bundle(program, contents) {
  const file = join(dist, `${program}.cjs`);
  return esbuild.build({
    stdin: { contents, resolveDir: dirname(file) },
    outfile: file,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20.17',
    minifySyntax: true,
    minifyWhitespace: true,
    external: EXTERNAL,
    metafile: true,
    absWorkingDir: root,
    logLevel: 'warning',
    plugins: [{ name: 'places', setup: (build) => keepPlaces(build, dirname(file)) }],
  });
}

/** A module in a bundle knows where it was before: files are found from there. What it requires is bundled too. */
function keepPlaces(build, folder) {
  build.onLoad({ filter: /\/dist\/src\/.*\.js$/ }, ({ path }) => {
    const place = `require('node:path').join(__dirname, ${JSON.stringify(relative(folder, path))})`;
    const contents = readFileSync(path, 'utf8')
      .replaceAll('createRequire(import.meta.url)(', 'require(')
      .replaceAll('import.meta.url', `require('node:url').pathToFileURL(${place}).href`);
    return { contents };
  });
}

/** The licences of everything of others that is in the bundles. */
function licenses(inputs) {
  const folders = new Set();
  for (const input of inputs) {
    const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? [];
    if (folder !== undefined) folders.add(join(root, folder));
  }
  return [...folders].sort().map(licenseOf).join('\n');
}

function licenseOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((candidate) => /^licen[cs]e/i.test(candidate));
  const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8');
  return `${name} ${version}, ${license}\n\n${text}\n${'-'.repeat(72)}\n`;
}
