/** The one place where commands ask what time it is: operations are told. Unix seconds. */
export function unixNow(): bigint {
  return BigInt(Math.floor(Date.now() / 1000));
}
