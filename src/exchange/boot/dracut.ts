import type { BootFile, BootSet, Target } from './boot-file.js';
import { buildScript, installLines, modulesFor, programsFor, purpose } from './shell.js';

/** A module: what it installs, the script that builds the device, and the hook that runs the script. */
export function dracutFiles(set: BootSet, target: Target): BootFile[] {
  const folder = `/usr/lib/dracut/modules.d/90${set.name}`;
  return [
    { path: `${folder}/module-setup.sh`, mode: 0o755, content: setup(set, target) },
    { path: `${folder}/build.sh`, mode: 0o755, content: script(set, target) },
    { path: `${folder}/hook.sh`, mode: 0o755, content: hook(set) },
  ];
}

/** The queue runs as long as the root device is not there; before mounting is the last time to build any other. */
function setup(set: BootSet, target: Target): string {
  return `#!/bin/bash
# shellcheck disable=SC2154 # dracut sets initdir and moddir
# Puts dmremap into the initramfs, for set ${set.setUuid}; then: dracut --force

check() {
  require_binaries dmremap fsck.dmremap3 node ${programsFor(target).join(' ')}
}

depends() {
  echo ${target === 'linear' ? 'dm' : 'udev-rules'}
}

installkernel() {
  hostonly='' instmods ${modulesFor(target)}
}

install() {
  local package node program file
${indented(installLines('initdir', 'inst', programsFor(target)))}
  inst_multiple cat ln mkdir modprobe readlink rm sh sleep
  inst_script "$moddir/build.sh" /sbin/${set.name}
  inst_hook initqueue/settled 30 "$moddir/hook.sh"
  inst_hook pre-mount 30 "$moddir/hook.sh"
}
`;
}

function script(set: BootSet, target: Target): string {
  return `#!/bin/sh
${purpose(set, target)}${buildScript(set, target, 0)}`;
}

/** Dracut reads its hooks into its own shell. */
function hook({ name }: BootSet): string {
  return `#!/bin/sh
/sbin/${name}
`;
}

function indented(lines: string): string {
  return lines.trimEnd().replace(/^(?=.)/gm, '  ');
}
