import { type BootSet, deviceOf, type Target } from './boot-file.js';

/**
 * The steps of building a device, as lines of a POSIX shell. The table is made anew each time, from the devices
 * that carry the set's identity then; it is held back until it is whole.
 */

/** A comment on top of a script for an initramfs. */
export function purpose(set: BootSet, target: Target): string {
  return `# Builds the remapped device of set ${set.setUuid}.
# Where the root filesystem is on it, say on the kernel's command line: root=${deviceOf(set, target)}
# By UUID= or LABEL= main would be found as well.
`;
}

/** Succeeds where the metadata is in order or was put in order: 0 and 1 of fsck(8). Sets $code. */
export function checkLine({ setUuid }: BootSet): string {
  return `code=0; fsck.dmremap3 -a SET=${setUuid} || code=$?; test $code -le 1`;
}

/** Makes the mapped device. */
export function mapLine({ setUuid }: BootSet): string {
  return `table=$(dmremap table SET=${setUuid} --format command) && printf "%s\\n" "$table" | sh`;
}

/** Attaches a served set to the first nbd device that is free, and gives that a name which says whose it is. */
export function attachLine(set: BootSet): string {
  const attach = `nbd-client -unix /run/dmremap/${set.setUuid}.nbd "/dev/$nbd"`;
  const name = `ln -sfn "/dev/$nbd" ${deviceOf(set, 'nbd')}`;
  return `for node in /sys/block/nbd*; do nbd=\${node##*/}; test -e "$node/pid" || { ${attach} && ${name} && exit 0; }; done; exit 1`;
}

/**
 * A script that builds the device once, for an initramfs: ends with 0 where it stands. Disks that come late are
 * waited for.
 *
 * @param patience seconds
 */
export function buildScript(set: BootSet, target: Target, patience: number): string {
  const device = deviceOf(set, target);
  const build =
    target === 'linear'
      ? `modprobe -q dm-mod\n${mapLine(set)}`
      : [
          'modprobe -q nbd',
          `dmremap serve SET=${set.setUuid} --quiet --detach || exit`,
          `( ${attachLine(set)} ) || { dmremap ctl stop --set ${set.setUuid}; exit 1; }`,
        ].join('\n');
  return `test ! -e ${device} || exit 0
# what cannot be corrected unattended stays as it is, however often this runs
test ! -e /run/${set.name}.failed || exit 1
wait=${patience}
until ${checkLine(set)}; do
  # 8: not here yet, or not to be read; anything else is for a person
  if test $code -ne 8; then
    : >/run/${set.name}.failed
    echo "${set.name} is not built: dmremap check SET=${set.setUuid}" >&2
    exit 1
  fi
  test $wait -gt 0 || exit 1
  wait=$((wait - 1))
  sleep 1
done
${build}
`;
}

/**
 * Puts the program as it is installed, with Node, into the tree of an initramfs.
 *
 * @param root the variable that holds the tree
 * @param copy the function that copies a program with its libraries
 */
export function installLines(root: string, copy: string, programs: readonly string[]): string {
  return `# the program as it is installed, started by the Node that runs it here
program=$(command -v dmremap)
package=$(dirname "$(dirname "$(readlink -f "$program")")")
node=$(command -v node)
node=$(readlink -f "$node")
mkdir -p "$${root}$package" "$${root}/usr/bin"
cp -a "$package/." "$${root}$package/"
for program in dmremap fsck.dmremap3; do
  file=$(readlink -f "$(command -v $program)")
  printf '#!/bin/sh\\nexec "%s" "%s" "$@"\\n' "$node" "$file" >"$${root}/usr/bin/$program"
  chmod 0755 "$${root}/usr/bin/$program"
done
${copy} "$node"
${programs.map((program) => `${copy} "$(command -v ${program})"`).join('\n')}
`;
}

/** The programs that a device needs besides the shell's own and dmremap. */
export function programsFor(target: Target): readonly string[] {
  return target === 'linear' ? ['dmsetup'] : ['nbd-client'];
}

/** The kernel's modules that it needs. */
export function modulesFor(target: Target): string {
  return target === 'linear' ? 'dm-mod' : 'nbd';
}
