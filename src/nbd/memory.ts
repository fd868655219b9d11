/** Where a session takes memory that is used again and again. */
export interface Memory {
  /** So much is in use that no new request should be begun. */
  readonly isTight: boolean;
  /** Exactly so many bytes, whose content is not said. */
  take(length: number): Uint8Array;
  /** Ends the use of what take() gave; a part of it stands for the whole. */
  giveBack(bytes: Uint8Array): void;
}
