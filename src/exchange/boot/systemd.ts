import { type BootFile, type BootSet, deviceOf, type Target } from './boot-file.js';
import { attachLine, checkLine, mapLine, modulesFor } from './shell.js';

/** A service that makes the device before anything local is mounted, and takes it away after all is unmounted. */
export function systemdFiles(set: BootSet, target: Target): BootFile[] {
  const path = `/etc/systemd/system/${set.name}.service`;
  return [{ path, mode: 0o644, content: unit(set, target, path) }];
}

function unit(set: BootSet, target: Target, path: string): string {
  return `# ${path}
# Mount what it makes as ${deviceOf(set, target)}; by UUID= or LABEL= main would be found as well.
[Unit]
Description=Remapped device of dm-remap set ${set.setUuid}
DefaultDependencies=no
Wants=systemd-udev-settle.service local-fs-pre.target
After=systemd-udev-settle.service systemd-modules-load.service systemd-remount-fs.service
Before=local-fs-pre.target
Conflicts=shutdown.target
Before=shutdown.target

[Service]
ExecStartPre=-modprobe -q ${modulesFor(target)}
ExecStartPre=${line(checkLine(set))}
${(target === 'linear' ? linear(set) : nbd(set)).join('\n')}

[Install]
WantedBy=sysinit.target
`;
}

function linear(set: BootSet): string[] {
  return [
    'Type=oneshot',
    'RemainAfterExit=yes',
    'TimeoutStartSec=infinity',
    `ExecStart=${line(mapLine(set))}`,
    `ExecStop=-dmsetup remove --retry ${set.name}`,
  ];
}

function nbd(set: BootSet): string[] {
  const device = deviceOf(set, 'nbd');
  return [
    'Type=notify',
    'TimeoutStartSec=10min',
    // what is not saved yet is saved when it stops
    'TimeoutStopSec=10min',
    `ExecStart=${line(`exec dmremap serve SET=${set.setUuid}`)}`,
    `ExecStartPost=${line(attachLine(set))}`,
    `ExecStop=-${line(`nbd-client -d "$(readlink ${device})"`)}`,
    `ExecStopPost=-rm -f ${device}`,
  ];
}

/** A line of the shell as systemd takes it: it reads backslashes, percent and dollar signs first. */
function line(script: string): string {
  return `/bin/sh -c '${script.replace(/[\\$%]/g, '$&$&')}'`;
}
