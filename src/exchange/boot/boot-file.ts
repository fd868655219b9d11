/** A file that has a part in building the remapped device at boot. */
export interface BootFile {
  /** Where it belongs. */
  readonly path: string;
  readonly mode: number;
  readonly content: string;
}

/** What is built, named so that it is found whatever the kernel calls its disks at that boot. */
export interface BootSet {
  readonly setUuid: string;
  /** The name of the remapped device: without blanks, and another one for each set. */
  readonly name: string;
}

export const TARGETS = ['linear', 'nbd'] as const;
/** How the remapped device is made: by device-mapper, or by a server and the kernel's nbd client. */
export type Target = (typeof TARGETS)[number];

/** Where the made device is to be mounted from. By UUID= or LABEL= main would be found as well. */
export function deviceOf({ name }: BootSet, target: Target): string {
  return target === 'linear' ? `/dev/mapper/${name}` : `/run/dmremap/${name}`;
}
