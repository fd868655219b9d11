import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import type { Roots } from '../../src/device/sysfs.js';

/** Files below a folder: name to content. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

export interface MadeUpDevice {
  /** "MAJ:MIN". */
  readonly number: string;
  /** 512-byte sectors; 2^21 unless told. */
  readonly sectors?: number;
  /** The folder below /sys/devices in which `block` (or the device itself) lies. */
  readonly at?: string;
  /** Files in the device's own folder, such as `wwid` and `queue/rotational`. */
  readonly files?: Files;
  /** Files in what its `device` link leads to. */
  readonly device?: Files;
  /** Kernel names of what it is made of. */
  readonly slaves?: readonly string[];
}

/** /sys, /dev, /proc and /run/udev as the kernel lays them out, in a folder, for devices that nobody has here. */
export class MadeUpMachine {
  readonly folder = mkdtempSync(join(tmpdir(), 'dmremap-machine-'));
  readonly roots: Roots = {
    sysfs: join(this.folder, 'sys'),
    dev: join(this.folder, 'dev'),
    proc: join(this.folder, 'proc'),
    udev: join(this.folder, 'run/udev'),
  };
  private readonly folders = new Map<string, string>();

  constructor() {
    for (const name of ['block', 'class/block', 'dev/block']) this.folderAt(join(this.roots.sysfs, name));
    this.folderAt(this.roots.dev);
    this.folderAt(join(this.roots.proc, 'self'));
  }

  disk(name: string, told: MadeUpDevice): this {
    const at = told.at ?? 'virtual';
    const folder = join(this.roots.sysfs, 'devices', at, 'block', name);
    this.write(folder, {
      dev: `${told.number}\n`,
      size: `${told.sectors ?? 1 << 21}\n`,
      ro: '0\n',
      uevent: this.uevent(name, told.number, 'disk'),
      'queue/logical_block_size': '512\n',
      'queue/physical_block_size': '512\n',
      'queue/rotational': '1\n',
      ...told.files,
    });
    if (told.device !== undefined) {
      this.write(join(this.roots.sysfs, 'devices', at), told.device);
      this.link(join(folder, 'device'), join(this.roots.sysfs, 'devices', at));
    }
    this.link(join(this.roots.sysfs, 'block', name), folder);
    this.register(name, told, folder);
    return this;
  }

  /** A partition, from sector `start` of its disk on. */
  partition(disk: string, number: number, told: MadeUpDevice & { readonly start?: number }): this {
    const name = `${disk}${/\d$/.test(disk) ? 'p' : ''}${number}`;
    const folder = join(this.folders.get(disk) ?? '', name);
    this.write(folder, {
      dev: `${told.number}\n`,
      partition: `${number}\n`,
      start: `${told.start ?? 2048}\n`,
      size: `${told.sectors ?? 8192}\n`,
      ro: '0\n',
      uevent: `${this.uevent(name, told.number, 'partition')}PARTN=${number}\n`,
      ...told.files,
    });
    this.register(name, told, folder);
    return this;
  }

  /** A name below /dev that leads to a node, as udev makes it. */
  devLink(path: string, name: string): this {
    this.link(join(this.roots.dev, path), join(this.roots.dev, name));
    return this;
  }

  /** Writes below one of the roots. */
  file(root: keyof Roots, path: string, content: string | Uint8Array): this {
    this.write(this.roots[root], { [path]: content });
    return this;
  }

  cleanUp(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private uevent(name: string, number: string, type: string): string {
    const [major, minor] = number.split(':');
    return `MAJOR=${major}\nMINOR=${minor}\nDEVNAME=${name.replaceAll('!', '/')}\nDEVTYPE=${type}\n`;
  }

  private register(name: string, told: MadeUpDevice, folder: string): void {
    this.folders.set(name, folder);
    this.link(join(this.roots.sysfs, 'class/block', name), folder);
    this.link(join(this.roots.sysfs, 'dev/block', told.number), folder);
    for (const below of ['holders', 'slaves']) this.folderAt(join(folder, below));
    for (const slave of told.slaves ?? []) {
      const target = this.folders.get(slave) ?? '';
      this.link(join(folder, 'slaves', slave), target);
      this.link(join(target, 'holders', name), folder);
    }
  }

  private write(folder: string, files: Files): void {
    this.folderAt(folder);
    for (const [path, content] of Object.entries(files)) {
      this.folderAt(dirname(join(folder, path)));
      writeFileSync(join(folder, path), content);
    }
  }

  private link(path: string, target: string): void {
    this.folderAt(dirname(path));
    symlinkSync(relative(dirname(path), target), path);
    if (basename(path) === '') throw new Error('a link needs a name');
  }

  private folderAt(path: string): void {
    mkdirSync(path, { recursive: true });
  }
}

/** A page of vital product data: code, then this content. */
export function vpdPage(code: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([0, code, content.length >> 8, content.length & 0xff]), content]);
}
