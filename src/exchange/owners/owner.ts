/** What a sector of a filesystem belongs to. */
export interface Owner {
  /** Null where it is no file's, or the tool did not say. */
  readonly inode: number | null;
  /** All names of the inode, from the root of its filesystem. */
  readonly paths: readonly string[];
  /** What there is to say beside or in place of a file. */
  readonly note: string | null;
}

export function nobody(note: string): Owner {
  return { inode: null, paths: [], note };
}
