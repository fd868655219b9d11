/** The way out while a request to a dying disk is stuck; see cli/leave.ts. */
import { exitNow as exitAtOnce } from '../device/syscalls.js';
import { endTools } from '../device/tool.js';

export function exitNow(code: number): void {
  endTools();
  exitAtOnce(code);
}
