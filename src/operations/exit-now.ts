/** The way out while a request to a dying disk is stuck; see cli/leave.ts. */
export { exitNow } from '../device/syscalls.js';
