import { fstatSync, readdirSync, readFileSync, readlinkSync, writeSync } from 'node:fs';

/** The descriptors of the standard streams. */
const STANDARD = ['0', '1', '2'];

/**
 * Writes to a descriptor that whoever started this program gave to it by its number. To be called before a
 * device is opened: undefined where it was not given, since its number would become that of a device. A
 * reader that goes away is nobody's business.
 */
export function givenDescriptor(descriptor: number): ((text: string) => void) | undefined {
  if (!wasGiven(descriptor)) return undefined;
  return (text) => {
    try {
      writeSync(descriptor, text);
    } catch {
      // the reader has gone
    }
  };
}

/** Whether it can be written, is no device, and is none of those that Node has opened, as pipes to itself. */
function wasGiven(descriptor: number): boolean {
  try {
    const target = linkOf(descriptor);
    const twins = readdirSync('/proc/self/fd').filter(
      (other) => Number(other) !== descriptor && !STANDARD.includes(other) && linkOf(other) === target,
    );
    const isOwn = target.startsWith('anon_inode:') || (/^(pipe|socket):/.test(target) && twins.length > 0);
    return !isOwn && isWritable(descriptor) && !fstatSync(descriptor).isBlockDevice();
  } catch {
    return false;
  }
}

function linkOf(descriptor: number | string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return '';
  }
}

function isWritable(descriptor: number): boolean {
  const [, flags = '0'] =
    /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8')) ?? [];
  // the last octal digit: 0 read only, 1 write only, 2 both
  return Number(flags.at(-1)) % 4 !== 0;
}
