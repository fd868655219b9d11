/**
 * Writes oclif.manifest.json: what every command is called and takes, so that the program need not load all
 * commands to run one. With --check it writes nothing and fails when the file is not what it would write.
 * Run it after the build; it reads dist/commands.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Plugin } from '@oclif/core/config';
import { settings } from '@oclif/core/settings';

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    root: { type: 'string', default: resolve(import.meta.dirname, '..') },
  },
});

/** The manifest as text: independent of the order of directory entries and of the file that is there now. */
async function manifestText(root) {
  settings.enableAutoTranspile = false;
  const plugin = new Plugin({
    errorOnManifestCreate: true,
    ignoreManifest: true,
    isRoot: true,
    root,
    type: 'core',
  });
  await plugin.load();
  // Commands are sorted by name; within one, args must keep their order, which is that of the command line.
  const commands = Object.entries(plugin.manifest.commands).sort(([left], [right]) =>
    left < right ? -1 : 1,
  );
  return `${JSON.stringify({ ...plugin.manifest, commands: Object.fromEntries(commands) }, null, 2)}\n`;
}

function currentText(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

const file = resolve(values.root, 'oclif.manifest.json');
const text = await manifestText(values.root);
if (!values.check) {
  // Renamed into place: a program that starts now reads the old or the new one.
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
} else if (currentText(file) !== text) {
  console.error('oclif.manifest.json is not what the commands say: run `node scripts/manifest.mjs`');
  process.exitCode = 1;
}
