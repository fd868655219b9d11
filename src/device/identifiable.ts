/** A device whose identity or stable name is asked for: a FileDevice is one. */
export interface Identifiable {
  /** "MAJ:MIN" of a block device, undefined for an image. */
  readonly deviceNumber: string | undefined;
}
