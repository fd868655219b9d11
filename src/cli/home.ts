import { homedir } from 'node:os';

/**
 * Libraries ask for the user's home while they are loaded, and fail where nobody knows it: in an initramfs, in a
 * service, for an account that no database has. There it is the root folder, as the kernel has it for init.
 */
export function provideHome(): void {
  try {
    homedir();
  } catch {
    process.env['HOME'] = '/';
  }
}
