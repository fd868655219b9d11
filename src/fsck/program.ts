/** What bin/fsck.dmremap3.js starts. A build puts the whole program in one file in its place: scripts/bundle.mjs. */
export { main } from './main.js';
