import type { BootFile, BootSet, Target } from './boot-file.js';
import { buildScript, installLines, modulesFor, programsFor, purpose } from './shell.js';

const FOLDER = '/etc/initramfs-tools';

/** Seconds for which disks are waited for, as the root device is. */
const PATIENCE = 30;

/** What initramfs-tools asks of each of its scripts. */
const PREREQUISITES = `case "$1" in
prereqs)
  echo ""
  exit 0
  ;;
esac
`;

/** A hook that puts the program into the initramfs, and a script that runs before the root device is looked for. */
export function initramfsToolsFiles(set: BootSet, target: Target): BootFile[] {
  return [
    { path: `${FOLDER}/hooks/${set.name}`, mode: 0o755, content: hook(set, target) },
    { path: `${FOLDER}/scripts/local-top/${set.name}`, mode: 0o755, content: script(set, target) },
  ];
}

function hook({ setUuid }: BootSet, target: Target): string {
  return `#!/bin/sh
# Puts dmremap into the initramfs, for set ${setUuid}; then: update-initramfs -u
set -e
${PREREQUISITES}
. /usr/share/initramfs-tools/hook-functions
manual_add_modules ${modulesFor(target)}
${installLines('DESTDIR', 'copy_exec', programsFor(target))}`;
}

function script(set: BootSet, target: Target): string {
  return `#!/bin/sh
${purpose(set, target)}${PREREQUISITES}
udevadm settle
${buildScript(set, target, PATIENCE)}`;
}
